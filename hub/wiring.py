"""The composition root: the one place that owns a clock, reads the settings and builds what the processes share."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from hub.config import ConfigError, load
from hub.model import Provider, Subscription
from hub.settings import Settings
from hub.stack.folder import kept_secret, running

if TYPE_CHECKING:
    from hub.avro import Codec

PREPARED: Final = "HUB_PREPARED"  # set for the children of `hub up`, which has made tables, topics and entries
_OURS: Final = ("kafka", "database_url", "secret")  # what a running `hub up` lends to the commands beside it
_LISTS: Final = frozenset({"processing_ids"})


class NoServers(Exception):  # noqa: N818 - a state of the machine
    """A command needs a hub or servers that are not there."""


@dataclass(frozen=True)
class Configuration:
    """Everything read at start."""

    settings: Settings
    providers: tuple[Provider, ...]
    subscriptions: tuple[Subscription, ...]
    file: Path


def now_us() -> int:
    """The one clock: whole microseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1000


def demo_config() -> Path:
    """The configuration of the demonstration, which is also the default."""
    return Path(str(resources.files("hub") / "demo" / "region.toml"))


def read(config: Path | None, flags: Mapping[str, str]) -> Configuration:
    """Settings and entries: flags over environment over file over defaults. Raises ConfigError."""
    given = config or (Path(os.environ["HUB_CONFIG"]) if os.environ.get("HUB_CONFIG") else None)
    file = given or demo_config()
    providers, subscriptions, table = load(file)
    values = {**table, **_environment(), **{k: v for k, v in flags.items() if v}}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        raise ConfigError(f"setting {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors()) from None
    return Configuration(settings, tuple(providers), tuple(subscriptions), file)


def beside(found: Configuration) -> Configuration:
    """The same with what the hub running on the data folder knows, where nothing else says where the servers are. Raises NoServers."""
    lent = running(found.settings.data)
    missing: dict[str, Any] = {name: lent[name] for name in _OURS if name in lent and name not in found.settings.model_fields_set}
    if not missing.get("secret") and "secret" not in found.settings.model_fields_set:
        missing |= kept_secret(found.settings.data)
    settings = Settings.model_validate({**found.settings.model_dump(), **missing})
    if not settings.database_url or ("kafka" not in found.settings.model_fields_set and "kafka" not in missing):
        where = found.settings.data
        raise NoServers(
            f"no hub is running on {where}, and HUB_KAFKA and HUB_DATABASE_URL are not both set: start hub up or name its --data"
        )
    return Configuration(settings, found.providers, found.subscriptions, found.file)


def environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment of a child process, which then needs no file."""
    values: dict[str, Any] = settings.model_dump() | {"secret": settings.secret.get_secret_value().decode()}
    return {f"HUB_{name.upper()}": ",".join(v) if isinstance(v, tuple) else str(v) for name, v in values.items()}


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
