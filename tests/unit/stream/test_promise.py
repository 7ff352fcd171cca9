"""``hub check``: every rule breaks under the setting it is about, and nothing breaks under good ones."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretBytes

from hub.boundaries import ConsentLimits
from hub.ledger.together import LeftOut
from hub.model import Channel, Deliver, Detail, Provider, ProviderKind, Subscription, Where
from hub.settings import Settings
from hub.stream.check_tool import emergencies, text
from hub.stream.promise import Facts, is_loopback, objections, violations

TOPIC = {
    "brokers": "1", "partitions": "12", "replication.factor": "1", "min.insync.replicas": "1", "flush.messages": "1",
    "max.message.bytes": "5000000", "cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1",
    "unclean.leader.election.enable": "false", "broker.auto.create.topics.enable": "false",
}  # fmt: skip
THREE = {"brokers": "3", "replication.factor": "3", "min.insync.replicas": "2", "flush.messages": "9223372036854775807"}
DATABASE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
SETTINGS = Settings(secret=SecretBytes(b"0123456789abcdef"))
LOCAL = Provider("a", "A", ProviderKind.OTHER, "", ("A",), Deliver(Channel.MLLP, "127.0.0.1", 2600))
GOOD = Facts(SETTINGS, {"inbound": TOPIC}, DATABASE, (LOCAL,), (), 0o600)


def broker(**found: str) -> dict[str, Any]:
    return {"broker": {"inbound": TOPIC | {name.replace("_", "."): value for name, value in found.items()}}}


def hub(**values: Any) -> dict[str, Any]:
    return {"settings": SETTINGS.model_copy(update=values)}


def provider(**values: Any) -> dict[str, Any]:
    return {"providers": (replace(LOCAL, **values),)}


def test_good_settings_keep_the_promise() -> None:
    assert violations(GOOD) == violations(replace(GOOD, broker={"inbound": TOPIC | THREE})) == []
    assert violations(replace(GOOD, broker={"events": TOPIC | {"retention.ms": "-1"}})) == []
    assert violations(replace(GOOD, broker={"events": TOPIC}, settings=SETTINGS.model_copy(update={"keep_days": 7}))) == []
    assert text([]) == "every setting keeps the promise\n"


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        (broker(flush_messages="100"), "inbound: flush.messages"),
        (broker(**{"max.message.bytes": "1048588"}), "inbound: max.message.bytes"),
        (broker(**{"unclean.leader.election.enable": "true"}), "inbound: unclean.leader.election.enable"),
        (broker(**{"broker.auto.create.topics.enable": "true"}), "broker: auto.create.topics.enable"),
        (broker(brokers="3"), "inbound: replication.factor, min.insync.replicas"),
        (broker(**THREE | {"min.insync.replicas": "1"}), "inbound: replication.factor, min.insync.replicas"),
        (broker(**THREE | {"min.insync.replicas": "3"}), "inbound: min.insync.replicas"),
        (broker(partitions="6"), "inbound: partitions"),
        (broker(**{"retention.ms": "3600000"}), "inbound: retention.ms"),
        (broker(**{"retention.bytes": "1000000"}), "inbound: retention.bytes"),
        (broker(**{"cleanup.policy": "compact"}), "inbound: cleanup.policy"),
        ({"database": DATABASE | {"fsync": "off"}}, "postgresql: fsync"),
        ({"database": DATABASE | {"synchronous_commit": "off"}}, "postgresql: synchronous_commit"),
        ({"database": DATABASE | {"full_page_writes": "off"}}, "postgresql: full_page_writes"),
        (hub(mllp="0.0.0.0:2575"), "hub: mllp"),
        (hub(http="[::]:8080"), "hub: http"),
        (hub(secret=SecretBytes(b"")), "hub: secret"),
        (hub(claim_seconds_max=5.0), "hub: claim_seconds_max"),
        ({"token_key_mode": 0o644}, "hub: the key of tokens"),
        ({"audit_key_mode": 0o604}, "hub: the key of audit checkpoints"),
        (provider(senders=()), "provider a: senders"),
        (provider(deliver=Deliver(Channel.MLLP, "10.0.0.1", 2600)), "provider a: deliver"),
        (provider(deliver=Deliver(Channel.FHIR, url="http://gp.example/fhir")), "provider a: deliver"),
        (provider(deliver=Deliver(Channel.EDI, url="http://gp.example/edi")), "provider a: deliver"),
        (provider(certificates=("ab",)) | hub(tls_certificate="c.pem"), "provider a: certificates"),
        (provider(supervisor="http://leader.example/"), "provider a: supervisor"),
    ],
)
def test_each_rule(change: dict[str, Any], setting: str) -> None:
    (found,) = violations(replace(GOOD, **change))
    assert found.setting == setting
    assert found.stops
    assert found.act and setting in text([found])


@pytest.mark.parametrize(("topic", "keep_days"), [("events", 0), ("mailbox.clinic", 30)])
def test_what_others_read_is_kept_longer_than_kafkas_week(topic: str, keep_days: int) -> None:
    (found,) = violations(replace(GOOD, broker={topic: TOPIC}, settings=SETTINGS.model_copy(update={"keep_days": keep_days})))
    assert (found.setting, found.stops) == (f"{topic}: retention.ms", False)


ALOUD = hub(insecure_plaintext=True, mllp="0.0.0.0:2575", http="0.0.0.0:8080")
REMOTE = provider(deliver=Deliver(Channel.MLLP, "10.0.0.1", 2600))


@pytest.mark.parametrize(
    ("change", "settings"),
    [
        (ALOUD, ["hub: mllp", "hub: http"]),
        (hub(insecure_plaintext=True) | REMOTE, ["provider a: deliver"]),
        (REMOTE | {"admins": frozenset("a")}, ["provider a: deliver"]),
        (provider(senders=()) | {"admins": frozenset("a")}, ["provider a: senders"]),
        (provider(certificates=("ab",)) | hub(tls_certificate="c.pem") | {"admins": frozenset("a")}, ["provider a: certificates"]),
        ({"unguarded": ("attempt",)}, ["postgresql: triggers of attempt"]),
        (hub(audit_checkpoint_seconds=0), ["hub: audit_checkpoint_seconds"]),
        (provider(supervisor="mailto:a@a.example"), ["provider a: supervisor"]),
        ({"left_out": (LeftOut("subscription s", "of nobody", "put it anew"),)}, ["subscription s"]),
    ],
)
def test_what_is_said_aloud_or_put_by_an_administrator_is_told_and_stops_nobody(change: dict[str, Any], settings: list[str]) -> None:
    found = violations(replace(GOOD, **change))
    assert [v.setting for v in found] == settings
    assert not any(v.stops for v in found)
    assert "does not keep the hub from starting" in text(found)


@pytest.mark.parametrize(
    ("values", "given", "is_fine"),
    [
        (LOCAL, {}, True),
        (replace(LOCAL, senders=()), {}, True),  # its subscription can only be put after it
        (replace(LOCAL, deliver=Deliver(Channel.MLLP, "10.0.0.1", 2600)), {}, False),
        (replace(LOCAL, deliver=Deliver(Channel.MLLP, "10.0.0.1", 2600)), {"insecure_plaintext": True}, True),
        (replace(LOCAL, deliver=Deliver(Channel.FHIR, url="http://gp.example/fhir")), {}, False),
        (replace(LOCAL, deliver=Deliver(Channel.EDI, url="http://gp.example/edi")), {}, False),
        (replace(LOCAL, certificates=("ab",)), {"tls_certificate": "c.pem"}, False),
        (replace(LOCAL, certificates=("ab",)), {"tls_certificate": "c.pem", "tls_client_ca": "ca.pem"}, True),
    ],
)
def test_an_entry_is_judged_before_it_is_taken(values: Provider, given: dict[str, Any], *, is_fine: bool) -> None:
    lines = objections(SETTINGS.model_copy(update=given), values)
    assert bool(lines) is not is_fine
    assert all("provider a" in line for line in lines)


@pytest.mark.parametrize(
    "change",
    [
        provider(senders=()) | {"subscriptions": (Subscription("s", "a", ("*",), Where(), Detail.FULL),)},
        provider(deliver=Deliver(Channel.FHIR, url="https://gp.example/fhir")),
        provider(deliver=Deliver(Channel.FHIR, url="http://localhost:8080/fhir")),
        provider(deliver=Deliver(Channel.FHIR, url="http://[::1]/fhir")),
        provider(deliver=Deliver(Channel.MLLP, "10.0.0.1", 2600, tls_ca="ca.pem")),
        {"database": DATABASE | {"synchronous_commit": "remote_apply"}},
        hub(mllp="0.0.0.0:2575", tls_certificate="c.pem", tls_key="k.pem"),
    ],
)
def test_what_is_good_enough(change: dict[str, Any]) -> None:
    assert violations(replace(GOOD, **change)) == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1:1", True), ("[::1]:1", True), ("localhost:1", True), ("0.0.0.0:1", False), (":1", False), ("hub.example:1", False)],
)
def test_loopback(address: str, *, expected: bool) -> None:
    assert is_loopback(address) is expected


@pytest.mark.parametrize(
    ("supervisor", "more", "said"),
    [
        ("", {}, "refused to a ("),
        ("mailto:a@a.example", {}, "refused to a ("),
        ("mailto:a@a.example", {"smtp": "mail:25"}, "every provider"),
        ("https://a.example/", {}, "every provider"),
        ("https://a.example/", {"consent": ConsentLimits(emergency_hours=0)}, "switched off"),
    ],
)
def test_who_may_open_emergency_access_is_told(supervisor: str, more: dict[str, Any], said: str) -> None:
    told = emergencies([replace(LOCAL, supervisor=supervisor)], SETTINGS.model_copy(update=more))
    assert said in told
    assert not violations(replace(GOOD, **provider(supervisor="https://a.example/")))
