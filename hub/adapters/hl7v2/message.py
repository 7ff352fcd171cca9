"""The envelope of a message: all that the gateway reads before it answers, and the one place a patient's identity is read from.

Everything behind the gateway uses the identifiers found here; two readers can then never disagree on who the patient is.
"""

import re
from collections.abc import Container, Iterable, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from typing_extensions import override

from hub.adapters.hl7v2 import escapes
from hub.adapters.hl7v2.er7 import Er7, Limits, Segment
from hub.adapters.hl7v2.escapes import Delimiters
from hub.errors import Reason, Rejected
from hub.identity import NATIONAL, SHARED_TYPES, STAY_TYPES, are_too_many, judged, names_nobody, unsound
from hub.model import Identifier

__all__ = ["Delimiters", "Envelope", "Er7", "Limits", "Segment", "envelope", "header", "identifiers", "patient", "retired"]

_VERSION: Final = re.compile(r"2\.[1-9](\.\d{1,2})?")
_EVENT: Final = re.compile(r"[A-Z]\w{2}", re.ASCII)
_OID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONTROL_ID_MAX: Final = 199  # the longest any version allows (2.7: ST, 199)
_NAME_MAX: Final = 512  # characters of a system's or facility's name, as written
_ACCOUNT_MERGE: Final = "ADT^A41"
_UNLINK: Final = "ADT^A37"
_UNLINKED: Final = 2  # patients of an A37
_ONLY_EVENT: Final = MappingProxyType({"ORU": "R01", "ORM": "O01"})  # types whose event could be left out before 2.3
_SSN: Final = 19
_ALSO: Final = (2, 4, _SSN)  # fields of PID that may name the patient beside PID-3
_OTHERS: Final = SHARED_TYPES | STAY_TYPES  # of identifiers: not the patient's, or not the patient's alone
_NULL: Final = '""'  # "delete this value"
_SYSTEMS: dict[tuple[str, str, str, str], str] = {}  # assigning authorities already read, at most 4096


class Envelope(NamedTuple):
    """What the gateway knows of a message. Texts are unescaped but for ``control_id``, which answers repeat as written."""

    application: str  # MSH-3
    sender: str  # MSH-4
    receiver_application: str  # MSH-5
    receiver: str  # MSH-6
    control_id: str  # MSH-10
    trigger: str  # "ADT^A01"
    version: str  # "2.5.1"
    processing_id: str  # MSH-11.1, "" when none was given
    accept_ack: str  # MSH-15: AL, NE, ER, SU or ""
    application_ack: str  # MSH-16
    encoding: str  # Python codec the bytes were found to be in
    identifiers: tuple[Identifier, ...] = ()

    @override
    def __repr__(self) -> str:
        """Nothing a sender wrote freely: it could be anything."""
        return f"Envelope(version={self.version!r}, encoding={self.encoding!r}, identifiers={len(self.identifiers)})"


def envelope(raw: bytes, *, undeclared_encoding: str = "utf-8", limits: Limits | None = None) -> Envelope:
    """Header and patient of a message. Raises Rejected."""
    er7 = Er7.from_bytes(raw, limits, undeclared_encoding=undeclared_encoding)
    return header(er7)._replace(identifiers=patient(er7))  # in this order: a header's fault is told first


def header(er7: Er7, fields: Sequence[str] = ()) -> Envelope:
    """The header alone, with no identifiers. Raises Rejected; ``where`` names the field.

    ``fields``: MSH by field number, where it has been cut up before.
    """
    if er7.count("MSH") != 1:
        raise Rejected(Reason.SEVERAL_MESSAGES if er7.count("MSH") else Reason.NO_HEADER, "MSH")
    if not fields:
        msh = er7.segment("MSH")
        fields = (msh.fields if msh else []) + [""] * 21
    control_id = fields[10]
    if not control_id or control_id == _NULL:
        raise Rejected(Reason.MISSING_CONTROL_ID, "MSH-10")
    if len(control_id) > _CONTROL_ID_MAX or not control_id.isprintable():
        raise Rejected(Reason.BAD_VALUE, "MSH-10")
    component = er7.delimiters.component
    return Envelope(
        _name(er7, fields, 3),
        _name(er7, fields, 4),
        _name(er7, fields, 5),
        _name(er7, fields, 6),
        control_id,
        _trigger(er7, fields[9].split(component)),
        _version(fields[12].partition(component)[0]),
        fields[11].partition(component)[0].strip(),
        fields[15],
        fields[16],
        er7.encoding,
    )


def patient(er7: Er7) -> tuple[Identifier, ...]:
    """The identifiers of the one patient the message is about.

    Raises Rejected(MISSING_PATIENT, SEVERAL_PATIENTS, BAD_VALUE, TOO_COMPLEX).

    Of an A37, which tells two patients apart, the first.

    PID-3, which must name somebody: what stands for an unknown number, or is a policy's or whoever pays, does not; numbers of stays and
    accounts (CX-5), and national numbers that do not hold, do only where it has no other. PID-2 and PID-4 (external and alternate id)
    where they say whose they are or hold a person number; PID-19 (SSN) where it holds one. PID may be repeated (results of one patient)
    as long as each repetition shares an identifier with the ones before.
    """
    if er7.count("PID") > 1:
        if header(er7).trigger == _UNLINK:
            return _of_one(er7.segments("PID")[0])
        return _same_patient(of_patient(pid) for pid in er7.segments("PID"))
    line = er7.line("PID")
    if line is None:
        raise Rejected(Reason.MISSING_PATIENT, "PID")
    found = _of_patient(line.split(er7.delimiters.field, 20), er7.delimiters, er7.encoding)
    if not found:
        raise Rejected(Reason.MISSING_PATIENT, "PID-3")
    return found


def beside(er7: Er7, known: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
    """National numbers that do not hold, of the patient whose other identifiers these are."""
    pids = er7.segments("PID")
    if len(pids) > 1 and header(er7).trigger == _UNLINK:
        pids = pids[:1]
    fields = [(pid, n) for pid in pids for n in (3, *_ALSO) if pid.field(n)]
    if len(fields) == 1 and er7.delimiters.repetition not in fields[0][0].field(3):
        return ()  # as in most messages: one number, which names the patient
    return unsound((i for pid, n in fields for i in identifiers(pid, n)), known)


def told_apart(er7: Er7) -> tuple[Identifier, ...]:
    """The identifiers of the second patient of an A37 that the first has not; () = it names none.

    Raises Rejected(SEVERAL_PATIENTS, MISSING_PATIENT, BAD_VALUE, TOO_COMPLEX).
    """
    pids = er7.segments("PID")
    if len(pids) > _UNLINKED:
        raise Rejected(Reason.SEVERAL_PATIENTS, "PID")
    first, *others = [_of_one(pid) for pid in pids]
    return tuple(i for other in others for i in other if i not in first)


def _of_one(pid: Segment) -> tuple[Identifier, ...]:
    found = of_patient(pid)
    if not found:
        raise Rejected(Reason.MISSING_PATIENT, "PID-3")
    return found


def of_patient(pid: Segment) -> tuple[Identifier, ...]:
    """The identifiers of one PID, as ``patient``; empty when PID-3 is. Raises Rejected(BAD_VALUE)."""
    return _of_patient(["PID", *(pid.field(n) for n in range(1, 20))], pid.delimiters, pid.encoding)


def _of_patient(fields: Sequence[str], marks: Delimiters, encoding: str) -> tuple[Identifier, ...]:
    if len(fields) <= 3:
        return ()
    found = _identifiers(fields[3], marks, encoding, "PID-3", is_sure=True)
    found = found or _identifiers(fields[3], marks, encoding, "PID-3", but=SHARED_TYPES)
    if not found:
        return ()
    others = [(n, fields[n]) for n in _ALSO if n < len(fields) and fields[n]]
    if others:
        more = [i for n, text in others for i in _identifiers(text, marks, encoding, f"PID-{n}", is_sure=True) if _tells(i, n)]
        found = tuple(dict.fromkeys((*found, *more)))
    if are_too_many(found):
        raise Rejected(Reason.TOO_COMPLEX, "PID-3")
    return found


def _tells(identifier: Identifier, n: int) -> bool:
    """Whether an identifier beside PID-3 names the patient: a bare word in PID-2 or PID-4 may be anything."""
    return identifier.system in NATIONAL or (n != _SSN and bool(identifier.system))


def retired(segments: Sequence[Segment], trigger: str) -> tuple[Identifier, ...]:
    """The identifiers that the MRG segments of a merge retire; merging accounts may retire none.

    Raises Rejected(MISSING_SEGMENT, MISSING_FIELD, BAD_VALUE, TOO_COMPLEX).
    """
    if not segments:
        raise Rejected(Reason.MISSING_SEGMENT, "MRG")
    found = dict.fromkeys(i for mrg in segments for i in identifiers(mrg, 1))
    if not found and trigger != _ACCOUNT_MERGE:
        raise Rejected(Reason.MISSING_FIELD, "MRG-1")
    if are_too_many(found):
        raise Rejected(Reason.TOO_COMPLEX, "MRG-1")
    return tuple(found)


def place_of(er7: Er7, wanted: Identifier) -> str:
    """The field a patient's identifier was read from, to name it in a refusal."""
    for pid in er7.segments("PID"):
        for n in (3, *_ALSO):
            if wanted in identifiers(pid, n):
                return f"PID-{n}"
    return "PID-3"


def identifiers(segment: Segment, n: int) -> tuple[Identifier, ...]:
    """The identifiers (CX) of a field that name a patient, canonical and without repeats. Raises Rejected(BAD_VALUE)."""
    return _identifiers(segment.field(n), segment.delimiters, segment.encoding, f"{segment.name}-{n}")


def _identifiers(
    text: str, marks: Delimiters, encoding: str, where: str, but: Container[str] = _OTHERS, *, is_sure: bool = False
) -> tuple[Identifier, ...]:
    """Those of a field's identifiers that name a patient. but: the types that do not. is_sure: no national number that does not hold."""
    found: dict[Identifier, None] = {}
    for rep in text.split(marks.repetition):
        parts = rep.split(marks.component, 4)
        value = escapes.unescape(parts[0].partition(marks.subcomponent)[0], marks, encoding).strip()
        if value and value != _NULL:
            system = _system(parts[3], marks, encoding) if len(parts) > 3 and parts[3] else ""
            if not (value.isprintable() and system.isprintable()):
                raise Rejected(Reason.BAD_VALUE, where)
            known, is_doubtful = judged(system, value)
            if not names_nobody(known) and not (is_sure and is_doubtful) and (len(parts) < 5 or _type(parts[4], marks) not in but):
                found[known] = None
    return tuple(found)


def _type(text: str, marks: Delimiters) -> str:
    """CX-5, of what stands behind CX-4."""
    return text.partition(marks.component)[0].partition(marks.subcomponent)[0].strip()


def _same_patient(groups: Iterable[tuple[Identifier, ...]]) -> tuple[Identifier, ...]:
    found: dict[Identifier, None] = {}
    for n, group in enumerate(groups):
        if not group:
            raise Rejected(Reason.MISSING_PATIENT, f"PID[{n}]-3" if n else "PID-3")
        if found and found.keys().isdisjoint(group):
            raise Rejected(Reason.SEVERAL_PATIENTS, "PID")
        found |= dict.fromkeys(group)
        if are_too_many(found):
            raise Rejected(Reason.TOO_COMPLEX, "PID-3")
    return tuple(found)


def _system(text: str, marks: Delimiters, encoding: str) -> str:
    """An assigning authority (HD) as a system: there are few of them, so each is read once."""
    key = (text, marks.subcomponent, marks.escape, encoding)
    known = _SYSTEMS.get(key)
    if known is None:
        known = _read_system([escapes.unescape(part, marks, encoding).strip() for part in text.split(marks.subcomponent)])
        if len(_SYSTEMS) < 4096 and len(text) < 256:
            _SYSTEMS[key] = known
    return known


def _read_system(parts: list[str]) -> str:
    """Its OID or UUID as a URN, otherwise its namespace, otherwise its universal id."""
    namespace, universal, kind = [*parts, "", ""][:3]
    kind = kind.upper()
    if kind in ("ISO", "") and _OID.fullmatch(universal):
        return "urn:oid:" + universal
    if kind in ("UUID", "GUID") and _UUID.fullmatch(universal):
        return "urn:uuid:" + universal.lower()
    if kind in ("URI", "URL", "HTTP") and universal.startswith(("http://", "https://", "urn:")):
        return universal
    return namespace or universal


def _name(er7: Er7, fields: Sequence[str], n: int) -> str:
    """The namespace of an HD field of MSH, or its universal id when the namespace is empty."""
    text = fields[n]
    if len(text) > _NAME_MAX:
        raise Rejected(Reason.BAD_VALUE, f"MSH-{n}")
    if er7.delimiters.component in text:
        parts = text.split(er7.delimiters.component)
        text = parts[0] or parts[1]
    text = er7.unescape(text).strip() if er7.delimiters.escape in text else text.strip()
    return "" if text == _NULL else text


def _version(text: str) -> str:
    text = text.strip()
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
