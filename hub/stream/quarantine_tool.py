"""``hub quarantine list | show ID | redrive ID | release ID``: what a person must look at, and what they can do about it."""

import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from hub.errors import Reason, Rejected
from hub.identity import derived_id, kith_id
from hub.ledger import quarantine as ledger
from hub.ledger import receipts
from hub.ledger.connect import Pool
from hub.ledger.quarantine import Content, Kept, Parked, Remade
from hub.ledger.receipts import Answered
from hub.ledger.trace import moment
from hub.model import Detail, Form, Message, Provider, ReceiptStatus, Received, Rule
from hub.pipeline import Copies

DONE: Final = 0
FAILED: Final = 1

# What a receiver's answer, or the hub's own, asks of a person; other codes are the receiver's own.
_ACTS: Final = MappingProxyType(
    {
        "AE": "the receiver could not process it: ask its operator, then redrive or release it",
        "AR": "the receiver does not take it: ask its operator, then redrive or release it",
        "CE": "the receiver could not process it: ask its operator, then redrive or release it",
        "CR": "the receiver does not take it: ask its operator, then redrive or release it",
        "form_changed": "it was made for the channel the receiver had before: redrive it to have it made anew, or release it",
        "not_redactable": "it cannot be made without what may not be shown: tell the hub's makers, and redrive it when that is mended, or "
        "release it",
        Rule.PATIENT_UNRESOLVED: "its identifiers are two patients': it goes when a merge makes them one; else have it sent corrected, and "
        "release this one",
    }
)
_ACT: Final = "the receiver refused it with this code: ask its operator, then redrive or release it"
_SAID: Final = MappingProxyType(
    {
        ReceiptStatus.REJECTED: "it was delivered, and the receiver's application refused it: ask its operator or have it sent corrected, "
        "then release it",
        ReceiptStatus.PARTLY: "it was delivered, and the receiver's application took it but for a part: ask its operator, then release",
    }
)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the tool works with.

    reread: a kept message as it would be taken now, each patient's part of it; raises Rejected. accept: makes it durable.
    read: what its bytes mean.
    recipient: a provider of the directory.
    """

    pool: Pool
    reread: Callable[[Content], Sequence[Received]]
    accept: Callable[[Received], Awaitable[None]]
    clock: Callable[[], int]
    read: Callable[[Received], Message]
    recipient: Callable[[str], Provider | None]


class NotThereError(Exception):
    """No such id in quarantine, or it cannot be done; ``str`` is the line to print."""


def told(item: Kept | Parked | Answered) -> dict[str, Any]:
    """One entry as JSON, without the message's content."""
    if isinstance(item, Answered):
        return {
            "id": item.id,
            "what": "receipt",
            "received": moment(item.noted_us),
            "recipient": item.recipient,
            "kind": item.kind,
            "reason": " ".join((item.status, *item.codes)),
            "act": _SAID[ReceiptStatus(item.status)],
            "state": "answered",
        }
    if isinstance(item, Kept):
        return {
            "id": item.id,
            "what": "message",
            "received": moment(item.received_us),
            "times": item.times,
            "adapter": item.adapter,
            "provider": item.provider,
            "control_id": item.control_id,
            "trigger": item.trigger,
            "reason": item.reason,
            "where": item.place,
            "act": item.act,
            "state": "redriven" if item.is_redriven else "kept",
        }
    return {
        "id": item.id,
        "what": "delivery",
        "received": moment(item.received_us),
        "recipient": item.recipient,
        "channel": item.channel,
        "kind": item.kind,
        "attempts": item.attempts,
        "reason": item.code,
        "act": _ACTS.get(item.code, _ACT),
        "state": "held" if item.code == Rule.PATIENT_UNRESOLVED else "parked",
    }


async def entries(desk: Desk) -> list[dict[str, Any]]:
    """Everything in quarantine: messages, parked deliveries, then refusals by receivers' applications. Raises Faulted."""
    kept, parked = await desk.pool.run(ledger.list_kept), await desk.pool.run(ledger.list_parked)
    return [*map(told, kept), *map(told, parked), *map(told, await desk.pool.run(receipts.list_answered))]


async def _find(desk: Desk, any_id: str) -> Kept | Parked | Answered:
    found: Kept | Parked | Answered | None
    if ":" in any_id:
        found = await desk.pool.run(ledger.find_parked, any_id) or await desk.pool.run(receipts.find_answered, any_id)
    else:
        found = await desk.pool.run(ledger.find_kept, any_id)
    if found is None:
        raise NotThereError("nothing in quarantine has this id: see hub quarantine list")
    return found


async def show(desk: Desk, any_id: str) -> dict[str, Any]:
    """One entry. Raises NotThereError, Faulted."""
    return told(await _find(desk, any_id))


async def raw(desk: Desk, any_id: str) -> bytes:
    """The bytes of a kept message: patient data. Raises NotThereError, Faulted."""
    item = await _find(desk, any_id)
    content = await desk.pool.run(ledger.content, item.id.partition(":")[0])
    if content is None:
        raise NotThereError("its bytes are not kept under this id")
    return content.raw


async def redrive(desk: Desk, any_id: str) -> str:
    """Put a message through the hub again, or try a delivery again; what was done. Raises NotThereError, Faulted."""
    item = await _find(desk, any_id)
    if isinstance(item, Answered):
        raise NotThereError("it was delivered: the receiver's application would be given the same again; have its sender send it corrected")
    if isinstance(item, Parked):
        return await _try_again(desk, item)
    if item.reason == Reason.SENDER_MISMATCH:
        raise NotThereError("it was sent by someone who may not speak under this name: it can only be sent again by its owner")
    content = await desk.pool.run(ledger.content, item.id)
    if content is None or not content.raw:
        raise NotThereError("its bytes are not kept under this id")
    parts = _reread(desk, content)
    await desk.pool.run(ledger.allow_again, item.id, [p.event_id for p in parts], item.recipients, desk.clock())
    for part in parts:  # what is not recorded when this fails is put through by the next redrive
        await desk.accept(part)
    return f"sent through the hub again: hub trace {parts[0].event_id if len(parts) == 1 else parts[0].control_id}"


def _reread(desk: Desk, content: Content) -> Sequence[Received]:
    try:
        return desk.reread(content)
    except Rejected as exc:
        where = f" at {exc.where}" if exc.where else ""
        raise NotThereError(f"it would be refused again: {exc.reason}{where}: {exc.answer.act}") from None


async def _try_again(desk: Desk, item: Parked) -> str:
    """Try a delivery again; one of a form that its recipient takes no more is made anew, from the message's own bytes and under its ids."""
    recipient = desk.recipient(item.recipient)
    if recipient is None or recipient.deliver.form == item.form:
        done = await desk.pool.run(ledger.redrive_delivery, item)
    else:
        done = await desk.pool.run(ledger.remake_delivery, item, await _remade(desk, item, recipient, recipient.deliver.form))
    if not done:
        raise NotThereError("the delivery is not parked any more: see hub trace")
    return "tried again now; consent is asked again first"


async def _remade(desk: Desk, item: Parked, recipient: Provider, form: Form) -> Remade:
    content = await desk.pool.run(ledger.source, item)
    if content is None or not content.raw:
        raise NotThereError("its bytes are not kept under this id")
    received = replace(_reread(desk, content)[0], event_id=item.event_id)  # a delivery is of one patient's message
    try:
        copy = Copies(desk.read(received)).without(item.dropped)
        payload = copy.render(form, Detail(item.detail), recipient) if copy is not None else b""
    except Rejected as exc:
        raise NotThereError(f"it cannot be made into what its recipient takes: {exc.answer.act}") from None
    if copy is None:
        raise NotThereError("nothing of it may be shown: release it")
    known = copy.received.event_id
    own = {
        Form.FHIR: derived_id(known, "bundle", item.detail),
        Form.KITH: kith_id(known, Detail(item.detail), item.recipient),
    }
    return Remade(recipient.deliver.channel, form, payload, own.get(form, ""), known if item.dropped else "")


async def release(desk: Desk, any_id: str) -> str:
    """Give a parked delivery up, so that the patient's later ones go on, or take note of a refusal; what was done.

    Raises NotThereError, Faulted.
    """
    item = await _find(desk, any_id)
    if isinstance(item, Kept):
        raise NotThereError("a message in quarantine holds up nothing: only a parked delivery (event:recipient) can be released")
    if isinstance(item, Answered):
        await desk.pool.run(receipts.take_note, item, desk.clock())
        return "taken note of; it stays in hub trace"
    if not await desk.pool.run(ledger.release_delivery, item, desk.clock()):
        raise NotThereError("the delivery is not parked any more: see hub trace")
    return "discarded unsent; the patient's later messages to this recipient go on"


_WORKS: Final[Mapping[str, Callable[[Desk, str], Awaitable[str]]]] = {"redrive": redrive, "release": release}


async def run_quarantine(desk: Desk, action: str, any_id: str = "", *, as_json: bool, with_raw: bool = False) -> int:
    """Do and print one action (list, show, redrive, release); the exit code. Raises Faulted."""
    try:
        if action == "list":
            _print_list(await entries(desk), as_json=as_json)
        elif action == "show" and with_raw:
            sys.stdout.buffer.write(await raw(desk, any_id))
        elif action == "show":
            _print([await show(desk, any_id)], as_json=as_json)
        else:
            done = await _WORKS[action](desk, any_id)
            sys.stdout.write((json.dumps({"id": any_id, action: done}) if as_json else done) + "\n")
    except NotThereError as exc:
        sys.stderr.write(f"hub quarantine: {exc}\n")
        return FAILED
    return DONE


def _print_list(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    elif not found:
        sys.stdout.write("nothing in quarantine\n")
    else:
        _print(found, as_json=False)


def _print(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(found[0], ensure_ascii=False) + "\n")
        return
    for item in found:
        place = f" at {item['where']}" if item.get("where") else ""
        who = item.get("recipient") or item.get("provider") or "unknown sender"
        times = f", {item['times']} times" if item.get("times", 1) > 1 else ""
        sys.stdout.write(f"{item['id']}  {item['received']}  {who}  {item['state']}{times}\n    {item['reason']}{place}: {item['act']}\n")
