"""``GET /fhir/$emergency-access/{id}?practitioner=HPR|number``: the patient's record as the hub has it, to the one who opened it.

A searchset of the messages about the patient, the latest first, each a message Bundle of its own; what was read is recorded before it is
answered. Every item is asked about anew at every request, by row 9 and the rows above it.
"""

import asyncio
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from hub import telemetry
from hub.consent.question import Verdict
from hub.errors import Cause, Rejected
from hub.identity import HPR, NO_BASIS, derived_id
from hub.ledger.citizen import Kept, Slice, messages_of
from hub.ledger.connect import Conn
from hub.ledger.disclosures import patient_keys_of
from hub.ledger.emergencies import Access, Emergency, Personnel, Step, Why, find_access, keep
from hub.model import Detail, Form, Provider, Rule
from hub.terms import terms_of
from hub.web.access import require
from hub.web.answers import FHIR_JSON
from hub.web.emergency import denial
from hub.web.emergency.pace import What, hold_back
from hub.web.emergency.right import Right, reasons, right_to
from hub.web.judge import bearer
from hub.web.state import STATE, State
from hub.web.tokens import Role
from hub.web.whose import is_theirs

COUNT: Final = 50
COUNT_MAX: Final = 100
_KNOWN: Final = frozenset({"practitioner", "_count", "_from"})
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """One message, or what may be shown of it, as a FHIR Bundle."""

    event_id: str
    kind: str
    verdict: Verdict
    bundle: bytes = field(repr=False)


async def read(request: web.Request) -> web.Response:
    """200 with a page of it; 403 with the row when the access has run out, was closed, or is another person's."""
    state = request.app[STATE]
    who = require(request, Role.PROVIDER)
    person, page = _query(request)
    access = await find(state, request.match_info["id"])
    provider = bearer(who, await state.region.now())
    hold_back(request, What.READING, access.asked.access)
    opened, by = access.asked, Personnel(provider.id, person)
    why = _closed(access, by, state.clock())
    if why is not None:
        return await denial.denied(state, opened, by, request.remote or "", why)
    right, keys, kept = await state.ledger.run(_looked_up, state, opened, provider, page)
    if right.denial is not None:
        return await denial.denied(state, opened, by, request.remote or "", Why.DECIDED, right.denial)
    shown = await asyncio.to_thread(lambda: tuple(_shown(state, right, kept, keys)))
    row = _row(opened, request.remote or "", right, shown, page)
    if not await state.ledger.run(keep, row):
        return await denial.denied(state, opened, by, request.remote or "", Why.CLOSED)
    telemetry.EMERGENCIES.labels(Step.READ).inc()
    return web.Response(body=_bundle(request, shown, page, is_last=len(kept) < page.limit), content_type=FHIR_JSON, charset="utf-8")


async def find(state: State, id_: str) -> Access:
    """The access of an address. Raises HTTPNotFound, Faulted."""
    found = await state.ledger.run(find_access, id_) if _ID.fullmatch(id_) else None
    if found is None:
        raise web.HTTPNotFound
    return found


def _query(request: web.Request) -> tuple[str, Slice]:
    """HPR number of who reads, and the page. Raises HTTPBadRequest."""
    given = request.query
    system, _, person = given.get("practitioner", "").rpartition("|")
    count, skip = given.get("_count", str(COUNT)), given.get("_from", "0")
    is_one = len(given) == len(set(given)) and _KNOWN.issuperset(given)
    if not is_one or NO_BASIS.get(system, system) not in ("", HPR) or not _NUMBER.fullmatch(person):
        raise web.HTTPBadRequest
    if not _DIGITS.fullmatch(skip) or not _DIGITS.fullmatch(count) or not 1 <= int(count) <= COUNT_MAX:
        raise web.HTTPBadRequest
    return person, Slice(int(count), int(skip))


def _closed(access: Access, by: Personnel, now_us: int) -> Why | None:
    """What keeps this person out whatever the decision table says."""
    opened = access.asked
    if opened.who.provider != by.provider:
        return Why.OTHER_ORGANISATION
    if opened.who.person != by.person:
        return Why.OTHER_PERSON
    if access.closed_us is not None:
        return Why.CLOSED
    return Why.EXPIRED if now_us >= opened.until_us else None


def _looked_up(conn: Conn, state: State, opened: Emergency, provider: Provider, page: Slice) -> tuple[Right, frozenset[str], list[Kept]]:
    keys = patient_keys_of(conn, [opened.patient_key])
    right = right_to(conn, opened, provider, terms_of(state.settings), state.clock())
    return right, keys, messages_of(conn, keys, page)


def _shown(state: State, right: Right, kept: Collection[Kept], keys: frozenset[str]) -> Iterator[Shown]:
    """What can be read of them and may be shown."""
    if state.recall is None:
        return
    for k in kept:
        try:
            message = state.recall(k.stored)
            copy, verdict = right.copy(message, is_theirs=is_theirs(state, message, keys))
            if copy is not None:
                event = message.event()
                yield Shown(event.event_id, event.kind.value, verdict, copy.render(Form.FHIR, Detail.FULL, right.recipient))
        except (Rejected, ValueError):
            continue
        except Exception as exc:  # noqa: BLE001  whatever is wrong with one message must not keep the others from who needs them now
            telemetry.fault("web", Cause.INTERNAL)
            telemetry.log("emergency_fault", place=telemetry.place(exc))


def _row(opened: Emergency, address: str, right: Right, shown: Collection[Shown], page: Slice) -> Emergency:
    what = (opened.access, str(right.now_us), str(page.skip), str(page.limit))
    return Emergency(
        derived_id("emergency", Step.READ.value, *what), right.now_us, Step.READ, opened.access, opened.who, address, opened.patient_key,
        opened.grounds.without_words, rule=Rule.EMERGENCY.value, because=reasons([right.verdict, *(s.verdict for s in shown)]),
        events=tuple(s.event_id for s in shown), kinds=tuple(s.kind for s in shown),
    )  # fmt: skip


def _bundle(request: web.Request, shown: Collection[Shown], page: Slice, *, is_last: bool) -> bytes:
    """The bytes of each message's Bundle are those the hub made."""
    links = [{"relation": "self", "url": str(request.url)}]
    if not is_last:
        query = {"practitioner": request.query["practitioner"], "_count": page.limit, "_from": page.skip + page.limit}
        links.append({"relation": "next", "url": f"{request.url.origin()}{request.path}?{urlencode(query, safe='|:')}"})
    head: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    each = b'{"fullUrl":"urn:uuid:%b","resource":%b,"search":{"mode":"match"}}'
    entries = b",".join(each % (json.loads(s.bundle)["id"].encode(), s.bundle) for s in shown)
    text = json.dumps(head).encode()
    return text[:-1] + b',"entry":[%b]}' % entries if entries else text
