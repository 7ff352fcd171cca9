"""The quick way through the past against the plain one: message by message, column by column, nothing remembered and nothing left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hub.identity import ENH
from hub.ledger.connect import Conn, connect
from hub.ledger.consent_rows import body_of, consent_of
from hub.ledger.itemised import packed, unpacked
from hub.ledger.past import Facts
from hub.model import (
    Adapter,
    Boundaries,
    Channel,
    Consent,
    Deliver,
    Detail,
    Duty,
    Event,
    Identifier,
    Item,
    Kind,
    PatientState,
    Policy,
    Provider,
    ProviderKind,
    Rule,
    Subscription,
    Where,
)
from hub.pipeline import Again, Terms
from hub.routing.directory import Directory
from hub.whatif.difference import differences
from hub.whatif.replay import Change, Counts, Replay, Rules
from tests.consents import CODES, LABELS, simple, trees

NOW = 60
PATIENTS = ("ann", "bo", "cy", "di")
TOWNS, WARDS, KINDS = ("", "5001", "5031"), ("", "MED", 'Æ "1", {x}\\'), (Kind.ADMITTED, Kind.DISCHARGED, Kind.OBSERVATION_REPORTED)
NAMES = ("hospital", "trondheim", "malvik", "gone")
words = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
labels = st.lists(st.sampled_from((*LABELS, "?")), max_size=2, unique=True).map(tuple)
items = st.lists(
    st.builds(Item, st.sampled_from("xyz"), st.sampled_from(("Observation", "Condition")), labels, st.sampled_from([(), CODES[:2]])),
    max_size=2, unique_by=lambda i: i.key,
).map(packed)  # fmt: skip
facts = st.builds(
    Facts, st.sampled_from([a.value for a in Adapter]), st.sampled_from([k.value for k in KINDS]), st.sampled_from(NAMES),
    st.sampled_from(TOWNS), st.sampled_from(WARDS), st.sampled_from(("", "I")), labels, words,
    st.sampled_from(((), (ENH, "942110464"), ("", "942110464", ENH, "971035854"))), words, st.booleans(), st.just(b"") | items,
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A message of the past. known: None = from before facts were kept."""

    patient: str
    decided_us: int
    known: Facts | None
    recorded: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Written:
    """A version of a consent. readable: False = its row is nonsense."""

    consent: Consent
    patient: str
    written_us: int
    readable: bool


rows = st.builds(
    Row, st.sampled_from(PATIENTS), st.integers(0, 100), facts | facts | facts | st.none(),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([r.value for r in Rule])), max_size=3, unique_by=lambda r: r[0]),
)  # fmt: skip
written = st.builds(Written, trees, st.sampled_from(PATIENTS[:3]), st.integers(0, 100), st.sampled_from([True] * 9 + [False]))
subscriptions = st.lists(
    st.builds(
        Subscription, st.sampled_from(("s1", "s2", "s3", "s4")), st.sampled_from(NAMES), st.sampled_from((("*",), ("patient.*",))),
        st.builds(Where, st.sampled_from(TOWNS), st.sampled_from(("", "gp", "addressed", "pathway"))),
        st.sampled_from(Detail), st.sampled_from(("TREAT", "HRESCH")),
    ),
    min_size=2, max_size=4, unique_by=lambda s: s.id,
)  # fmt: skip
duties = st.builds(Duty, st.sampled_from(KINDS), st.sampled_from(ProviderKind), st.sampled_from(Detail))
boundaries = st.builds(Boundaries, st.just(()) | st.tuples(duties), labels_required=st.booleans())


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    numbers = {"hospital": "974749025", "trondheim": "942110464", "malvik": "971035854"}
    kinds = {"hospital": ProviderKind.HOSPITAL, "trondheim": ProviderKind.MUNICIPALITY, "malvik": ProviderKind.MUNICIPALITY}
    suspended = draw(st.sampled_from(("", "", "malvik")))
    providers = [Provider(i, i, kinds[i], n, (i,), Deliver(Channel.MAILBOX), suspended=i == suspended) for i, n in numbers.items()]
    return Directory(providers, draw(subscriptions), 1)


@dataclass(frozen=True)
class Asked:
    """A past and what is asked about it."""

    rows: Sequence[Row]
    consents: Sequence[Written]
    rules: Rules
    proposed: dict[str, tuple[Consent, ...]]


@st.composite
def questions(draw: st.DrawFn, tried: frozenset[str]) -> Asked:
    """tried: what is to be different."""
    now = draw(directories())
    then = draw(directories()) if "providers" in tried else now
    then = Directory(then.providers, draw(subscriptions), 2) if "subscriptions" in tried else then
    limits = draw(boundaries)
    other = replace(draw(boundaries), labels_required=not limits.labels_required)
    rules = Rules(now, then, Terms(limits), other if "limits" in tried else None)
    consents = draw(st.lists(written, min_size=2, max_size=6, unique_by=lambda w: (w.consent.id, w.consent.version)))
    owner = {w.consent.id: w.patient for w in reversed(consents)}
    consents = [replace(w, patient=owner[w.consent.id]) for w in consents]
    several = st.just([simple("new")]) | st.lists(trees, min_size=1, max_size=3, unique_by=lambda c: c.id)
    asked = draw(st.dictionaries(st.sampled_from(PATIENTS), several, min_size=1, max_size=3)) if "consents" in tried else {}
    different = draw(st.lists(rows, min_size=10, max_size=15))
    alike = draw(st.lists(st.sampled_from(different), min_size=10, max_size=20))
    again = [replace(r, patient=draw(st.sampled_from(PATIENTS)), decided_us=draw(st.integers(0, 100))) for r in alike]
    return Asked([*different, *again], consents, rules, {k: tuple(v) for k, v in asked.items()})


def fill(conn: Conn, asked: Asked) -> None:
    with conn.transaction(), conn.cursor() as cursor:
        for table in ("message", "decision", "consent", "consent_key", "identity"):
            cursor.execute(f"DELETE FROM {table}")
        cursor.executemany("INSERT INTO identity VALUES (%s, %s, %s)", [(p, p, [f"lock {p}"]) for p in PATIENTS])
        for n, row in enumerate(asked.rows):
            kept: dict[str, Any] = (
                row.known._asdict() if row.known else {"adapter": "hl7v2", "kind": "patient.admitted", "source": "hospital"}
            )
            kept = {("provider" if k == "source" else k): list(v) if isinstance(v, tuple) else v for k, v in kept.items()}
            kept |= {"occurred_us": row.decided_us} if row.known else {}
            columns = {"part": 0, "off": n, "event_id": f"00000000-0000-0000-0000-{n:012}", "patient_key": row.patient} | kept
            columns |= {"received_us": row.decided_us, "decided_us": row.decided_us, "raw": b""}
            columns |= dict.fromkeys(("application", "sender", "control_id", "trigger", "answer", "encoding", "outcome"), "")
            places = ", ".join(["%s"] * len(columns))
            cursor.execute(f"INSERT INTO message ({', '.join(columns)}) VALUES ({places})", list(columns.values()))
            insert = "INSERT INTO decision VALUES (0, %s, %s, 'permit', %s, 'full', '', '{}')"
            cursor.executemany(insert, [(n, recipient, rule) for recipient, rule in row.recorded])
        for w in asked.consents:
            c, body = w.consent, body_of(w.consent) if w.readable else {"root": 7}
            insert = "INSERT INTO consent (id, version, active, body, written_us, resource) VALUES (%s, %s, %s, %s, %s, '{}')"
            cursor.execute(insert, (c.id, c.version, c.active, Jsonb(body), w.written_us))
            cursor.execute("INSERT INTO consent_key VALUES (%s, %s) ON CONFLICT DO NOTHING", (f"lock {w.patient}", c.id))


def policy_of(consents: Sequence[Written], patient: str, until_us: int) -> Policy:
    latest: dict[str, Written] = {}
    for w in sorted(consents, key=lambda w: w.consent.version):
        if w.patient == patient and w.written_us <= until_us:
            latest[w.consent.id] = w
    good = [w.consent for w in latest.values() if w.readable]
    for consent in good:
        assert consent_of((consent.id, consent.version, consent.active, body_of(consent))) == consent
    return Policy(tuple(good), readable=len(good) == len(latest))


def plainly(conn: Conn, asked: Asked) -> tuple[Counts, list[Change]]:
    """What ``Replay`` is to find."""
    counts, changes, rules = Counts(), list[Change](), asked.rules
    tried = rules.terms if rules.limits is None else Terms(rules.limits, rules.terms.sensitive)
    with conn.cursor(row_factory=dict_row) as cursor:
        for m in cursor.execute("SELECT *, event_id::text FROM message").fetchall():
            if m["occurred_us"] is None:
                counts.unknown += 1
                continue
            gps = tuple(Identifier(*pair) for pair in zip(m["gps"][::2], m["gps"][1::2], strict=True))
            event = Event(
                m["event_id"], Kind(m["kind"]), Adapter(m["adapter"]), m["provider"], "", m["patient_key"], (), m["received_us"],
                m["occurred_us"], tuple(m["addressed"]), m["municipality"], gps, m["ward"], m["encounter_class"], labels=tuple(m["labels"]),
            )  # fmt: skip
            patient = PatientState(m["municipality"], gps, frozenset(m["pathway"]), m["unresolved"])
            new = asked.proposed.get(m["patient_key"], ())
            until, at = (
                (10**9, max([NOW, *(c.provision.period.start_us or 0 for c in new if c.provision.period)]))
                if new
                else (m["decided_us"],) * 2
            )
            before = policy_of(asked.consents, m["patient_key"], until)
            kept = [c for c in before.consents if c.id not in {n.id for n in new}]
            after = Policy((*kept, *new), before.readable) if new else before
            decided = [
                (again := Again(directory, terms)).decided(again.concerned(event, patient), policy, at, unpacked(m["items"]) or ())
                for directory, terms, policy in ((rules.now, rules.terms, before), (rules.then, tried, after))
            ]
            recorded = conn.execute("SELECT recipient, rule FROM decision WHERE off = %s", (m["off"],)).fetchall()
            counts.messages += 1
            counts.decisions += len(recorded)
            counts.otherwise += not new and sorted(recorded) != sorted((d.recipient, d.rule.value) for d in decided[0])
            changes += [
                Change(event.event_id, m["kind"], m["provider"], m["decided_us"], d.recipient, d.gains, d.before, d.after)
                for d in differences(*decided)
            ]
    return counts, changes


@pytest.fixture
def conn(database_url: str) -> Iterator[Conn]:
    with connect(database_url) as c:
        c.execute("SET session_replication_role = replica")  # no triggers: one past after the other is put in its place
        yield c


def ordered(changes: list[Change]) -> list[Change]:
    return sorted(changes, key=lambda c: (c.event_id, c.recipient, c.gains))


ALL = ("subscriptions", "providers", "limits", "consents")


@pytest.mark.parametrize("tried", [frozenset(parts) for parts in (*((one,) for one in ALL), ALL)], ids=(*ALL, "all"))
def test_what_is_found_is_what_the_plain_way_finds(conn: Conn, tried: frozenset[str]) -> None:
    found = 0

    @settings(max_examples=20)
    @given(questions(tried))
    def compared(asked: Asked) -> None:
        nonlocal found
        fill(conn, asked)
        replay = Replay(asked.rules, asked.proposed, NOW)
        changes = list(replay.run(conn, 0))
        counts, plain = plainly(conn, asked)
        assert (replay.counts, ordered(changes)) == (counts, ordered(plain))
        found += len(plain)

    compared()
    assert found  # else nothing was compared
