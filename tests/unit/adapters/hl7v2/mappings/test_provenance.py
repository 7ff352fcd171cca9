"""Where a Bundle comes from: every Bundle says it, and names the raw message by its hash."""

import hashlib
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from hub.adapters.hl7v2.mappings.provenance import raw_name
from tests.unit.adapters.made import PV1, hl7v2, message, of, rendered

HEAD = b"MSH|^~\\&|DIPS|STOLAV|HUB|REGION|20261120083015||ADT^A01|C-1|P|2.5.1||||||UNICODE UTF-8"


def provenances(raw: bytes) -> list[dict[str, Any]]:
    return of(rendered(hl7v2(raw)), "Provenance")


def test_the_raw_message_is_named_by_its_sha_256() -> None:
    raw = message("ADT^A01", PV1)
    source, transformation = provenances(raw)
    for made in (source, transformation):
        (entity,) = made["entity"]
        name = entity["what"]["identifier"]["value"]
        assert (entity["role"], entity["what"]["type"], name) == ("source", "DocumentReference", raw_name(raw))
        assert urlsafe_b64decode(name.removeprefix("ni:///sha-256;") + "=") == hashlib.sha256(raw).digest()


def test_source_and_transformation_tell_who_and_when() -> None:
    bundle = rendered(hl7v2(message("ADT^A01", PV1)))
    source, transformation = of(bundle, "Provenance")
    header = bundle["entry"][0]
    assert header["resource"]["resourceType"] == "MessageHeader"
    assert source["target"] == [{"type": "Bundle", "identifier": bundle["identifier"]}, {"reference": header["fullUrl"]}]
    assert source["agent"][0]["who"]["display"] == "STOLAV"
    assert source["agent"][0]["type"]["coding"][0]["code"] == "author"
    assert (source["recorded"], source["activity"]["coding"][0]["display"]) == ("2026-11-20T08:30:15+01:00", "message - ADT^A01")
    assert transformation["activity"]["coding"][0]["code"] == "v2-fhir-transformation"
    assert transformation["agent"][0]["type"]["coding"][0]["code"] == "assembler"


def test_who_answers_for_the_message_is_said_in_msh_22_before_msh_4() -> None:
    raw = message("ADT^A01", PV1)
    named = raw.replace(HEAD, HEAD + b"||||Helse Midt^^^^^ENH^^^^983658776")
    organisation = provenances(named)[0]["agent"][0]["who"]
    assert organisation["display"] == "Helse Midt"
    nobody = raw.replace(b"|STOLAV|HUB", b"||HUB")
    assert provenances(nobody)[0]["agent"] == [{"who": {"identifier": {"system": "urn:hub:provider", "value": "st-olavs"}}}]


@pytest.mark.parametrize(
    ("evn", "element", "expected"),
    [
        ("EVN|A01|20261120090000", "recorded", "2026-11-20T09:00:00+01:00"),
        ("EVN|A01||||||", "recorded", "2026-11-20T08:30:15+01:00"),  # as the message, where the event says nothing
        ("EVN|A01|20261120090000||||20261120082500", "occurredDateTime", "2026-11-20T08:25:00+01:00"),
        ("EVN|A01|20261120090000||01^Patient request^HL70062", "reason", [{"coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "PATRQT", "display": "patient requested"}],
            "text": "Patient request"}]),
    ],
)  # fmt: skip
def test_the_event_is_told_as_evn_has_it(evn: str, element: str, expected: object) -> None:
    event = provenances(message("ADT^A01", evn, PV1))[2]
    assert event["activity"]["coding"][0]["display"] == "event - ADT^A01"
    assert event[element] == expected


def test_an_unknown_reason_is_known_to_be_unknown() -> None:
    event = provenances(message("ADT^A01", "EVN|A01|20261120090000||U", PV1))[2]
    assert event["reason"][0]["extension"] == [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    ]


def test_operators_and_place_of_the_event() -> None:
    bundle = rendered(hl7v2(message("ADT^A01", "EVN|A01|20261120||01|9144889^Lund^Kari~8^Berg||STOLAV^2.999.1^ISO", PV1)))
    event = of(bundle, "Provenance")[2]
    assert [a["who"]["display"] for a in event["agent"]] == ["Kari Lund", "Berg"]
    (place,) = [e["resource"] for e in bundle["entry"] if e["fullUrl"] == event["location"]["reference"]]
    assert place["identifier"][0]["value"] == "urn:oid:2.999.1"


def test_software_made_the_message_or_passed_it_on() -> None:
    raw = message("ADT^A01", "SFT|DIPS AS|10.1|Arena|B7|notes|20260101", "SFT|Broker AS|2|Bus|B8", PV1)
    bundle = rendered(hl7v2(raw))
    first, second = of(bundle, "Device")
    assert (first["manufacturer"], first["deviceName"][0]["name"], first["version"][0]["value"]) == ("DIPS AS", "Arena", "10.1")
    assert [e["role"] for e in of(bundle, "Provenance")[0]["entity"]] == ["source", "source", "derivation"]
    source = of(bundle, "MessageHeader")[0]["source"]
    assert (source["software"], source["version"]) == ("Arena", "10.1")
    assert second["modelNumber"] == "B8"


def test_the_record_was_changed_when_and_by_whom() -> None:
    pid = "PID|1||A77^^^STOLAV" + "|" * 30 + "20261119120000|STOLAV"
    raw = message("ADT^A01").decode()
    raw = raw.replace(raw.split("\r")[1], pid)
    update = next(p for p in provenances(raw.encode()) if "v3-DataOperation" in json.dumps(p["activity"]))
    assert update["occurredDateTime"] == "2026-11-19T12:00:00+01:00"
    assert update["agent"][0]["who"]["display"] == "STOLAV"
    assert not [p for p in provenances(message("ADT^A01")) if "v3-DataOperation" in json.dumps(p["activity"])]
