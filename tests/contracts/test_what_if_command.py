"""``hub what-if`` as a person or a CI run calls it: what it says, and with which code it ends."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.__main__ import main
from hub.identity import FNR, HUB_PROVIDER
from hub.ledger.connect import Conn, connect
from hub.ledger.directory import put_subscription, replace_file_entries
from hub.ledger.secret import agrees
from hub.model import Detail, Subscription, Where
from hub.settings import Settings
from tests.contracts.decided import decide, rewrite
from tests.contracts.transit_rig import NUMBER, PROVIDERS, PSEUDONYMS, SUBSCRIPTIONS, received

REGION = "\n".join(
    [
        *(f'[[provider]]\nid = "{p.id}"\nname = "{p.name}"\nkind = "{p.kind}"\nsenders = ["{p.senders[0]}"]' for p in PROVIDERS),
        '[[subscription]]\nid = "village-1"\nprovider = "village"\nevents = ["patient.*"]\ndetail = "full"',
        'where = { municipality = "5031" }',
        '[[subscription]]\nid = "clinic-1"\nprovider = "clinic"\nevents = ["*"]\ndetail = "minimal"\n',
    ]
)
TOWN = '[[subscription]]\nid = "town-1"\nprovider = "town"\nevents = ["patient.*"]\nwhere = { municipality = "5001" }\ndetail = "full"\n'


@dataclass
class Hub:
    """A ledger, a folder for files, and the command over them."""

    conn: Conn
    url: str
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def file(self, name: str, content: str) -> str:
        (self.folder / name).write_text(content, "utf-8")
        return str(self.folder / name)

    def what_if(self, *arguments: str) -> tuple[int, str, str]:
        code = main(["what-if", *arguments, "--data", str(self.folder / "data")])
        out, err = self.capsys.readouterr()
        return code, out, err


@pytest.fixture
def hub(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Hub]:
    for name in (*Settings.model_fields, "config"):
        monkeypatch.delenv(f"HUB_{name.upper()}", raising=False)
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    monkeypatch.setenv("HUB_KAFKA", "127.0.0.1:9")
    monkeypatch.setenv("HUB_SECRET", PSEUDONYMS.secret.decode())
    with connect(database_url) as conn:
        replace_file_entries(conn, PROVIDERS, SUBSCRIPTIONS)
        yield Hub(conn, database_url, tmp_path, capsys)


def consent(i: str = "c1", **fields: Any) -> dict[str, Any]:
    actor = {"role": {"text": "x"}, "reference": {"identifier": {"system": HUB_PROVIDER, "value": "town"}}}
    return {
        "resourceType": "Consent", "id": i, "status": "active", "patient": {"identifier": {"system": FNR, "value": NUMBER}},
        "provision": {"type": "deny", "actor": [actor]},
    } | fields  # fmt: skip


def test_nobody_gains_or_loses_by_the_same_entries(hub: Hub) -> None:
    decide(hub.url, [received("c1"), received("c2", town="5031")])
    code, out, err = hub.what_if("--policy", hub.file("same.toml", REGION + TOWN))
    assert (code, err) == (0, "")
    assert "nobody would gain or lose anything" in out and "4 decisions of 2 messages" in out


def test_who_loses_is_a_row_of_a_table_and_the_exit_code(hub: Hub) -> None:
    decide(hub.url, [received("c1"), received("c2"), received("c3", trigger="A03")])
    code, out, _ = hub.what_if("--policy", hub.file("less.toml", REGION))
    assert code == 1
    rows = [line.split() for line in out.splitlines() if line.startswith("town")]
    assert [row[:4] for row in rows] == [["town", "loses", "patient.admitted", "2"], ["town", "loses", "patient.discharged", "1"]]
    assert rows[1][-1] == received("c3", trigger="A03").event_id


def test_each_change_is_a_line_of_json_and_the_last_line_the_sum(hub: Hub) -> None:
    decide(hub.url, [received("c1")])
    more = '[[subscription]]\nid = "village-2"\nprovider = "village"\nevents = ["*"]\ndetail = "notice"\n'
    code, out, _ = hub.what_if("--json", "--policy", hub.file("other.toml", REGION + more))
    *changes, summary = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [(c["recipient"], c["change"], c["kind"], c["source"]) for c in changes] == [
        ("town", "loses", "patient.admitted", "olav"), ("village", "gains", "patient.admitted", "olav"),
    ]  # fmt: skip
    assert changes[0]["now"] == {
        "result": "permit", "rule": "13-treating-relation", "detail": "full", "subscription": "town-1", "because": ["subscription"],
        "dropped": [],
    }  # fmt: skip
    assert changes[0]["then"] is None and changes[0]["event_id"] == received("c1").event_id
    wanted = {"messages": 1, "decisions": 2, "gains": 1, "losses": 1, "unknown": 0, "otherwise": 0}
    assert {name: summary[name] for name in wanted} == wanted


def test_limits_of_consent_in_the_file_are_tried_too(hub: Hub) -> None:
    decide(hub.url, [received("c1")])
    strict = "[hub.consent]\nlabels_required = true\n"
    code, out, _ = hub.what_if("--json", "--policy", hub.file("strict.toml", strict + REGION + TOWN))
    *changes, _ = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [(c["recipient"], c["change"], c["then"]["rule"]) for c in changes] == [
        ("clinic", "loses", "4-label-unknown"), ("town", "loses", "4-label-unknown"),
    ]  # fmt: skip
    code, out, err = hub.what_if("--policy", hub.file("wrong.toml", "[hub.consent]\nlabels_required = 7\n"))
    assert (code, out) == (65, "") and "consent.labels_required" in err and err.count("\n") == 1


def test_an_administrators_entries_stay_as_they_would_at_a_start_with_the_file(hub: Hub) -> None:
    put_subscription(hub.conn, Subscription("extra", "village", ("*",), Where(), Detail.NOTICE))
    decide(hub.url, [received("c1")])
    assert hub.what_if("--policy", hub.file("same.toml", REGION + TOWN))[0] == 0
    code, _, err = hub.what_if("--policy", hub.file("none.toml", ""))
    assert code == 1 and 'subscription extra: there is no provider "village" any more' in err


@pytest.mark.parametrize("shape", ["one", "bundle", "lines"])
def test_a_consent_says_what_it_would_keep_from_whom(hub: Hub, shape: str) -> None:
    decide(hub.url, [received("c1"), received("c2", number="15076500565", mrn="7")])
    agrees(hub.conn, PSEUDONYMS.check())
    other = consent("c2", patient={"identifier": {"system": FNR, "value": "15076500565"}}, status="inactive")
    content = {
        "one": json.dumps(consent()),
        "bundle": json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": c} for c in (consent(), other)]}),
        "lines": f"{json.dumps(consent())}\n\n{json.dumps(other)}\n",
    }[shape]
    code, out, _ = hub.what_if("--json", "--consents", hub.file("consents.json", content))
    *changes, _ = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [(c["recipient"], c["change"], c["event_id"]) for c in changes] == [("town", "loses", received("c1").event_id)]
    assert NUMBER not in out


def test_a_consent_under_another_secret_would_match_nobody_and_is_refused(hub: Hub) -> None:
    agrees(hub.conn, "another")
    code, out, err = hub.what_if("--consents", hub.file("consent.json", json.dumps(consent())))
    assert (code, out) == (65, "") and "HUB_SECRET" in err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "no JSON"),
        ("[]", "no Consent"),
        ("", "no Consent"),
        (json.dumps({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}), "Consent 1"),
        (json.dumps(consent(status="on")), "Consent 1: bad_value at Consent.status"),
        (f"{json.dumps(consent())}\n{json.dumps(consent())}", 'Consent 2: "c1" stands there already'),
    ],
)
def test_a_file_without_consents_is_bad_input_in_one_line(hub: Hub, content: str, told: str) -> None:
    code, out, err = hub.what_if("--consents", hub.file("bad.json", content))
    assert (code, out) == (65, "")
    assert told in err and err.count("\n") == 1 and NUMBER not in err


def test_only_what_was_decided_since_is_looked_at(hub: Hub) -> None:
    decide(hub.url, [received("c1")])
    rewrite(hub.conn, "message", "decided_us = decided_us - 2 * 86400000000::bigint")
    less = hub.file("less.toml", REGION)
    assert hub.what_if("--policy", less, "--since", "3d")[0] == 1
    assert hub.what_if("--policy", less, "--since", "47h")[0] == 0


def test_what_cannot_be_said_is_said(hub: Hub) -> None:
    decide(hub.url, [received("c1"), received("c2")])
    rewrite(hub.conn, "message", "occurred_us = NULL WHERE control_id = 'c1'")
    rewrite(hub.conn, "decision", "rule = '14-no-relation' WHERE recipient = 'town'")
    _, out, _ = hub.what_if("--policy", hub.file("same.toml", REGION + TOWN))
    assert "1 message was decided before the hub kept what is needed" in out
    assert "1 message would be decided otherwise today already" in out


def test_whoever_reads_the_lines_may_take_their_time(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that waits for its reader is not ended, as a stopped process's is."""
    decide(hub.url, [received("c1")])

    def slowly(change: Mapping[str, Any], **_: Any) -> str:
        time.sleep(0.6)
        return str(change)

    monkeypatch.setitem(connect.__kwdefaults__, "idle_seconds_max", 0.2)
    monkeypatch.setattr("hub.stream.what_if_tool.json.dumps", slowly)
    code, out, err = hub.what_if("--json", "--policy", hub.file("less.toml", REGION))
    assert (code, err) == (1, "") and "town" in out
