"""What must be there before a process starts: tables, topics, the directory's entries, and the secret. Done again, it changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pydantic import SecretBytes

from hub.config import ConfigError
from hub.identity import Pseudonyms
from hub.ledger import connect as ledger
from hub.ledger.directory import load_directory, replace_file_entries
from hub.ledger.migrate import migrate
from hub.ledger.secret import agrees
from hub.model import Channel
from hub.settings import Settings
from hub.stack.folder import Folder
from hub.stream.check_tool import look
from hub.stream.kafka import Topics, ensure_topics
from hub.stream.promise import open_doors, violations
from hub.web.tokens import KEY_FILE
from hub.wiring import Configuration, codec

_DOORS: Final = {"gateway": "mllp", "web": "http"}
_OTHER: Final = (
    "the secret is not the one this ledger's patients are hashed with, so no lock would match: "
    "set HUB_SECRET to that one, or name the data folder that keeps it with --data"
)


def prepare(found: Configuration) -> None:
    """Migrate, make the topics, have a registry know the schemas, write the entries of the file if one was named.

    Raises Faulted, ConfigError.
    """
    settings = found.settings
    migrate(settings.database_url)
    topics = Topics(settings.topic_prefix)
    mailboxes = [topics.mailbox(p.id) for p in found.providers if p.deliver.channel is Channel.MAILBOX]
    ensure_topics(settings.kafka, [topics.inbound, topics.events, *mailboxes], settings)
    codec(settings).learn("inbound", "events")  # once, here: a registry asked by several processes for the same new schema can fail
    with ledger.connect(settings.database_url) as conn:
        if not agrees(conn, Pseudonyms(settings.secret.get_secret_value()).check()):
            raise ConfigError([_OTHER])
        if found.file is not None:
            replace_file_entries(conn, found.providers, found.subscriptions)


def keep_promise(settings: Settings) -> list[str]:
    """Refuse what can break the promise, unless the settings say aloud that it is not given; the lines to tell a person loudly.

    Raises ConfigError, Faulted.
    """
    if not settings.promise:
        with ledger.connect(settings.database_url) as conn:
            return [f"{left.entry}: {left.why}: {left.act}" for left in load_directory(conn).left_out]
    found = violations(look(settings, settings.data / KEY_FILE))
    stopping = [f"{v.sentence} Broken by {v.setting} = {v.found}: set it to {v.act}" for v in found if v.stops]
    if stopping:
        raise ConfigError([*stopping, "the gateway does not start like this; mend it, or set HUB_PROMISE=false to go without the promise"])
    return [f"{v.sentence} Broken by {v.setting} = {v.found}: {v.act}" for v in found]


def check_doors(settings: Settings, *processes: str) -> None:
    """Refuse to start what would not open its door: in plaintext where others come in, and nobody said that this is meant.

    Raises ConfigError.
    """
    doors = {f"hub: {_DOORS[name]}": _DOORS[name] for name in processes if name in _DOORS}
    closed = [(doors[v.setting], v) for v in open_doors(settings) if v.stops and v.setting in doors]
    if closed:
        raise ConfigError([f"{door} = {v.found}: {v.act}; HUB_INSECURE_PLAINTEXT=true if this is meant" for door, v in closed])


def for_process(name: str, found: Configuration, tell: Callable[[str], None]) -> Configuration:
    """Prepare for a process started alone; the configuration with the data folder's secret if none is set.

    Raises Faulted, StackError, ConfigError: also for a door in plaintext, and for a gateway when a setting breaks the promise.
    ``tell`` is given what must be heard.
    """
    if not found.settings.secret.get_secret_value():
        secret = Folder(found.settings.data.absolute(), -1).secret()
        found = replace(found, settings=found.settings.model_copy(update={"secret": SecretBytes(secret.encode())}))
    if name == "web" or not found.settings.promise:  # a gateway that keeps the promise hears of all that breaks it at once
        check_doors(found.settings, name)
    prepare(found)
    if name == "gateway":
        for line in keep_promise(found.settings):
            tell(line)
    return found
