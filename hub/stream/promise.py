"""Which settings break which sentence of the promise: pure over facts, so that ``hub check`` and a gateway about to start judge alike."""

import ipaddress
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hub.addresses import can_be_told
from hub.ledger.together import LeftOut
from hub.model import Channel, Provider, Subscription
from hub.settings import Settings

NEVER_LOST: Final = "A message the hub acknowledged is never lost."
NEVER_SHOWN: Final = "It is never shown to someone the patient or the law keeps out."
IN_ORDER: Final = "It reaches each entitled provider, in order per patient."
EXPLAINED: Final = "Every outcome is explained."

_ENVELOPE_BYTES: Final = 65_536
_SECRET_BYTES_MIN: Final = 16
_ON: Final = frozenset({"on", "true", "remote_apply", "remote_write", "local"})
_REPLICAS: Final = 3
_DAY_MS: Final = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Violation:
    """A setting that breaks a sentence, and what to set instead.

    stops: False when the hub may start all the same: it was said aloud, or it is an administrator's entry and nobody else suffers.
    """

    sentence: str
    setting: str
    found: str
    act: str
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What is looked at.

    broker: topic name -> settings in force, as ``kafka.broker_settings``; database: as PostgreSQL's ``SHOW``. admins: ids of the providers
    that an administrator put; left_out: stored entries, or parts of them, that do not go together with the others.
    """

    settings: Settings
    broker: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    database: Mapping[str, str] = field(default_factory=dict)
    providers: Sequence[Provider] = ()
    subscriptions: Sequence[Subscription] = ()
    token_key_mode: int | None = None  # permission bits of the key that signs tokens; None = there is none
    audit_key_mode: int | None = None  # of the key that signs checkpoints of the audit chain
    unguarded: Sequence[str] = ()  # tables of the record without one of their triggers
    admins: frozenset[str] = frozenset()
    left_out: Sequence[LeftOut] = ()


def violations(facts: Facts) -> list[Violation]:
    """Every setting that breaks the promise; what was not looked at breaks nothing."""
    return [violation for rule in RULES for violation in rule(facts)]


def _topics(facts: Facts) -> Iterator[Violation]:
    for topic, found in facts.broker.items():
        yield from _durable(topic, found)
        if int(found.get("max.message.bytes", "0")) < facts.settings.frame_bytes_max + _ENVELOPE_BYTES:
            needed = facts.settings.frame_bytes_max + _ENVELOPE_BYTES
            act = f"at least {needed}: a frame the gateway takes must fit, with its envelope"
            yield Violation(NEVER_LOST, f"{topic}: max.message.bytes", found.get("max.message.bytes", "?"), act)
        if found.get("cleanup.policy", "delete") != "delete":
            yield Violation(
                NEVER_LOST, f"{topic}: cleanup.policy", found["cleanup.policy"], "delete: compaction drops a patient's earlier messages"
            )
        if found.get("partitions", str(facts.settings.partitions)) != str(facts.settings.partitions):
            act = f"{facts.settings.partitions}, or set HUB_PARTITIONS to what is there: another number sends a patient elsewhere"
            yield Violation(IN_ORDER, f"{topic}: partitions", found["partitions"], act)
        yield from _kept(facts.settings, topic, int(found.get("retention.ms", "-1")))
        if int(found.get("retention.bytes", "-1")) >= 0:
            yield Violation(
                NEVER_LOST, f"{topic}: retention.bytes", found["retention.bytes"], "-1: a burst must not push out what is undecided"
            )


def _kept(settings: Settings, topic: str, retention: int) -> Iterator[Violation]:
    """Transit must find what it has not decided; a mailbox's reader and a replay of the pathway may come later than Kafka's own week."""
    if 0 <= retention < _DAY_MS:
        act = "a day or more: what transit has not decided must still be there"
        yield Violation(NEVER_LOST, f"{topic}: retention.ms", str(retention), act)
    elif topic != f"{settings.topic_prefix}inbound" and 0 <= retention < (settings.keep_days * _DAY_MS or math.inf):
        act = f"{settings.keep_days * _DAY_MS or -1}: what is delivered to a mailbox, or replayed by the pathway, must still be there"
        yield Violation(NEVER_LOST, f"{topic}: retention.ms", str(retention), act, stops=False)


def _durable(topic: str, found: Mapping[str, str]) -> Iterator[Violation]:
    """What keeps an acknowledged record through a crash or a power cut: several brokers, or one that flushes."""
    replicas, in_sync = int(found.get("replication.factor", "1")), int(found.get("min.insync.replicas", "1"))
    if found.get("unclean.leader.election.enable", "false") == "true":
        act = "false: a replica that lags must not become the leader"
        yield Violation(NEVER_LOST, f"{topic}: unclean.leader.election.enable", "true", act)
    if found.get("broker.auto.create.topics.enable", "false") == "true":
        act = "false: a mistyped or dropped topic must be an error, not an empty one with default settings"
        yield Violation(NEVER_LOST, "broker: auto.create.topics.enable", "true", act)
    if int(found.get("brokers", "1")) > 1 and (replicas < _REPLICAS or in_sync < _REPLICAS - 1):
        act = "replication.factor 3 and min.insync.replicas 2 (HUB_REPLICATION_FACTOR=3)"
        yield Violation(NEVER_LOST, f"{topic}: replication.factor, min.insync.replicas", f"{replicas}, {in_sync}", act)
    elif replicas < _REPLICAS and "1" not in (found.get("flush.messages"), found.get("broker.log.flush.interval.messages")):
        act = "1: with a single copy only the disk keeps an acknowledged message through a power cut"
        yield Violation(NEVER_LOST, f"{topic}: flush.messages", found.get("flush.messages", "?"), act)
    if 1 < replicas <= in_sync:
        act = f"less than replication.factor {replicas}: one broker down must not stop the hub"
        yield Violation(IN_ORDER, f"{topic}: min.insync.replicas", str(in_sync), act)


def _database(facts: Facts) -> Iterator[Violation]:
    acts = {
        "fsync": "on: decisions must survive a power cut",
        "synchronous_commit": "on: a commit that is answered must be on disk",
        "full_page_writes": "on: a page half written in a crash must be mended",
    }
    for name, act in acts.items():
        found = facts.database.get(name, "on")
        if found not in _ON or (name != "synchronous_commit" and found != "on"):
            yield Violation(NEVER_LOST, f"postgresql: {name}", found, act)


def open_doors(settings: Settings) -> Iterator[Violation]:
    """The doors without TLS where others than this machine can come in; one that was not said aloud is not opened, promise or none."""
    for name, address in (("mllp", settings.mllp), ("http", settings.http)):
        if not settings.tls_certificate and not is_loopback(address):
            act = "set HUB_TLS_CERTIFICATE and HUB_TLS_KEY, or listen on 127.0.0.1"
            yield Violation(NEVER_SHOWN, f"hub: {name}", f"{address} without TLS", act, stops=not settings.insecure_plaintext)


def _doors(facts: Facts) -> Iterator[Violation]:
    return open_doors(facts.settings)


def _secrets(facts: Facts) -> Iterator[Violation]:
    if len(facts.settings.secret.get_secret_value()) < _SECRET_BYTES_MIN:
        act = f"set HUB_SECRET to {_SECRET_BYTES_MIN} random bytes or more, and keep it: patients' keys can otherwise be guessed"
        yield Violation(NEVER_SHOWN, "hub: secret", "empty or short", act)
    if facts.token_key_mode is not None and facts.token_key_mode & 0o077:
        act = "chmod 600: whoever can read it can make any token"
        yield Violation(NEVER_SHOWN, "hub: the key of tokens", f"mode {facts.token_key_mode:o}", act)


def _record(facts: Facts) -> Iterator[Violation]:
    """What makes the record of decisions and disclosures evidence."""
    if facts.audit_key_mode is not None and facts.audit_key_mode & 0o077:
        act = "chmod 600: whoever can read it can sign a record that never was"
        yield Violation(EXPLAINED, "hub: the key of audit checkpoints", f"mode {facts.audit_key_mode:o}", act)
    for table in facts.unguarded:
        act = f"ALTER TABLE {table} ENABLE TRIGGER ALL, then hub audit verify: what was written meanwhile is in no chain"
        yield Violation(EXPLAINED, f"postgresql: triggers of {table}", "off or gone", act, stops=False)
    if not facts.settings.audit_checkpoint_seconds:
        act = "a minute or so: an end of the record that is cut off is seen by what was signed before"
        yield Violation(EXPLAINED, "hub: audit_checkpoint_seconds", "0", act, stops=False)


def _revocation(facts: Facts) -> Iterator[Violation]:
    settings = facts.settings
    if settings.claim_seconds_max > settings.revocation_wait_seconds_max:
        act = f"at most revocation_wait_seconds_max ({settings.revocation_wait_seconds_max:g}): a lock's answer must outlast every claim"
        yield Violation(NEVER_SHOWN, "hub: claim_seconds_max", f"{settings.claim_seconds_max:g}", act)


def _region(facts: Facts) -> Iterator[Violation]:
    for p in facts.providers:
        is_admins = p.id in facts.admins
        if not p.senders and not any(s.provider == p.id for s in facts.subscriptions):
            act = "give it senders or a subscription: it can neither send nor be told anything"
            yield Violation(EXPLAINED, f"provider {p.id}: senders", "none", act, stops=not is_admins)
        for violation in _provider(p, facts.settings):
            yield replace(violation, stops=violation.stops and not is_admins)


def _provider(p: Provider, settings: Settings) -> Iterator[Violation]:
    """What one provider's own entry breaks. Neither is ever done: nothing is sent in the clear or taken without proof meanwhile."""
    if p.certificates and settings.tls_certificate and not settings.tls_client_ca:
        act = "set HUB_TLS_CLIENT_CA: providers with certificates must be asked for theirs, and cannot send until they are"
        yield Violation(NEVER_SHOWN, f"provider {p.id}: certificates", "never asked for", act)
    if p.deliver.channel is Channel.MLLP and not p.deliver.tls_ca and not is_loopback(f"{p.deliver.host}:{p.deliver.port}"):
        act = "set tls_ca: a patient's messages must not cross a network in the clear, and wait until then"
        found = f"mllp to {p.deliver.host} without TLS"
        yield Violation(NEVER_SHOWN, f"provider {p.id}: deliver", found, act, stops=not settings.insecure_plaintext)
    if p.deliver.url.startswith("http://") and not is_loopback(_host(p.deliver.url)):
        act = "use https: a patient's messages must not cross a network in the clear, and wait until then"
        found = f"{p.deliver.channel} by http"
        yield Violation(NEVER_SHOWN, f"provider {p.id}: deliver", found, act, stops=not settings.insecure_plaintext)
    yield from _supervisor(p, settings)


def _supervisor(p: Provider, settings: Settings) -> Iterator[Violation]:
    """Who is told of emergency access: it cannot be opened where nobody can be told."""
    if p.supervisor and not can_be_told(p.supervisor, settings.smtp):
        act = "set HUB_SMTP, or an address that can be called: until then emergency access is refused here"
        yield Violation(EXPLAINED, f"provider {p.id}: supervisor", "a mailbox, and no mail server", act, stops=False)
    if p.supervisor.startswith("http://") and not is_loopback(_host(p.supervisor)):
        act = "use https: who opened a record in an emergency is told to nobody else"
        yield Violation(NEVER_SHOWN, f"provider {p.id}: supervisor", "called by http", act, stops=not settings.insecure_plaintext)


def objections(settings: Settings, provider: Provider) -> list[str]:
    """Why an entry may not be taken: what would keep a hub from starting if it stood in the configuration file. One line each."""
    return [f"{v.setting}: {v.found}; {v.act}" for v in _provider(provider, settings) if v.stops]


def _left_out(facts: Facts) -> Iterator[Violation]:
    for left in facts.left_out:
        yield Violation(EXPLAINED, left.entry, left.why, left.act, stops=False)


def _host(url: str) -> str:
    place = url.partition("//")[2].partition("/")[0]
    return place if ":" in place.rpartition("]")[2] else f"{place}:80"


def is_loopback(address: str) -> bool:
    """Whether HOST:PORT can be reached from this machine only."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


RULES: Final[tuple[Callable[[Facts], Iterator[Violation]], ...]] = (
    _topics,
    _database,
    _doors,
    _secrets,
    _record,
    _revocation,
    _region,
    _left_out,
)
