"""A consent as it is stored: id, version, active, and the rest as JSON in column ``body``, without what has its default.

    {"root": {"deny": true, "actors": [["urn:hub:provider", "a"], [HPR, "7", "person"]], "period": [null, 5], "exceptions": [...], ...},
     "base": "explicit", "given_us": 0, "replaces": ["id", ...]}

Read strictly: what is not understood makes the patient's consents unreadable, and everything about the patient waits.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from hub.model import Actor, ActorKind, Base, Consent, DataReference, Identifier, Meaning, Provision, Span

Json = dict[str, Any]
UNREADABLE: Final = (TypeError, ValueError, KeyError, AttributeError)  # what ``consent_of`` raises for a row that nobody can have meant
_BODY: Final = frozenset({"root", "base", "given_us", "replaces"})


def body_of(consent: Consent) -> Json:
    """The column ``body``."""
    body: Json = {"root": _written(consent.provision)}
    if consent.base is not Base.LAW:
        body["base"] = consent.base.value
    if consent.given_us is not None:
        body["given_us"] = consent.given_us
    if consent.replaces:
        body["replaces"] = list(consent.replaces)
    return body


def consent_of(columns: Sequence[Any]) -> Consent:
    """The columns id, version, active, body as a value. Raises one of UNREADABLE."""
    consent_id, version, active, body = columns
    if not isinstance(version, int) or not isinstance(active, bool) or not _BODY.issuperset(body):
        raise ValueError
    provision = _read(body["root"], may_nest=True)
    given_us = body.get("given_us")
    return Consent(
        consent_id, version, active, provision, Base(body.get("base", Base.LAW)), _whole(given_us), _texts(body.get("replaces", ()))
    )


def _written(p: Provision) -> Json:
    found: Json = {
        "period": p.period and [p.period.start_us, p.period.end_us],
        "data_period": p.data_period and [p.data_period.start_us, p.data_period.end_us],
        "actors": [_named(a) for a in p.actors],
        "purposes": list(p.purposes),
        "labels": list(p.labels),
        "classes": list(p.classes),
        "codes": [list(code) for code in p.codes],
        "data": [[d.meaning.value, d.identifier.system, d.identifier.value] for d in p.data],
        "exceptions": [_written(e) for e in p.exceptions],
    }
    return {"deny": p.deny} | {name: value for name, value in found.items() if value}


def _named(actor: Actor) -> list[str]:
    named = [actor.identifier.system, actor.identifier.value]
    return named if actor.kind is ActorKind.ORGANISATION else [*named, actor.kind.value]


def _read(body: Mapping[str, Any], *, may_nest: bool) -> Provision:
    deny = body["deny"]
    if not isinstance(deny, bool):
        raise TypeError
    if len(body) == 1:
        return Provision(deny)
    made = {name: _READERS[name](value) for name, value in body.items() if name not in ("deny", "exceptions")}
    if "exceptions" in body:
        if not may_nest:
            raise ValueError
        made["exceptions"] = tuple(_read(e, may_nest=False) for e in _some(body["exceptions"]))
    return Provision(deny, **made)


def _some(value: Any) -> Sequence[Any]:
    """A list with something in it: an empty one would mean everything."""
    if not isinstance(value, list) or not value:
        raise TypeError
    return value


def _whole(value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not all(isinstance(text, str) for text in value):
        raise TypeError
    return tuple(value)


def _span(value: Any) -> Span:
    start_us, end_us = value
    return Span(_whole(start_us), _whole(end_us))


def _identifier(system: Any, value: Any) -> Identifier:
    if not isinstance(system, str) or not isinstance(value, str):
        raise TypeError
    return Identifier(system, value)


def _actors(value: Any) -> tuple[Actor, ...]:
    return tuple(Actor(_identifier(*named[:2]), *map(ActorKind, named[2:])) for named in map(_some, _some(value)))


def _codes(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = [_texts(_some(pair)) for pair in _some(value)]
    return tuple((system, code) for system, code in pairs)


def _data(value: Any) -> tuple[DataReference, ...]:
    return tuple(DataReference(Meaning(meaning), _identifier(system, number)) for meaning, system, number in _some(value))


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "period": _span,
        "data_period": _span,
        "actors": _actors,
        "purposes": lambda value: _texts(_some(value)),
        "labels": lambda value: _texts(_some(value)),
        "classes": lambda value: _texts(_some(value)),
        "codes": _codes,
        "data": _data,
    }
)
