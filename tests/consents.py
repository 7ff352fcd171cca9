"""Consents for tests: simple ones (a lock or a permit, for everyone or for some, always or in a period), and any tree there can be."""

from typing import Any

from hypothesis import strategies as st

from hub.identity import ENH, HPR, HUB_PROVIDER
from hub.model import Actor, ActorKind, Base, Consent, DataReference, Identifier, Meaning, Provision, Span


def simple(consent_id: str = "c", version: int = 1, *, active: bool = True, deny: bool = True, actors: tuple[Identifier, ...] = (),
           start_us: int | None = None, end_us: int | None = None) -> Consent:  # fmt: skip
    """A consent of one provision without exceptions: a lock of Norwegian law, or a permit as IHE PCF has it."""
    period = None if start_us is None and end_us is None else Span(start_us, end_us)
    provision = Provision(deny, period, actors=tuple(Actor(a) for a in actors))
    return Consent(consent_id, version, active, provision, Base.LAW if deny else Base.EXPLICIT)


LABELS = ("U", "N", "R", "V", "PSY", "HIV", "BH")
CODES = (("http://loinc.org", "1-8"), ("http://loinc.org", "2-6"), ("urn:icd", "F20"), ("", "F20"))
NAMES = [(HUB_PROVIDER, "trondheim"), (ENH, "942110464"), ("", "942110464"), (HUB_PROVIDER, "malvik"), (HPR, "7"), ("urn:x", "7")]
identifiers = st.sampled_from([Identifier(*name) for name in NAMES])
spans = st.builds(Span, st.none() | st.integers(0, 100), st.none() | st.integers(0, 100))


def several(one: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    """None, one or two of them."""
    return st.lists(one, min_size=least, max_size=2).map(tuple)


_ELEMENTS = {
    "period": spans,
    "data_period": spans,
    "actors": several(st.builds(Actor, identifiers, st.sampled_from(ActorKind)), 1),
    "purposes": several(st.sampled_from(["TREAT", "COC", "HRESCH", "BTG"]), 1),
    "labels": several(st.sampled_from(LABELS), 1),
    "classes": several(st.sampled_from(["Observation", "Condition"]), 1),
    "codes": several(st.sampled_from(CODES), 1),
    "data": several(st.builds(DataReference, st.sampled_from(Meaning), identifiers | st.just(Identifier("", "Encounter/1"))), 1),
}


def provisions(exceptions: st.SearchStrategy[tuple[Provision, ...]]) -> st.SearchStrategy[Provision]:
    """Provisions with at most two of the elements: with more of them next to none would apply to anything."""
    names = st.lists(st.sampled_from(sorted(_ELEMENTS)), max_size=2, unique=True)
    given = names.flatmap(lambda chosen: st.fixed_dictionaries({name: _ELEMENTS[name] for name in chosen}))
    return st.builds(lambda deny, elements, nested: Provision(deny, **elements, exceptions=nested), st.booleans(), given, exceptions)


trees = st.builds(
    Consent,
    st.sampled_from("abcde"),
    st.integers(1, 3),
    st.sampled_from([True, True, True, False]),
    provisions(st.just(()) | several(provisions(st.just(())))),
    st.sampled_from(Base),
    st.none() | st.integers(0, 100),
    st.just(()) | several(st.sampled_from("abcde")),
)
