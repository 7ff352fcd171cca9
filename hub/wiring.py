"""The composition root: the one place that owns a clock, reads the settings and builds what the processes share."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretBytes, ValidationError

from hub.config import ConfigError, load
from hub.errors import Cause
from hub.model import Provider, Subscription
from hub.settings import Settings
from hub.stack.folder import kept_secret, running

if TYPE_CHECKING:
    from hub.avro import Codec

PREPARED: Final = "HUB_PREPARED"  # set for the children of `hub up`, which has made tables, topics and entries
_OWN: Final = frozenset({"data", "instance", "metrics"})  # what one process has for itself; a running hub lends every other setting
_LISTS: Final = frozenset({"processing_ids", "trusted_proxies"})


class NoServers(Exception):  # noqa: N818 - a state of the machine
    """A command needs a hub or servers that are not there."""


@dataclass(frozen=True)
class Configuration:
    """Everything read at start. ``file``: where from; None when no file was named, and then there are no entries to be written."""

    settings: Settings
    providers: tuple[Provider, ...]
    subscriptions: tuple[Subscription, ...]
    file: Path | None


def now_us() -> int:
    """The one clock: whole microseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1000


def demo_config() -> Path:
    """The configuration of the demonstration, which is what ``hub up`` takes when none is named."""
    return Path(str(resources.files("hub") / "demo" / "region.toml"))


def named_config(config: Path | None) -> Path | None:
    """The file that was named, by the flag or by HUB_CONFIG."""
    return config or (Path(os.environ["HUB_CONFIG"]) if os.environ.get("HUB_CONFIG") else None)


def read(config: Path | None, flags: Mapping[str, str], default: Path | None = None) -> Configuration:
    """Settings and entries: flags over environment over file over defaults. Raises ConfigError.

    ``default``: the file to take when none is named.
    """
    file = named_config(config) or default
    providers, subscriptions, table = load(file) if file else ([], [], {})
    settings = _settings({**table, **_environment(), **{k: v for k, v in flags.items() if v}})
    return Configuration(settings, tuple(providers), tuple(subscriptions), file)


def _settings(values: Mapping[str, Any]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as exc:
        raise ConfigError(f"setting {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors()) from None


def beside(found: Configuration) -> Configuration:
    """The same with what the hub running on the data folder knows, where nothing else says otherwise. Raises NoServers, ConfigError."""
    lent = running(found.settings.data)
    given = found.settings.model_fields_set | _OWN
    missing: dict[str, Any] = {name: lent[name] for name in Settings.model_fields if name in lent and name not in given}
    if not missing.get("secret") and "secret" not in given:
        missing |= kept_secret(found.settings.data)
    settings = _settings({**found.settings.model_dump(), **missing})
    if not settings.database_url or ("kafka" not in given and "kafka" not in missing):
        where = found.settings.data
        raise NoServers(
            f"no hub is running on {where}, and HUB_KAFKA and HUB_DATABASE_URL are not both set: start hub up or name its --data"
        )
    return Configuration(settings, found.providers, found.subscriptions, found.file)


def noted(settings: Settings) -> dict[str, Any]:
    """The settings as a running hub writes them down for ``beside``: JSON, with the secrets in it."""
    return settings.model_dump(mode="json", exclude=set(_OWN)) | _secrets(settings)


def _secrets(settings: Settings) -> dict[str, str]:
    """The settings that no dump shows, as they are."""
    found = ((name, getattr(settings, name)) for name in Settings.model_fields)
    return {name: value.get_secret_value().decode() for name, value in found if isinstance(value, SecretBytes)}


def unavailable(cause: Cause, settings: Settings) -> str:
    """Which server did not do its part, where it should be, and what to do: one line without a password."""
    match cause:
        case Cause.LEDGER_UNAVAILABLE:
            act = "see that it runs and takes this user and password, or name another with HUB_DATABASE_URL"
            return f"PostgreSQL at {_place(settings.database_url)} cannot be used: {act}"
        case Cause.BROKER_UNAVAILABLE | Cause.BROKER_TIMEOUT:
            return f"Kafka at {settings.kafka} does not answer: see that it runs, or name another with HUB_KAFKA"
        case Cause.REGISTRY_UNAVAILABLE | Cause.SCHEMA_UNKNOWN:
            at = f" at {_place(settings.schema_registry)}" if settings.schema_registry else ""
            return f"the schema registry{at} cannot be used ({cause.value}): see that it runs, or name another with HUB_SCHEMA_REGISTRY"
        case _:
            return f"the hub could not do its part: {cause.value}"


def _place(url: str) -> str:
    """Host, port and path of a URL, and nothing of its user, password or options."""
    scheme, has_scheme, rest = url.partition("://")
    if not has_scheme or "password" in rest or " " in scheme:
        return "the address that is set"
    return rest.rpartition("@")[2].partition("?")[0] or "this machine"


def environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment of a child process, which then needs no file."""
    values: dict[str, Any] = settings.model_dump() | _secrets(settings)
    return {f"HUB_{name.upper()}": _as_text(value) for name, value in values.items()}


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _environment() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in Settings.model_fields:
        text = os.environ.get(f"HUB_{name.upper()}", "")
        if text:
            found[name] = tuple(text.split(",")) if name in _LISTS else text
    return found


def codec(settings: Settings) -> "Codec":
    """The record codec: with the registry of the settings, or with none."""
    from hub.avro import Codec  # noqa: PLC0415 - a command that reads no record does not load Avro
    from hub.registry import ConfluentRegistry  # noqa: PLC0415

    return Codec(ConfluentRegistry(settings.schema_registry) if settings.schema_registry else None, settings.topic_prefix)
