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


_NUMBERS = st.none() | st.integers(-(10**6), 10**6)
spans = st.builds(Span, _NUMBERS, _NUMBERS)
identifiers = st.builds(
    Identifier, st.sampled_from(["", ENH, HUB_PROVIDER, HPR, "urn:x"]), st.sampled_from(["942110464", "trondheim", "7"])
)
LABELS = ("U", "N", "R", "V", "PSY", "HIV", "BH")
CODES = (("http://loinc.org", "1-8"), ("http://loinc.org", "2-6"), ("urn:icd", "F20"), ("", "F20"))


def _several(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=2).map(tuple)


def provisions(exceptions: st.SearchStrategy[tuple[Provision, ...]]) -> st.SearchStrategy[Provision]:
    """Provisions with any of the elements, most of them absent."""
    return st.builds(
        Provision,
        st.booleans(),
        st.none() | spans,
        st.none() | spans,
        _several(st.builds(Actor, identifiers, st.sampled_from(ActorKind))),
        _several(st.sampled_from(["TREAT", "COC", "HRESCH", "BTG"])),
        _several(st.sampled_from(LABELS)),
        _several(st.sampled_from(["Observation", "Condition"])),
        _several(st.sampled_from(CODES)),
        _several(st.builds(DataReference, st.sampled_from(Meaning), identifiers | st.just(Identifier("", "Encounter/1")))),
        exceptions,
    )


trees = st.builds(
    Consent,
    st.sampled_from("abcde"),
    st.integers(1, 3),
    st.booleans(),
    provisions(_several(provisions(st.just(())))),
    st.sampled_from(Base),
    st.none() | st.integers(0, 100),
    _several(st.sampled_from("abcde")),
)
