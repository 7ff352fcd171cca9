"""Who the hub knows and who wants to be told: a frozen index in which the cost of a message does not grow with the entries.

A subscription's conditions on the event (municipality, ward, class, source) and on the patient's relation to its provider make a *key*;
which of them it names makes its *shape*. There are few shapes (at most 4 relations x 16 sets of conditions), and each is one hash table,
so a message is one look-up a pattern, shape and related provider, and whatever is found does match.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from hub.identity import ENH, HER, HUB_PROVIDER
from hub.model import Detail, Event, PatientState, Provider, Relation, Subscription

ANY_SENDER: Final = "*"

_ORGANISATION_SYSTEMS: Final = frozenset({"", ENH, HER, "ENH", "HER"})  # where a bare organisation number or HER-id may stand
_TREATING: Final = (Relation.GP, Relation.ADDRESSED, Relation.PATHWAY)
_RANK: Final = {detail: n for n, detail in enumerate(Detail)}  # most first

_Key = tuple[str, ...] | str
_Shape = tuple[str, tuple[int, ...]]  # relation or "", indices into (municipality, ward, class, source)
_Index = Mapping[str, tuple[tuple[_Shape, Mapping[_Key, tuple[Subscription, ...]]], ...]]  # by pattern
_Related = Mapping[str, tuple[str, ...]]  # relation -> ids of the providers that have it to the patient of this event


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider that may get an event, with every subscription of its that matches.

    provider: None when the id is known no more. subscriptions: most detail first, then by id; empty for one that is tied to the patient
    and does not subscribe. relations: what ties it to the patient, in the order of ``Relation``.
    """

    provider_id: str
    provider: Provider | None
    subscriptions: tuple[Subscription, ...]
    relations: tuple[Relation, ...]

    @property
    def subscription(self) -> Subscription | None:
        """The one with the most detail."""
        return self.subscriptions[0] if self.subscriptions else None


class Directory:
    """Providers and subscriptions as of one version of the configuration; never changed, only replaced."""

    __slots__ = ("_by_certificate", "_by_identifier", "_by_name", "_by_sender", "_index", "_providers", "version")

    def __init__(self, providers: Iterable[Provider], subscriptions: Iterable[Subscription], version: int) -> None:
        self.version: Final = version
        self._providers: Final = {p.id: p for p in providers}
        everyone = self._providers.values()
        self._by_sender: Final = {sender: p for p in everyone for sender in p.senders}
        self._by_certificate: Final = {certificate.lower(): p for p in everyone for certificate in p.certificates}
        self._by_identifier: Final = _identifiers(everyone)
        self._by_name: Final = _names(everyone)
        self._index: Final = _index(subscriptions)

    def provider(self, provider_id: str) -> Provider | None:
        """The provider of this id."""
        return self._providers.get(provider_id)

    @property
    def providers(self) -> tuple[Provider, ...]:
        """All of them, in the order given."""
        return tuple(self._providers.values())

    def by_sender(self, sender: str) -> Provider | None:
        """Who may speak under this MSH-4 / MessageHeader.sender; a provider with ``*`` takes what no other claims."""
        return self._by_sender.get(sender) or self._by_sender.get(ANY_SENDER)

    def by_certificate(self, fingerprint: str) -> Provider | None:
        """Who connects with the certificate of this SHA-256 fingerprint (hexadecimal, colons and case ignored)."""
        return self._by_certificate.get(fingerprint.replace(":", "").lower())

    def addressed(self, names: Iterable[str]) -> tuple[str, ...]:
        """Ids of the providers a sender's words name (id, sender name, organisation or name); a word of two providers names none."""
        found = (self._by_name.get(name) for name in names)
        return tuple(dict.fromkeys(i for i in found if i))

    def _related(self, event: Event, state: PatientState) -> _Related:
        gps = event.gps or state.gps
        return {
            "": ("",),
            Relation.GP: tuple(dict.fromkeys(i for gp in gps for i in self._by_identifier.get((gp.system, gp.value), ()))),
            Relation.ADDRESSED: self.addressed(event.addressed),
            Relation.PATHWAY: tuple(state.pathway),
        }

    def candidates(self, event: Event, state: PatientState) -> list[Candidate]:
        """Everyone an event may concern, one entry a provider, in the order of their ids.

        Those who subscribe to it for this patient, and of those who do not: whom the sender addressed, and who else treats the patient.
        Municipality and GP are the event's, or the remembered ones when it gives none.
        """
        related = self._related(event, state)
        found: dict[str, list[Subscription]] = {provider_id: [] for provider_id in related[Relation.ADDRESSED]}
        for provider_id in (*related[Relation.GP], *related[Relation.PATHWAY]):
            if provider_id != event.provider and provider_id in self._providers:
                found.setdefault(provider_id, [])
        for subscription in self._matching(event, state, related):
            found.setdefault(subscription.provider, []).append(subscription)
        return [self._candidate(provider_id, found[provider_id], related) for provider_id in sorted(found)]

    def _candidate(self, provider_id: str, subscriptions: list[Subscription], related: _Related) -> Candidate:
        ordered = _ordered(subscriptions)
        treating = tuple(r for r in _TREATING if provider_id in related[r])
        relations = (*treating, Relation.SUBSCRIPTION) if ordered else treating
        return Candidate(provider_id, self._providers.get(provider_id), ordered, relations)

    def _matching(self, event: Event, state: PatientState, related: _Related) -> Iterator[Subscription]:
        facts = (event.municipality or state.municipality, event.ward, event.encounter_class, event.provider)
        for pattern in patterns(event.kind):
            for (relation, dimensions), table in self._index.get(pattern, ()):
                for provider_id in related[relation]:
                    yield from table.get(_key(provider_id, dimensions, facts), ())


@cache
def patterns(kind: str) -> frozenset[str]:
    """What a subscription may write to get events of a kind."""
    return frozenset((kind, f"{kind.partition('.')[0]}.*", "*"))


def shows_more(one: Detail, other: Detail) -> bool:
    """Whether one detail shows anything the other does not."""
    return _RANK[one] < _RANK[other]


def _ordered(subscriptions: list[Subscription]) -> tuple[Subscription, ...]:
    if len(subscriptions) < 2:  # as nearly always
        return tuple(subscriptions)
    distinct = {s.id: s for s in subscriptions}.values()  # one subscription is found once for each of its patterns that match
    return tuple(sorted(distinct, key=lambda s: (_RANK[s.detail], s.id)))


def _key(provider_id: str, dimensions: tuple[int, ...], facts: tuple[str, ...]) -> _Key:
    """The key of a shape: the provider (related shapes only) and the conditions; a lone one stands for itself, which costs no memory."""
    parts = [facts[d] for d in dimensions]
    if provider_id:
        parts.append(provider_id)
    return parts[0] if len(parts) == 1 else tuple(parts)


def _index(subscriptions: Iterable[Subscription]) -> _Index:
    index: dict[str, dict[_Shape, dict[_Key, tuple[Subscription, ...]]]] = {}
    shared: dict[tuple[str, _Shape, _Key], list[Subscription]] = {}  # the few keys that several subscriptions have
    for s in subscriptions:
        facts = (s.where.municipality, s.where.ward, s.where.encounter_class, s.where.source)
        dimensions = tuple(d for d, fact in enumerate(facts) if fact)
        shape = (s.where.relation, dimensions)
        key = _key(s.provider if s.where.relation else "", dimensions, facts)
        alone = (s,)  # one object for all its patterns
        for pattern in dict.fromkeys(s.events):
            first = index.setdefault(pattern, {}).setdefault(shape, {}).setdefault(key, alone)
            if first is not alone:
                shared.setdefault((pattern, shape, key), list(first)).append(s)
    for (pattern, shape, key), several in shared.items():
        index[pattern][shape][key] = tuple(several)
    return {pattern: tuple(tables.items()) for pattern, tables in index.items()}


def _identifiers(providers: Iterable[Provider]) -> dict[tuple[str, str], tuple[str, ...]]:
    """(system, value) -> ids of the providers it identifies; a bare organisation number stands under each system it may come with."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for p in providers:
        system, bar, value = p.organisation.rpartition("|")
        systems: Iterable[str] = (system,) if bar else _ORGANISATION_SYSTEMS if value else ()
        for key in {(HUB_PROVIDER, p.id), *((s, value) for s in systems)}:
            found[key] = (*found.get(key, ()), p.id)
    return found


def _names(providers: Iterable[Provider]) -> dict[str, str]:
    """What a sender may write for a receiver -> the provider's id, or "" when it is the word of several.

    Ids go before sender names, those before organisations, those before names.
    """
    everyone = list(providers)
    ranks = (
        [(p.id, p.id) for p in everyone],
        [(s, p.id) for p in everyone for s in p.senders if s != ANY_SENDER],
        [(p.organisation, p.id) for p in everyone],
        [(p.name, p.id) for p in everyone],
    )
    found: dict[str, str] = {}
    for rank in ranks:
        here: dict[str, str] = {}
        for word, provider_id in rank:
            here[word] = provider_id if here.get(word, provider_id) == provider_id else ""
        found = here | found
    found.pop("", None)
    return found
