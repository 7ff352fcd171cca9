"""Who may speak as whom at the FHIR door, and what is remembered there."""

import json
from typing import Any

import pytest

from hub.adapters.control_ids import ControlIds
from hub.adapters.fhir.parts import Part, split
from hub.adapters.fhir.submission import read
from hub.errors import Reason, Rejected
from hub.identity import FNR, Pseudonyms
from hub.model import Channel, Deliver, Provider, ProviderKind, Received, Refusal
from hub.numbers import PersonNumbers
from hub.routing.directory import Directory
from hub.web.judge import PartRules, bearer, identify, judge, judge_part, without_conflict
from hub.web.tokens import Principal

PSEUDONYMS = Pseudonyms(b"k")


def provider(id_: str, *senders: str, **more: Any) -> Provider:
    return Provider(id_, id_, ProviderKind.HOSPITAL, "", senders, Deliver(Channel.MAILBOX), **more)


PROVIDERS = (provider("a", "A", "B"), provider("proven", "P", certificates=("f" * 64,)), provider("gone", "G", suspended=True))
REST = provider("rest", "*")


def bundle(*senders: str, **changes: Any) -> bytes:
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": "A01"},
        "source": {"endpoint": "urn:x"},
    }
    if senders:
        header["sender"] = {"identifier": {"value": senders[0]}, "display": senders[-1]}
    patient = {"resourceType": "Patient", "identifier": [{"system": FNR, "value": "15076500565"}]}
    entries = [{"resource": header | changes.get("header", {})}, {"resource": patient}]
    return json.dumps({"resourceType": "Bundle", "type": "message", "id": changes.get("id", "1"), "entry": entries}).encode()


def judged(raw: bytes, who: str = "", *more: Provider) -> Received:
    principal = Principal.parse(who) if who else None
    return judge(raw, identify(raw), principal, Directory((*PROVIDERS, *more), (), 1), PSEUDONYMS, 5)


@pytest.mark.parametrize(
    ("senders", "who", "is_rest", "expected"),
    [
        (("A",), "", False, "a"),
        (("B",), "provider:a", False, "a"),
        (("A",), "admin", False, "a"),
        (("A",), "provider:rest", True, Reason.SENDER_MISMATCH),
        (("X",), "", False, Reason.UNKNOWN_SENDER),
        (("X",), "", True, "rest"),
        (("X",), "provider:rest", True, "rest"),
        (("X",), "provider:a", True, Reason.SENDER_MISMATCH),
        (("X", "A"), "", True, "a"),  # a name somebody claims counts before whoever takes the rest
        (("P",), "", False, Reason.SENDER_MISMATCH),
        (("P",), "provider:proven", False, "proven"),
        (("P",), "admin", False, "proven"),
        (("G",), "", False, Reason.UNKNOWN_SENDER),
        (("G",), "provider:gone", False, Reason.UNKNOWN_SENDER),
    ],
)
def test_the_speaker(senders: tuple[str, ...], who: str, is_rest: object, expected: object) -> None:
    got = judged(bundle(*senders), who, *((REST,) if is_rest else ()))
    assert (got.refusal.reason if got.refusal else got.provider) == expected
    assert got.answer == ("403" if got.refusal else "200")


def test_the_sender_counts_before_the_content() -> None:
    broken = bundle("X", header={"eventCoding": {"code": "Z99"}})
    assert identify(broken)[1] is not None
    got = judged(broken)
    assert got.refusal is not None
    assert got.refusal.reason is Reason.UNKNOWN_SENDER


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"<a/>", b'{"resourceType":"Bundle","type":"message","entry":[]}', bundle("A", id="")])
def test_what_has_no_header_or_id_is_not_kept(raw: bytes) -> None:
    with pytest.raises(Rejected):
        identify(raw)


def test_no_value_of_the_message_is_in_its_repr() -> None:
    for seen in (judged(bundle("A")), identify(bundle("A"))[0], identify(bundle("A", header={"eventCoding": {"code": "Z9"}}))[0]):
        assert "15076500565" not in repr(seen)


def test_a_control_id_stands_for_one_message() -> None:
    known = ControlIds()
    first, other = judged(bundle("A")), judged(bundle("A", header={"reason": {"text": "x"}}))
    assert without_conflict(first, known) is first
    again = without_conflict(other, known)
    assert again.refusal is not None
    assert (again.refusal.reason, again.answer) == (Reason.DUPLICATE_CONTROL_ID, "409")
    assert without_conflict(first, known) is first
    elsewhere = without_conflict(other, known, "MsgId").refusal
    assert elsewhere is not None
    assert elsewhere.where == "MsgId"
    refused = judged(bundle("X", id="2"))
    assert without_conflict(refused, known) is refused


def test_a_number_the_hub_does_not_take_is_named_by_its_place() -> None:
    real = [{"system": "urn:x", "value": "1"}, {"value": "15076500565"}]
    body = json.loads(bundle("AB"))
    patient = next(e["resource"] for e in body["entry"] if e["resource"]["resourceType"] == "Patient")
    patient["identifier"] = real
    n = [e["resource"]["resourceType"] for e in body["entry"]].index("Patient")
    raw = json.dumps(body).encode()
    assert identify(raw, PersonNumbers.REAL)[1] is None is identify(raw)[1]
    refusal = identify(raw, PersonNumbers.SYNTHETIC)[1]
    assert refusal == Refusal(Reason.UNWELCOME_PERSON_NUMBER, f"Bundle.entry[{n}].resource.identifier[1]")
    assert "15076500565" not in repr(refusal)


def part(number: str = "15076500565") -> Part:
    patient = {"resourceType": "Patient", "id": "1", "identifier": [{"system": FNR, "value": number}]}
    visit = {
        "resourceType": "Encounter",
        "id": "5",
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/1"},
    }
    entries = [{"resource": r, "request": {"method": "PUT", "url": "x"}} for r in (visit, patient)]
    raw = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    return split(read(raw), "a").parts[0]


def test_a_token_speaks_for_its_provider_only_while_that_is_in_service() -> None:
    directory = Directory(PROVIDERS, (), 1)
    assert bearer(Principal.parse("provider:a"), directory) == PROVIDERS[0]
    for who in ("provider:gone", "provider:nobody", "admin", "patient:15076500565"):
        with pytest.raises(Rejected) as caught:
            bearer(Principal.parse(who), directory)
        assert caught.value.reason is Reason.UNKNOWN_SENDER


def test_a_message_of_a_submission_is_its_bearers_whatever_it_says() -> None:
    rules = PartRules(PersonNumbers.ANY, 100_000)
    taken = judge_part(part(), PROVIDERS[0], rules, PSEUDONYMS, 5)
    assert (taken.provider, taken.answer, taken.refusal, taken.received_us) == ("a", "200", None, 5)
    assert taken.event_id == judge_part(part(), PROVIDERS[0], rules, PSEUDONYMS, 9).event_id
    assert taken.patient_key == PSEUDONYMS.of_message(taken.identifiers, "a").patient


def test_a_message_of_a_submission_is_refused_by_its_place_in_what_was_sent() -> None:
    real = judge_part(part(), PROVIDERS[0], PartRules(PersonNumbers.SYNTHETIC, 100_000), PSEUDONYMS, 5)
    assert real.refusal == Refusal(Reason.UNWELCOME_PERSON_NUMBER, "Bundle.entry[1].resource.identifier[0]")
    large = judge_part(part(), PROVIDERS[0], PartRules(PersonNumbers.ANY, 10), PSEUDONYMS, 5)
    assert (large.refusal, large.answer) == (Refusal(Reason.TOO_LARGE), "413")
