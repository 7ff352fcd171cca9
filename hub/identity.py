"""Who the patient is: canonical identifier systems, and the keyed hashes that stand for identifiers everywhere outside the message.

Sources: Volven OID register and HL7 Norway's no-basis profiles (identifier systems); ``hub.numbers`` for the numbers themselves.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from hub.model import Detail, Identifier, Received
from hub.numbers import NumberKind, person_number

FNR: Final = "urn:oid:2.16.578.1.12.4.1.4.1"
DNR: Final = "urn:oid:2.16.578.1.12.4.1.4.2"
FHN: Final = "urn:oid:2.16.578.1.12.4.1.4.3"
HPR: Final = "urn:oid:2.16.578.1.12.4.1.4.4"
DUF: Final = "urn:oid:2.16.578.1.12.4.1.4.5"
ENH: Final = "urn:oid:2.16.578.1.12.4.1.4.101"
RESH: Final = "urn:oid:2.16.578.1.12.4.1.4.102"
HER: Final = "urn:oid:2.16.578.1.12.4.1.2"
HNR: Final = "HNR"  # no-basis has no OID for local help numbers: each belongs to its assigner
HUB_PROVIDER: Final = "urn:hub:provider"  # the hub's own ids of providers
NATIONAL: Final = frozenset({FNR, DNR, FHN})  # one person in the whole country
# The words of Volven 8116 and 9051, as senders write them for an assigning authority or an identifier's type -> system in no-basis
NO_BASIS: Final = MappingProxyType(
    {"FNR": FNR, "DNR": DNR, "FHN": FHN, "HNR": HNR, "DUF": DUF, "HPR": HPR, "HER": HER, "ENH": ENH, "RSH": RESH, "RESH": RESH}
)

PARTS_MAX: Final = 250  # patients of one message
# Types of table 0203 whose numbers are others' as well: a policy that a family shares, whoever pays the bill
SHARED_TYPES: Final = frozenset({"MB", "SN", "GI", "GN"})
# ... whose numbers are a stay's or an account's, and may be another patient's record number
STAY_TYPES: Final = frozenset({"AN", "ANC", "AND", "ANT", "VN"})

_UNKNOWN: Final = frozenset(
    {"UNKNOWN", "UNK", "UKJENT", "NONE", "INGEN", "MANGLER", "UOPPGITT", "NULL", "NIL", "NA", "NAN", "UNDEFINED", "NOTAVAILABLE", "TBD"}
)
_ALL_ONE: Final = {"0": 1, "9": 6}  # a digit -> from how many of it on, with nothing else, a number says that there is none
_ALL_ANY: Final = 9  # ... of any other
_BLOTTED: Final = 3  # X, and nothing else
_NO_NUMBER: Final = "00000"  # how a date of birth is made eleven digits

_CONTROL_ID_MAX: Final = 20  # characters that every HL7 v2 receiver takes (MSH-10 before 2.7)
_CONTROL_ID_HASH: Final = 14  # hex digits, 56 bits
_IDENTIFIERS_MAX: Final = 100
_IDENTIFIER_CHARS_MAX: Final = 16_384  # of all of them together

_NO_BYTES: Final = hashlib.sha256(b"").digest()
_BLOCK: Final = 64  # bytes SHA-256 takes at a time
_OF_KIND: Final = MappingProxyType({NumberKind.FNR: FNR, NumberKind.DNR: DNR, NumberKind.FHN: FHN, NumberKind.HNR: HNR})


def canonical(system: str, value: str) -> Identifier:
    """The identifier under the system the hub knows it by.

    A person number that holds, without a URI system (none, or only a v2 namespace) or under one of the national ones, stands under the
    system of its kind: two parsers must never disagree on who the patient is. A hospital's own help number is unique with its assigner
    only, so it is never a national one. Any other URI system is kept as it was written.
    """
    return judged(system, value)[0]


def judged(system: str, value: str) -> tuple[Identifier, bool]:
    """As ``canonical``, and whether it is said to be a national number and is none: mistyped, or made up for want of one.

    Such a number may be several people's (a date of birth and a made-up end), so it names a patient only where nothing else does.
    """
    value, system = value.strip(), system.strip()
    if system in NATIONAL or not system.startswith(("urn:", "http://", "https://")):
        found = person_number(value)
        if found is not None:
            return Identifier(_OF_KIND[found.kind], value), False
    return Identifier(system, value), system in NATIONAL


def unsound(identifiers: Iterable[Identifier], but: Collection[Identifier]) -> tuple[Identifier, ...]:
    """Of a patient's identifiers the national numbers that do not hold, less those that name the patient for want of others."""
    return tuple(dict.fromkeys(i for i in identifiers if judged(i.system, i.value)[1] and i not in but and not names_nobody(i)))


def names_nobody(identifier: Identifier) -> bool:
    """Whether this stands where no number is known: zeros or nines, "unknown" in a word, a date of birth made as long as a person number.

    Everybody of whom a sender knows no number has the same, so it makes nobody the same patient.
    """
    value = identifier.value
    said = value if value.isalnum() else "".join(c for c in value if c.isalnum())
    if said.isdigit():
        is_one_digit = said.count(said[0]) == len(said) and len(said) >= _ALL_ONE.get(said[0], _ALL_ANY)
        return is_one_digit or (value.endswith(_NO_NUMBER) and identifier.system in NATIONAL and person_number(value) is None)
    return not said or said.upper() in _UNKNOWN or (len(said) >= _BLOTTED and not said.strip("Xx"))


def are_too_many(identifiers: Collection[Identifier]) -> bool:
    """True for more identifiers than one patient has: they travel beside the message, and what a record may hold is bounded."""
    return len(identifiers) > _IDENTIFIERS_MAX or sum([len(i.system) + len(i.value) for i in identifiers]) > _IDENTIFIER_CHARS_MAX


@dataclass(frozen=True, slots=True)
class PatientKeys:
    """The keyed hashes of one message's patient identifiers.

    patient: partition key and pseudonym. links: one key an identifier, the same patient when any of them is shared.
    locks: keys under which a consent that concerns any of these identifiers is stored. own: those of each link.
    """

    patient: str
    links: tuple[str, ...]
    locks: tuple[str, ...]
    own: tuple[tuple[str, ...], ...] = ()


def _begin(secret: bytes) -> tuple[Any, Any]:
    """The inner and the outer hash of an HMAC-SHA256 after its key (RFC 2104)."""
    key = (secret if len(secret) <= _BLOCK else hashlib.sha256(secret).digest()).ljust(_BLOCK, b"\0")
    return hashlib.sha256(bytes(b ^ 0x36 for b in key)), hashlib.sha256(bytes(b ^ 0x5C for b in key))


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """HMAC-SHA256 under the hub's secret, truncated to 128 bits (32 hex digits). Nothing about a patient can be read from a key."""

    secret: bytes = field(repr=False)
    _begun: tuple[Any, Any] = field(init=False, repr=False, compare=False)  # both passes of the HMAC with the key already in them

    def __post_init__(self) -> None:
        """Take the key in once: a message has several hashes, and the key is half the work of each."""
        object.__setattr__(self, "_begun", _begin(self.secret))

    def _hash(self, *parts: str) -> str:
        inner, outer = self._begun[0].copy(), self._begun[1].copy()
        inner.update("\x1f".join(parts).encode())
        outer.update(inner.digest())
        return str(outer.hexdigest()[:32])

    def check(self) -> str:
        """What tells one secret from another without telling the secret: every process of a hub must have the same."""
        return self._hash("check")

    def link(self, identifier: Identifier, provider: str) -> str:
        """The key that identifies a person: systems that are not URIs are only unique within the provider that wrote them."""
        is_global = identifier.system.startswith(("urn:", "http://", "https://"))
        return self._hash("link", "" if is_global else provider, identifier.system, identifier.value)

    def of_message(self, identifiers: Iterable[Identifier], provider: str, beside: Iterable[Identifier] = ()) -> PatientKeys:
        """Keys of a message's identifiers (at least one): the national number leads, otherwise the first.

        beside: numbers that may be other people's too. A consent that names one concerns this patient, and they make nobody the same: the
        link of one is this patient's alone.
        """
        ids = sorted(identifiers, key=lambda i: i.system not in NATIONAL)  # stable: message order within each class
        own = {self.link(i, provider): self._locks_of_message(i) for i in ids}
        leading = next(iter(own))
        own |= {self._hash("beside", leading, i.system, i.value): self._locks_of_message(i) for i in beside}
        links = tuple(own)
        locks = tuple(dict.fromkeys(key for keys in own.values() for key in keys))
        return PatientKeys(links[0], links, locks, tuple(own.values()))

    def _locks_of_message(self, i: Identifier) -> tuple[str, str]:
        second = self._hash("system", i.system, i.value) if i.system else self._hash("any", i.value)
        return (self._hash("value", i.value), second)

    def locks_of_consent(self, i: Identifier) -> tuple[str, ...]:
        """Keys to store a consent under.

        Without a system it concerns every patient who has the value; with one, also those whose messages give the value and no
        system: a lock errs on the patient's side.
        """
        if not i.system:
            return (self._hash("value", i.value),)
        return (self._hash("system", i.system, i.value), self._hash("any", i.value))


def event_id(adapter: str, provider: str, application: str, sender: str, control_id: str, raw: bytes) -> str:
    """The message's id, derived so that a repeat or a replay has the same one. RFC 9562 version 8 UUID."""
    return _uuid(f"{adapter}\x1f{provider}\x1f{application}\x1f{sender}\x1f{control_id}\x1f".encode(), hashlib.sha256(raw).digest())


def redacted(received: Received, raw: bytes) -> Received:
    """A message of which something was left out, under the id that its sender's would have had for these bytes.

    The id of the whole is a hash of the whole: whoever has a part could try out what is missing until the id fits.
    """
    r = received
    return replace(r, raw=raw, event_id=event_id(r.adapter, r.provider, r.application, r.sender, r.control_id, raw))


def _uuid(head: bytes, digest: bytes) -> str:
    h = hashlib.sha256(head + digest).hexdigest()
    variant = "89ab"[int(h[16], 16) & 3]
    return f"{h[:8]}-{h[8:12]}-8{h[13:16]}-{variant}{h[17:20]}-{h[20:32]}"


def derived_id(*parts: str) -> str:
    """An id derived from ids (a Bundle of an event, a deadline of an episode): UUID version 8, as ``event_id``."""
    return _uuid(b"derived\x1f\x1f\x1f\x1f%b\x1f" % "\x1f".join(parts).encode(), _NO_BYTES)


def part_control_id(control_id: str, n: int) -> str:
    """The control id of the n-th (from 1) message that one message was cut into: a receiver of two of them must not take one for a repeat.

    The first keeps what the sender wrote. The others add ``-p<n>`` to it, or to its hash where that is longer than 20 characters.
    """
    if n == 1:
        return control_id
    name = f"{control_id}-p{n}"
    if len(name) <= _CONTROL_ID_MAX:
        return name
    return f"{hashlib.sha256(control_id.encode('utf-8', 'replace')).hexdigest()[:_CONTROL_ID_HASH]}-p{n}"


def kith_id(event_id: str, detail: Detail, recipient: str) -> str:
    """The MsgId of the KITH message made of an event for one recipient: a receipt that names it is about that."""
    return derived_id(event_id, "kith", detail.value, recipient)
