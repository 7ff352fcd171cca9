"""The configuration file and the same entries as JSON: read strictly, every error one line that says what to write instead.

    [hub]              settings, as in hub.settings
    [[provider]]       id, name, kind, organisation, senders, deliver, certificates, suspended, undeclared_encoding, supervisor
    [[subscription]]   id (optional), provider, events, where, detail, purpose

The JSON bodies of ``/admin`` and of the ledger are these entries unchanged, so a file, a request and a row say the same thing.
"""

import codecs
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from hub import addresses
from hub.model import Channel, Deliver, Detail, Kind, Provider, ProviderKind, Subscription, Where
from hub.numbers import is_organisation_number

ANY_SENDER: Final = "*"
PATTERNS: Final = frozenset({"*", *Kind, *(f"{kind.split('.')[0]}.*" for kind in Kind)})
# v3-ActReason. Emergency and break-glass are reasons to look something up, never to be told, so no subscription may carry them.
_Purpose = Literal["TREAT", "CAREMGT", "COC", "HPAYMT", "HOPERAT", "PATRQT", "FAMRQT", "PWATRNY", "HRESCH"]
PURPOSES: Final[tuple[str, ...]] = get_args(_Purpose)

_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"  # also a part of a Kafka topic's name and a metric's label
_Id = Annotated[str, Field(pattern=_ID)]
_Text = Annotated[str, Field(min_length=1)]
_ORGANISATION_DIGITS: Final = 9
_TABLES: Final = ("hub", "provider", "subscription")

# What to write, by field. Shown after "missing" and after any wrong value.
HINTS: Final = MappingProxyType(
    {
        "id": "letters, digits, '.', '_' and '-', at most 100, starting with a letter or digit",
        "name": "the name people know it by, in quotes",
        "kind": 'one of "hospital", "municipality", "gp", "other"',
        "organisation": 'its organisation number or HER-id in quotes, or "system|value"',
        "senders": 'a list of the MSH-4 names it may speak as, or ["*"] for any that no other provider claims',
        "certificates": "a list of SHA-256 fingerprints of its certificates, 64 hexadecimal digits each",
        "suspended": "true or false",
        "undeclared_encoding": 'the character set of its messages that declare none, such as "iso-8859-1" or "utf-8"',
        "supervisor": 'whom to tell of its emergency access: "mailto:" and an e-mail address, or an address that starts with "https://"',
        "deliver": '{ channel = "mllp", host = "", port = 1 }, { channel = "fhir" or "edi", url = "" }, { channel = "poll" or "mailbox" }',
        "deliver.channel": 'one of "mllp", "fhir", "edi", "poll", "mailbox"',
        "deliver.host": "a host name or address in quotes",
        "deliver.port": "a whole number from 1 to 65535",
        "deliver.url": 'an address that starts with "http://" or "https://", a host that can exist and a port from 1 to 65535, if any',
        "deliver.connections": "a whole number from 1 to 1000",
        "deliver.on_refusal": '"hold" or "release"',
        "deliver.application": "the MSH-5 to write, in quotes",
        "deliver.facility": "the MSH-6 to write, in quotes",
        "deliver.tls_ca": "the path of a PEM file, in quotes",
        "provider": "the id of a [[provider]] in quotes",
        "events": 'a list of event kinds such as ["patient.admitted"], ["patient.*"] or ["*"]',
        "where": '{ municipality = "5001" } and/or relation, ward, class, source',
        "where.municipality": "a municipality number of four digits, in quotes",
        "where.relation": 'one of "gp", "addressed", "pathway"',
        "where.ward": "the ward's name as in PV1-3.1, in quotes",
        "where.class": 'a patient class as in PV1-2, such as "I"',
        "where.source": "the id of a [[provider]] in quotes",
        "detail": 'one of "full", "minimal", "notice"',
        "purpose": "one of " + ", ".join(f'"{p}"' for p in PURPOSES),
    }
)


class ConfigError(ValueError):
    """One or more mistakes in a configuration; ``lines`` has one a mistake: place, field, what to write instead."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines: Final = tuple(lines)
        super().__init__("\n".join(self.lines))


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_E = TypeVar("_E", bound=_Entry)
_T = TypeVar("_T")


class _Deliver(_Entry):
    channel: Literal["mllp", "fhir", "edi", "poll", "mailbox"]
    host: Annotated[str, AfterValidator(addresses.host)] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    url: Annotated[str, AfterValidator(addresses.url)] | None = None
    connections: Annotated[int, Field(ge=1, le=1000)] = 8
    on_refusal: Literal["hold", "release"] = "hold"
    application: str = ""
    facility: str = ""
    tls_ca: str = ""

    @model_validator(mode="after")
    def _has_its_place(self) -> Self:
        given = {name for name in ("host", "port", "url") if getattr(self, name) is not None}
        needed = {"mllp": {"host", "port"}, "fhir": {"url"}, "edi": {"url"}}.get(self.channel, set())
        if given != needed:
            wanted = " and ".join(sorted(needed)) or "neither host, port nor url"
            raise PydanticCustomError("place", "channel {channel} takes {wanted}", {"channel": f'"{self.channel}"', "wanted": wanted})
        return self


class _Provider(_Entry):
    id: _Id
    name: _Text
    kind: Literal["hospital", "municipality", "gp", "other"]
    organisation: str = ""
    senders: list[_Text] = []
    deliver: _Deliver = _Deliver(channel="mailbox")
    certificates: list[Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$")]] = []
    suspended: bool = False
    undeclared_encoding: str = ""
    supervisor: Annotated[str, AfterValidator(addresses.contact)] = ""

    @field_validator("undeclared_encoding")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            return codecs.lookup(name).name if name else ""
        except LookupError:
            raise PydanticCustomError("encoding", "is not a character set") from None


class _Where(_Entry):
    municipality: Annotated[str, Field(pattern=r"^[0-9]{4}$")] = ""
    relation: Literal["", "gp", "addressed", "pathway"] = ""
    ward: str = ""
    encounter_class: str = Field(default="", alias="class")
    source: str = ""


class _Subscription(_Entry):
    id: _Id
    provider: _Text
    events: Annotated[list[str], Field(min_length=1)]
    where: _Where = _Where()
    detail: Literal["full", "minimal", "notice"]
    purpose: _Purpose = "TREAT"

    @field_validator("events")
    @classmethod
    def _are_known(cls, events: list[str]) -> list[str]:
        for event in events:
            if event not in PATTERNS:
                raise PydanticCustomError("event", '"{event}" is no event kind', {"event": event})
        return events


_NESTED: Final[Mapping[str, type[BaseModel]]] = {"deliver": _Deliver, "where": _Where}


def _line(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One mistake as ``field: what is wrong; write ...``."""
    path = ".".join(str(part) for part in error["loc"] if not isinstance(part, int))
    if error["type"] == "extra_forbidden":
        nested = _NESTED.get(str(error["loc"][0]), model) if len(error["loc"]) > 1 else model
        known = ", ".join(f.alias or name for name, f in nested.model_fields.items())
        return f"{path}: unknown key; write one of {known}"
    wrong = error["msg"] if error["type"] in ("place", "encoding", "event") else "missing" if error["type"] == "missing" else "wrong value"
    return f"{path}: {wrong}; write {HINTS.get(path, 'a table')}"


def _checked(model: type[_E], body: object, place: str) -> _E:
    try:
        return model.model_validate(body)
    except ValidationError as exc:
        raise ConfigError(f"{place}: {_line(e, model)}" for e in exc.errors()) from None


_where = lru_cache(maxsize=4096)(Where)  # a hundred thousand subscriptions share a few hundred conditions
_events = lru_cache(maxsize=1024)(lambda *events: events)


def provider_from_dict(body: Mapping[str, object], place: str = "provider") -> Provider:
    """A provider from its entry (TOML table or JSON object). Raises ConfigError; ``place`` begins each line."""
    entry = _checked(_Provider, body, place)
    d = entry.deliver
    return Provider(
        id=entry.id,
        name=entry.name,
        kind=ProviderKind(entry.kind),
        organisation=entry.organisation.strip(),
        senders=tuple(entry.senders),
        deliver=Deliver(
            Channel(d.channel), d.host or "", d.port or 0, d.url or "", d.connections, d.on_refusal, d.application, d.facility, d.tls_ca
        ),
        certificates=tuple(c.replace(":", "").lower() for c in entry.certificates),
        suspended=entry.suspended,
        undeclared_encoding=entry.undeclared_encoding,
        supervisor=entry.supervisor,
    )


def provider_to_dict(provider: Provider) -> dict[str, Any]:
    """The entry that ``provider_from_dict`` reads back as the same provider."""
    deliver = {name: value for name, value in asdict(provider.deliver).items() if value not in ("", 0)}
    body = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(provider).items()}
    return body | {"kind": provider.kind.value, "deliver": deliver | {"channel": provider.deliver.channel.value}}


def subscription_from_dict(body: Mapping[str, object], place: str = "subscription") -> Subscription:
    """A subscription from its entry, ``id`` included. Raises ConfigError; ``place`` begins each line."""
    entry = _checked(_Subscription, body, place)
    w = entry.where
    where = _where(sys.intern(w.municipality), w.relation, w.ward, w.encounter_class, sys.intern(w.source))
    return Subscription(entry.id, sys.intern(entry.provider), _events(*entry.events), where, Detail(entry.detail), entry.purpose)


def subscription_to_dict(subscription: Subscription) -> dict[str, Any]:
    """The entry that ``subscription_from_dict`` reads back as the same subscription."""
    where = {"class" if name == "encounter_class" else name: value for name, value in asdict(subscription.where).items() if value}
    return asdict(subscription) | {"events": list(subscription.events), "detail": subscription.detail.value, "where": where}


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, n in Counter(names).items() if n > 1]


def check_together(providers: Sequence[Provider], subscriptions: Sequence[Subscription]) -> None:
    """What no entry can know by itself: ids, senders and certificates are claimed once, and every id named exists. Raises ConfigError."""
    lines = [f'provider "{i}": id: used twice; write another id in one of them' for i in _repeated(p.id for p in providers)]
    lines += [f'subscription "{i}": id: used twice; write another id in one of them' for i in _repeated(s.id for s in subscriptions)]
    for sender in _repeated(s for p in providers for s in dict.fromkeys(p.senders)):
        claimed = " and ".join(f'"{p.id}"' for p in providers if sender in p.senders)
        lines.append(f'provider {claimed}: senders: "{sender}" claimed by each of them; write it in one only')
    for certificate in _repeated(c for p in providers for c in dict.fromkeys(p.certificates)):
        claimed = " and ".join(f'"{p.id}"' for p in providers if certificate in p.certificates)
        lines.append(f"provider {claimed}: certificates: the same one in each of them; write it in one only")
    known = {p.id for p in providers}
    for s in subscriptions:
        if s.provider not in known:
            lines.append(f'subscription "{s.id}": provider: there is no provider "{s.provider}"; write {HINTS["provider"]}')
        if s.where.source and s.where.source not in known:
            lines.append(f'subscription "{s.id}": where.source: there is no provider "{s.where.source}"; write {HINTS["where.source"]}')
    if lines:
        raise ConfigError(lines)


def remarks(providers: Iterable[Provider]) -> list[str]:
    """One line for each organisation number whose check digit does not hold: a warning, no error."""
    lines = []
    for p in providers:
        number = p.organisation.rpartition("|")[2]
        if len(number) == _ORGANISATION_DIGITS and number.isascii() and number.isdigit() and not is_organisation_number(number):
            lines.append(f'provider "{p.id}": organisation: the check digit of "{number}" does not hold; look the number up again')
    return lines


def _entries(table: Mapping[str, Any], name: str, file: str) -> list[tuple[str, dict[str, Any]]]:
    """The entries of one kind, each with its place in the file: ``hub.toml: [[provider]] 2 "trondheim"``."""
    found = table.get(name, [])
    if not isinstance(found, list) or not all(isinstance(e, dict) for e in found):
        raise ConfigError([f"{file}: {name}: wrong value; write [[{name}]] above each entry"])
    named = [str(e.get("id", e.get("provider", ""))) for e in found]
    places = [f'{file}: [[{name}]] {n} "{i}"' if i else f"{file}: [[{name}]] {n}" for n, i in enumerate(named, 1)]
    return list(zip(places, found, strict=True))


def _numbered(entries: list[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Subscriptions with their ids: the one given, or ``<provider>-<n>`` counted over the provider's entries in file order."""
    counts: Counter[str] = Counter()
    for place, entry in entries:
        provider = str(entry.get("provider", ""))
        counts[provider] += 1
        yield place, {"id": f"{provider}-{counts[provider]}" if provider else "unnamed"} | entry


def _read(entries: Iterable[tuple[str, dict[str, Any]]], reader: Callable[[dict[str, Any], str], _T], lines: list[str]) -> list[_T]:
    """What the reader makes of each entry; the mistakes of those it cannot read are added to ``lines``."""
    values = []
    for place, entry in entries:
        try:
            values.append(reader(entry, place))
        except ConfigError as exc:
            lines += exc.lines
    return values


def parse(text: str, file: str = "configuration") -> tuple[list[Provider], list[Subscription], dict[str, Any]]:
    """The providers, subscriptions and ``[hub]`` settings of a file's text. Raises ConfigError with every mistake at once."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([f"{file}: not TOML: {exc}"]) from None
    lines = [f"{file}: {name}: unknown table; write [hub], [[provider]] or [[subscription]]" for name in table if name not in _TABLES]
    hub = table.get("hub", {})
    if not isinstance(hub, dict):
        lines.append(f"{file}: hub: wrong value; write [hub] above the settings")
    providers = _read(_entries(table, "provider", file), provider_from_dict, lines)
    subscriptions = _read(_numbered(_entries(table, "subscription", file)), subscription_from_dict, lines)
    if lines:
        raise ConfigError(lines)
    try:
        check_together(providers, subscriptions)
    except ConfigError as exc:
        raise ConfigError(f"{file}: {line}" for line in exc.lines) from None
    return providers, subscriptions, hub


def load(path: Path | str) -> tuple[list[Provider], list[Subscription], dict[str, Any]]:
    """``parse`` of a file. Raises ConfigError, also when the file cannot be read or is not UTF-8."""
    try:
        text = Path(path).read_text("utf-8-sig")
    except OSError as exc:
        raise ConfigError([f"{path}: cannot be read: {exc.strerror}; write the path of a TOML file"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: not UTF-8; save the file as UTF-8"]) from None
    return parse(text, str(path))
