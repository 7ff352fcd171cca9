"""What must be there before a process starts: tables, topics, the directory's entries, and the secret. Done again, it changes nothing."""

from dataclasses import replace
from typing import Final

from pydantic import SecretBytes

from hub.config import ConfigError
from hub.identity import Pseudonyms
from hub.ledger import connect as ledger
from hub.ledger.directory import replace_file_entries
from hub.ledger.migrate import migrate
from hub.ledger.secret import agrees
from hub.model import Channel
from hub.settings import Settings
from hub.stack.folder import Folder
from hub.stream.check_tool import look
from hub.stream.kafka import Topics, ensure_topics
from hub.stream.promise import violations
from hub.web.tokens import KEY_FILE
from hub.wiring import Configuration

_OTHER: Final = (
    "the secret is not the one this ledger's patients are hashed with, so no lock would match: "
    "set HUB_SECRET to that one, or name the data folder that keeps it with --data"
)


def prepare(found: Configuration) -> None:
    """Migrate, make the topics, write the file's entries. Raises Faulted, ConfigError."""
    settings = found.settings
    with ledger.faults():
        migrate(settings.database_url)
    topics = Topics(settings.topic_prefix)
    mailboxes = [topics.mailbox(p.id) for p in found.providers if p.deliver.channel is Channel.MAILBOX]
    ensure_topics(settings.kafka, [topics.inbound, topics.events, *mailboxes], settings)
    with ledger.connect(settings.database_url) as conn:
        if not agrees(conn, Pseudonyms(settings.secret.get_secret_value()).check()):
            raise ConfigError([_OTHER])
        replace_file_entries(conn, found.providers, found.subscriptions)


def keep_promise(settings: Settings) -> None:
    """Refuse what can break the promise, unless the settings say aloud that it is not given. Raises ConfigError, Faulted."""
    if settings.promise:
        found = violations(look(settings, settings.data / KEY_FILE))
        if found:
            lines = [f"{v.sentence} Broken by {v.setting} = {v.found}: set it to {v.act}" for v in found]
            raise ConfigError([*lines, "the gateway does not start like this; mend it, or set HUB_PROMISE=false to go without the promise"])


def for_process(name: str, found: Configuration) -> Configuration:
    """Prepare for a process started alone; the configuration with the data folder's secret if none is set.

    Raises Faulted, ConfigError; for a gateway also when a setting breaks the promise.
    """
    if not found.settings.secret.get_secret_value():
        folder = Folder(found.settings.data.absolute(), -1)
        found = replace(found, settings=found.settings.model_copy(update={"secret": SecretBytes(folder.secret().encode())}))
    prepare(found)
    if name == "gateway":
        keep_promise(found.settings)
    return found
