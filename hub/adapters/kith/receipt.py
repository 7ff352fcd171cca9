"""A receipt (AppRec 1.0, 1.1) as it comes in: what became of a message the hub sent, and which message that was."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hub.adapters.kith import schema
from hub.adapters.kith.document import parse
from hub.adapters.kith.mappings.models import APPREC_1_0, APPREC_1_1
from hub.adapters.kith.times import microseconds
from hub.adapters.markup import Element
from hub.errors import Reason, Rejected
from hub.identity import kith_id
from hub.model import Detail, ReceiptStatus

# Namespace -> how MIGversion begins
VERSIONS: Final = {APPREC_1_0: ("1.0", "v1.0"), APPREC_1_1: ("v1.1", "1.1")}
_ID_MAX: Final = 255


class Status(StrEnum):
    """Volven 8258."""

    OK = "1"
    REJECTED = "2"
    PARTLY = "3"  # taken, but for a part of it


WORDS: Final[Mapping[Status, ReceiptStatus]] = MappingProxyType(
    {Status.OK: ReceiptStatus.ACCEPTED, Status.REJECTED: ReceiptStatus.REJECTED, Status.PARTLY: ReceiptStatus.PARTLY}
)
PLACE: Final = "AppRec"
ORIGINAL: Final = f"{PLACE}/OriginalMsgId/Id"


@dataclass(frozen=True, slots=True)
class Fault:
    """What was wrong: a code and its code system (Volven 8221, or the message's own). The words stay in the receipt."""

    code: str = field(repr=False)
    system: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one receiver says of one message."""

    id: str = field(repr=False)
    version: str  # "1.0" or "1.1"
    status: Status
    faults: tuple[Fault, ...]
    original_id: str = field(repr=False)  # MsgId of the message it is about
    original_type: str = field(repr=False)  # Volven 8279
    senders: tuple[str, ...] = field(repr=False)  # numbers and names of who writes the receipt, the innermost first
    receivers: tuple[str, ...] = field(repr=False)  # the same of whom it is for: the sender of the message it is about
    said_us: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it left the hub for one recipient: composed under an id of the hub's, or the sender's own under the sender's.

    event_id: that of a copy where something was left out. control_id: of one that came as KITH. sender: the first of the names it gives
    its sender.
    """

    event_id: str
    recipient: str
    detail: Detail
    control_id: str = field(repr=False)
    sender: str = field(default="", repr=False)


def is_receipt(root: Element) -> bool:
    """Whether a document is a receipt of any version."""
    return root.name == "AppRec" and root.namespace in VERSIONS


def read(raw: bytes) -> Receipt:
    """The receipt in some bytes. Raises Rejected: those of ``parse`` and ``schema.check``, UNSUPPORTED_TYPE, UNSUPPORTED_VERSION."""
    return of_tree(parse(raw)[0])


def of_tree(root: Element) -> Receipt:
    """``read`` of a document that was parsed before."""
    if not is_receipt(root):
        raise Rejected(Reason.UNSUPPORTED_TYPE, "document")
    version = root.text("MIGversion")
    if not version:
        raise Rejected(Reason.MISSING_FIELD, "AppRec/MIGversion")
    if not version.startswith(VERSIONS[root.namespace]):
        raise Rejected(Reason.UNSUPPORTED_VERSION, "AppRec/MIGversion")
    schema.check(root)
    status = root.value("Status")
    if status not in set(Status):
        raise Rejected(Reason.BAD_VALUE, "AppRec/Status")
    original = root.text("OriginalMsgId", "Id")
    for value, place in ((root.text("Id"), "AppRec/Id"), (original, ORIGINAL)):
        if not value or len(value) > _ID_MAX or not value.isprintable():
            raise Rejected(Reason.BAD_VALUE if value else Reason.MISSING_FIELD, place)
    return Receipt(
        id=root.text("Id"),
        version=VERSIONS[root.namespace][0].removeprefix("v"),
        status=Status(status),
        faults=tuple(Fault(e.value(), e.attributes.get("S", "").strip()) for e in root.all("Error")),
        original_id=original,
        original_type=root.value("OriginalMsgId", "MsgType"),
        senders=_names(root, "Sender"),
        receivers=_names(root, "Receiver"),
        said_us=microseconds(root.text("GenDate")) or 0,
    )


def _names(root: Element, role: str) -> tuple[str, ...]:
    institution = root.first(role, "HCP", "Inst")
    units = [*institution.all("Dept"), institution] if institution is not None else root.all("none")
    found = dict.fromkeys(unit.text(name) for name in ("Id", "Name") for unit in units)
    return tuple(name for name in found if name and name.isprintable())


def correlate(receipt: Receipt, sent: Iterable[Sent]) -> Sent | None:
    """The one of these messages that a receipt is about; None when it is about none of them, or it cannot be said about which.

    An id of a sender's own is the sender's only: of several messages under it the one is meant whose sender the receipt is for.
    """
    found = {one for one in sent if receipt.original_id in _ids(one)}
    named = [one for one in found if len(found) == 1 or one.sender in receipt.receivers]
    return named[0] if len(named) == 1 else None


def _ids(one: Sent) -> tuple[str, ...]:
    own = (one.control_id,) if one.detail is Detail.FULL and one.control_id else ()
    return (kith_id(one.event_id, one.detail, one.recipient), *own)
