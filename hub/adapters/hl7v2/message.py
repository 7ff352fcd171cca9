"""The envelope of a message: all that the gateway reads before it answers, and the one place a patient's identity is read from.

Everything behind the gateway uses the identifiers found here; two readers can then never disagree on who the patient is.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.er7 import Er7, Limits, Segment
from hub.adapters.hl7v2.escapes import Delimiters
from hub.errors import Reason, Rejected
from hub.identity import canonical
from hub.model import Identifier

__all__ = ["Delimiters", "Envelope", "Er7", "Limits", "Segment", "envelope", "header", "identifiers", "patient"]

_VERSION: Final = re.compile(r"2\.[1-9](\.\d{1,2})?")
_EVENT: Final = re.compile(r"[A-Z]\w{2}", re.ASCII)
_OID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONTROL_ID_MAX: Final = 199  # the longest any version allows (2.7: ST, 199)
_ONLY_EVENT: Final = MappingProxyType({"ORU": "R01", "ORM": "O01"})  # types whose event could be left out before 2.3
_NULL: Final = '""'  # "delete this value"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the gateway knows of a message. Texts are unescaped but for ``control_id``, which answers repeat as written."""

    application: str = field(repr=False)  # MSH-3
    sender: str = field(repr=False)  # MSH-4
    receiver_application: str = field(repr=False)  # MSH-5
    receiver: str = field(repr=False)  # MSH-6
    control_id: str = field(repr=False)  # MSH-10
    trigger: str = field(repr=False)  # "ADT^A01"
    version: str  # "2.5.1"
    processing_id: str  # MSH-11.1, "" when none was given
    accept_ack: str  # MSH-15: AL, NE, ER, SU or ""
    application_ack: str  # MSH-16
    encoding: str  # Python codec the bytes were found to be in
    identifiers: tuple[Identifier, ...] = field(default=(), repr=False)


def envelope(raw: bytes, *, undeclared_encoding: str = "utf-8", limits: Limits | None = None) -> Envelope:
    """Header and patient of a message. Raises Rejected."""
    er7 = Er7.from_bytes(raw, limits, undeclared_encoding=undeclared_encoding)
    return replace(header(er7), identifiers=patient(er7))  # in this order: a header's fault is told first


def header(er7: Er7) -> Envelope:
    """The header alone, with no identifiers. Raises Rejected; ``where`` names the field."""
    msh = er7.segment("MSH")
    if msh is None or er7.names().count("MSH") > 1:
        raise Rejected(Reason.BAD_FRAME if msh else Reason.NO_HEADER, "MSH")
    fields = msh.fields
    if len(fields) < 21:
        fields = fields + [""] * (21 - len(fields))
    marks = er7.delimiters
    control_id = fields[10]
    if not control_id or control_id == _NULL:
        raise Rejected(Reason.MISSING_CONTROL_ID, "MSH-10")
    if len(control_id) > _CONTROL_ID_MAX or not control_id.isprintable():
        raise Rejected(Reason.BAD_VALUE, "MSH-10")
    return Envelope(
        application=_name(er7, fields[3]),
        sender=_name(er7, fields[4]),
        receiver_application=_name(er7, fields[5]),
        receiver=_name(er7, fields[6]),
        control_id=control_id,
        trigger=_trigger(er7, fields[9].split(marks.component)),
        version=_version(fields[12].split(marks.component, 1)[0].strip()),
        processing_id=fields[11].split(marks.component, 1)[0].strip(),
        accept_ack=fields[15],
        application_ack=fields[16],
        encoding=er7.encoding,
    )


def patient(er7: Er7) -> tuple[Identifier, ...]:
    """The identifiers in PID-3 of the one patient the message is about. Raises Rejected(MISSING_PATIENT, SEVERAL_PATIENTS, BAD_VALUE).

    PID may be repeated (groups of a merge or of results) as long as each repetition shares an identifier with the ones before.
    """
    if er7.names().count("PID") > 1:
        return _same_patient([identifiers(pid, 3) for pid in er7.segments("PID")])
    pid = er7.segment("PID")
    if pid is None:
        raise Rejected(Reason.MISSING_PATIENT, "PID")
    found = identifiers(pid, 3)
    if not found:
        raise Rejected(Reason.MISSING_PATIENT, "PID-3")
    return found


def identifiers(segment: Segment, n: int) -> tuple[Identifier, ...]:
    """The identifiers (CX) of a field, canonical and without repeats; empty repetitions are passed over. Raises Rejected(BAD_VALUE)."""
    text = segment.fields[n] if n < len(segment.fields) else ""
    if not text or text == _NULL:
        return ()
    marks = segment.delimiters
    found: dict[Identifier, None] = {}
    for rep in text.split(marks.repetition):
        parts = rep.split(marks.component, 4)
        value = segment.unescape(parts[0].split(marks.subcomponent, 1)[0]).strip()
        if value and value != _NULL:
            system = _system(segment, parts[3]) if len(parts) > 3 and parts[3] else ""
            if not (value.isprintable() and system.isprintable()):
                raise Rejected(Reason.BAD_VALUE, f"{segment.name}-{n}")
            found[canonical(system, value)] = None
    return tuple(found)


def _same_patient(groups: Collection[tuple[Identifier, ...]]) -> tuple[Identifier, ...]:
    found: dict[Identifier, None] = {}
    for group in groups:
        if not group:
            raise Rejected(Reason.MISSING_PATIENT, "PID-3")
        if found and found.keys().isdisjoint(group):
            raise Rejected(Reason.SEVERAL_PATIENTS, "PID")
        found |= dict.fromkeys(group)
    return tuple(found)


def _system(segment: Segment, text: str) -> str:
    """An assigning authority (HD) as a system: its OID or UUID as a URN, otherwise its namespace, otherwise its universal id."""
    parts = text.split(segment.delimiters.subcomponent)
    if len(parts) == 1:
        return segment.unescape(text).strip()
    namespace, universal, kind = (segment.unescape(part).strip() for part in [*parts, "", ""][:3])
    kind = kind.upper()
    if kind in ("ISO", "") and _OID.fullmatch(universal):
        return "urn:oid:" + universal
    if kind in ("UUID", "GUID") and _UUID.fullmatch(universal):
        return "urn:uuid:" + universal.lower()
    if kind in ("URI", "URL", "HTTP") and universal.startswith(("http://", "https://", "urn:")):
        return universal
    return namespace or universal


def _name(er7: Er7, text: str) -> str:
    """The namespace of an HD field, or its universal id when the namespace is empty."""
    if er7.delimiters.component in text:
        parts = text.split(er7.delimiters.component)
        text = parts[0] or parts[1]
    return er7.unescape(text).strip()


def _version(text: str) -> str:
    if not text:
        raise Rejected(Reason.MISSING_FIELD, "MSH-12")
    if not _VERSION.fullmatch(text):
        raise Rejected(Reason.UNSUPPORTED_VERSION, "MSH-12")
    return text


def _trigger(er7: Er7, parts: list[str]) -> str:
    """MSH-9 as "ADT^A01". A missing event is taken from EVN-1 or, where the type has only one, from the type."""
    kind = parts[0].strip()
    if not kind:
        raise Rejected(Reason.MISSING_FIELD, "MSH-9")
    event = parts[1].strip() if len(parts) > 1 else ""
    if not event:
        evn = er7.segment("EVN")
        event = (evn.value(1) if evn else "") or _ONLY_EVENT.get(kind, "")
    if not _EVENT.fullmatch(kind):
        raise Rejected(Reason.UNSUPPORTED_TYPE, "MSH-9")
    if not _EVENT.fullmatch(event):
        raise Rejected(Reason.UNSUPPORTED_EVENT, "MSH-9")
    return f"{kind}^{event}"
