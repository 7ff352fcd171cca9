"""Who the patient is: canonical identifier systems, and the keyed hashes that stand for identifiers everywhere outside the message.

Sources: Volven OID register (identifier systems), Folkeregisteret's checksum rules for fødselsnummer, D-nummer, hjelpenummer,
Tenor and NHN synthetic numbers, and the rules from 2032 (first control digit remainder 0..3).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from hub.model import Identifier

FNR: Final = "urn:oid:2.16.578.1.12.4.1.4.1"
DNR: Final = "urn:oid:2.16.578.1.12.4.1.4.2"
FHN: Final = "urn:oid:2.16.578.1.12.4.1.4.3"
HPR: Final = "urn:oid:2.16.578.1.12.4.1.4.4"
ENH: Final = "urn:oid:2.16.578.1.12.4.1.4.101"
HER: Final = "urn:oid:2.16.578.1.12.4.1.2"
HUB_PROVIDER: Final = "urn:hub:provider"  # the hub's own ids of providers
NATIONAL: Final = frozenset({FNR, DNR, FHN})

_NO_BYTES: Final = hashlib.sha256(b"").digest()
_BLOCK: Final = 64  # bytes SHA-256 takes at a time
_K1_WEIGHTS: Final = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_K2_WEIGHTS: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_K1_REMAINDERS: Final = frozenset({0, 1, 2, 3})  # 0 today; 1..3 for numbers issued under the 2032 scheme


def has_national_checksum(value: str) -> bool:
    """True when both control digits of an 11-digit Norwegian person number hold (either scheme)."""
    if len(value) != 11 or not value.isascii() or not value.isdigit():
        return False
    digits = [ord(c) - 48 for c in value]
    k1 = sum(w * d for w, d in zip(_K1_WEIGHTS, digits, strict=False)) % 11
    return k1 in _K1_REMAINDERS and sum(w * d for w, d in zip(_K2_WEIGHTS, digits, strict=True)) % 11 == 0


def national_system(value: str) -> str:
    """The OID system of a valid national number by its first digit: 0-3 FNR, 4-7 D-number, 8-9 common help number."""
    first = value[0]
    return FNR if first in "0123" else DNR if first in "4567" else FHN


def canonical(system: str, value: str) -> Identifier:
    """The identifier under the system the hub knows it by.

    A number that passes the national checksum and comes without a URI system (none, or only a v2 namespace) is the national
    number: two parsers must never disagree on who the patient is. A URI system is kept as it was written.
    """
    value = value.strip()
    if not system.startswith(("urn:", "http://", "https://")) and has_national_checksum(value):
        return Identifier(national_system(value), value)
    return Identifier(system.strip(), value)


@dataclass(frozen=True, slots=True)
class PatientKeys:
    """The keyed hashes of one message's patient identifiers.

    patient: partition key and pseudonym. links: one key an identifier, the same patient when any of them is shared.
    locks: keys under which a consent that concerns any of these identifiers is stored.
    """

    patient: str
    links: tuple[str, ...]
    locks: tuple[str, ...]


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

    def link(self, identifier: Identifier, provider: str) -> str:
        """The key that identifies a person: systems that are not URIs are only unique within the provider that wrote them."""
        is_global = identifier.system.startswith(("urn:", "http://", "https://"))
        return self._hash("link", "" if is_global else provider, identifier.system, identifier.value)

    def of_message(self, identifiers: Iterable[Identifier], provider: str) -> PatientKeys:
        """Keys of a message's identifiers (at least one): the national number leads, otherwise the first."""
        ids = sorted(identifiers, key=lambda i: i.system not in NATIONAL)  # stable: message order within each class
        links = tuple(dict.fromkeys(self.link(i, provider) for i in ids))
        locks = tuple(dict.fromkeys(key for i in ids for key in self._locks_of_message(i)))
        return PatientKeys(patient=links[0], links=links, locks=locks)

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


def _uuid(head: bytes, digest: bytes) -> str:
    h = hashlib.sha256(head + digest).hexdigest()
    variant = "89ab"[int(h[16], 16) & 3]
    return f"{h[:8]}-{h[8:12]}-8{h[13:16]}-{variant}{h[17:20]}-{h[20:32]}"


def derived_id(*parts: str) -> str:
    """An id derived from ids (a Bundle of an event, a deadline of an episode): UUID version 8, as ``event_id``."""
    return _uuid(b"derived\x1f\x1f\x1f\x1f%b\x1f" % "\x1f".join(parts).encode(), _NO_BYTES)
