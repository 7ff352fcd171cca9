"""Receipts the hub writes (AppRec 1.0, 1.1): whether a message was taken, and if not, why, by the codes of Volven 8221.

A receipt can be written for any bytes, also such as are no message. It names the message by its id and the place of a fault by its path;
nothing else of the message but the names of the two organisations is repeated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from hub.adapters.kith.document import parse
from hub.adapters.kith.mappings import TYPES
from hub.adapters.kith.mappings.models import APPREC_1_0, APPREC_1_1
from hub.adapters.kith.message import chain, heading
from hub.adapters.kith.receipt import Status
from hub.adapters.kith.times import microseconds
from hub.adapters.markup import Element, made, to_bytes
from hub.adapters.volven import ERROR
from hub.errors import Reason, Rejected
from hub.identity import derived_id
from hub.model import Refusal

SOFTWARE: Final = "Care Pathway Hub"
VERSIONS: Final = MappingProxyType({"1.0": (APPREC_1_0, "1.0 2004-11-21"), "1.1": (APPREC_1_1, "v1.1 2012-02-15")})
STATUSES: Final[Mapping[Status, str]] = MappingProxyType(
    {Status.OK: "OK", Status.REJECTED: "Avvist", Status.PARTLY: "OK, feil i delmelding"}
)
# 8221: code -> words
WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "E10": "Ugyldig meldingsidentifikator",
        "E20": "Lege finnes ikke",
        "E21": "Mottaker finnes ikke",
        "E30": "Pasientens fødselsnummer mangler",
        "E31": "Pasientens fødselsnummer er feil",
        "E35": "Pasienten finnes ikke i mottakersystemet",
        "S01": "Feil på signatur",
        "S02": "Ugyldig sertifikat",
        "S03": "Tilbaketrukket sertifikat",
        "S99": "Annen feil på signatur eller sertifikat",
        "T01": "Ikke XML / ikke 'well formed' / uleselig",
        "T02": "XML validerer ikke",
        "T10": "Støtter ikke meldingsformatet",
        "T99": "Annen feil på format",
        "X99": "Annen feil",
    }
)
# Every reason for a refusal -> 8221
CODES: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.MISSING_CONTROL_ID: "E10",
        Reason.DUPLICATE_CONTROL_ID: "E10",
        Reason.MISSING_PATIENT: "E30",
        Reason.UNWELCOME_PERSON_NUMBER: "E31",
        Reason.SENDER_MISMATCH: "S99",  # somebody else's name was proven
        Reason.BAD_XML: "T01",
        Reason.UNSAFE_XML: "T01",
        Reason.BAD_ENCODING: "T01",
        Reason.NO_HEADER: "T02",
        Reason.MISSING_SEGMENT: "T02",
        Reason.MISSING_FIELD: "T02",
        Reason.BAD_VALUE: "T02",
        Reason.BROKEN_REFERENCE: "T02",
        Reason.UNSUPPORTED_TYPE: "T10",
        Reason.UNSUPPORTED_EVENT: "T10",
        Reason.UNSUPPORTED_VERSION: "T10",
        Reason.UNSUPPORTED_PROCESSING_ID: "T10",
        Reason.UNSUPPORTED_FORMAT: "T10",
        Reason.NOT_A_MESSAGE: "T10",
        Reason.BAD_JSON: "T10",
        Reason.BAD_DELIMITERS: "T10",
        Reason.BAD_FRAME: "T99",
        Reason.BAD_SEGMENT: "T99",
        Reason.SEVERAL_MESSAGES: "T99",
        Reason.TOO_LARGE: "T99",
        Reason.TOO_COMPLEX: "T99",
        Reason.UNKNOWN_SENDER: "X99",
        Reason.SEVERAL_PATIENTS: "X99",
        Reason.UNSUPPORTED_CONSENT: "X99",
        Reason.INTERNAL_ERROR: "X99",
        Reason.NO_TRANSLATION: "X99",  # of a part: some recipient cannot be given it
    }
)
_ZONE: Final = ZoneInfo("Europe/Oslo")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ORGANISATION_IDS: Final = frozenset(
    {"HER", "ENH", "RSH", "AVD", "LAV", "LIN", "LOK", "NPR", "AKO", "APO"}
)  # 9051; a person has none of these


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a message. refusal: why it, or with ``PARTLY`` a part of it, was not taken."""

    status: Status
    refusal: Refusal | None = None


def verdict(refusal: Refusal | None, *, taken: bool = False) -> Verdict:
    """The verdict on a message. taken: it was, and the refusal concerns a part."""
    if refusal is None:
        return Verdict(Status.OK)
    return Verdict(Status.PARTLY if taken else Status.REJECTED, refusal)


def acknowledge(raw: bytes, given: Verdict, now_us: int, version: str = "1.0") -> bytes:
    """The receipt of some bytes: its id is derived from them and the verdict, so that a repeat is seen to be one. Raises nothing."""
    try:
        root: Element | None = parse(raw)[0]
    except Rejected:
        root = None
    info = root.first("MsgInfo") if root is not None and heading(root) is not None else None
    namespace, mig_version = VERSIONS[version]
    now, refusal = _moment(now_us), given.refusal
    own = derived_id("apprec", sha256(raw).hexdigest(), given.status, refusal.reason if refusal else "")

    def ar(name: str, *parts: Element | str | None, **attributes: str) -> Element:
        return made(namespace, name, *parts, **attributes)

    return to_bytes(
        ar(
            "AppRec", ar("MsgType", V="APPREC", DN="Applikasjonskvittering"), ar("MIGversion", mig_version), ar("SoftwareName", SOFTWARE),
            ar("GenDate", now), ar("Id", own), _party(namespace, "Sender", info, "Receiver"), _party(namespace, "Receiver", info, "Sender"),
            ar("Status", V=given.status, DN=STATUSES[given.status]), _error(namespace, refusal), _original(namespace, info, now),
        )
    )  # fmt: skip


def _moment(us: int) -> str:
    return (_EPOCH + timedelta(microseconds=us)).astimezone(_ZONE).isoformat(timespec="seconds")


def _party(namespace: str, name: str, info: Element | None, of: str) -> Element:
    """Sender or Receiver: the message's other one, its organisation and the innermost unit in it."""
    units = list(chain(info.first(of, "Organisation"))) if info is not None else []
    department = _named(namespace, "Dept", units[0]) if len(units) > 1 else None
    institution = _named(namespace, "Inst", units[-1], department) if units else made(namespace, "Inst")
    return made(namespace, name, made(namespace, "HCP", institution))


def _named(namespace: str, name: str, unit: Element, inner: Element | None = None) -> Element:
    known = [(i.value("TypeId"), i.text("Id")) for i in unit.all("Ident")]
    kind, value = next(iter(sorted((k for k in known if k[0] in _ORGANISATION_IDS and k[1]), key=lambda k: k[0] != "HER")), ("", ""))
    title = unit.text("OrganisationName")
    return made(
        namespace, name, made(namespace, "Name", title) if title else None, made(namespace, "Id", value) if value else None,
        made(namespace, "TypeId", V=kind) if value else None, inner,
    )  # fmt: skip


def _error(namespace: str, refusal: Refusal | None) -> Element | None:
    if refusal is None:
        return None
    code = CODES[refusal.reason]
    return made(namespace, "Error", S=ERROR, V=code, DN=WORDS[code], OT=refusal.where)


def _original(namespace: str, info: Element | None, now: str) -> Element:
    """The message it is about; a type the hub does not know could be anything, so it is not repeated."""
    type_ = info.value("Type") if info is not None else ""
    when = info.text("GenDate") if info is not None else ""
    return made(
        namespace, "OriginalMsgId", made(namespace, "MsgType", V=type_ if type_ in TYPES else ""),
        made(namespace, "IssueDate", when if "T" in when and microseconds(when) is not None else now),
        made(namespace, "Id", info.text("MsgId") if info is not None else ""),
    )  # fmt: skip
