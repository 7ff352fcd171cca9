"""MessageHeader: who sent what, from where, how secret, and what it is for."""

from typing import Any

import pytest

from tests.unit.adapters.made import PV1, hl7v2, message, of, rendered


def header(**fields: str) -> dict[str, Any]:
    """The MessageHeader of an admission whose MSH has these fields (``f24="..."``)."""
    raw = message("ADT^A01^ADT_A01", PV1).decode()
    head, rest = raw.split("\r", 1)
    parts = head.split("|") + [""] * 12
    for name, text in fields.items():
        parts[int(name[1:]) - 1] = text
    return of(rendered(hl7v2(f"{'|'.join(parts)}\r{rest}".encode())), "MessageHeader")[0]


def test_the_event_and_its_message() -> None:
    assert header()["eventCoding"] == {
        "system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": "A01", "display": "ADT^A01^ADT_A01",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"f3": "DIPS^2.999.1^ISO"}, {"name": "DIPS", "software": "2.999.1", "endpoint": "urn:oid:2.999.1"}),
        ({"f24": "NODE^2.999.2^ISO"}, {"name": "DIPS", "endpoint": "urn:oid:2.999.2"}),
        ({"f3": ""}, {"endpoint": "urn:hub:provider:st-olavs"}),
    ],
)
def test_the_source(fields: dict[str, str], expected: dict[str, str]) -> None:
    assert header(**fields)["source"] == expected


def test_the_sender_is_an_organisation_in_its_country() -> None:
    bundle = rendered(hl7v2(message("ADT^A01", PV1).replace(b"||||||UNICODE UTF-8", b"|||||NOR|UNICODE UTF-8")))
    sender = of(bundle, "MessageHeader")[0]["sender"]
    (organisation,) = [e["resource"] for e in bundle["entry"] if e["fullUrl"] == sender["reference"]]
    assert (organisation["name"], organisation["address"]) == ("STOLAV", [{"country": "NOR"}])
    assert sender["identifier"] == {"system": "urn:hub:provider", "value": "st-olavs"}


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"f8": "R"}, ["R"]),
        ({"f8": "SECURITY"}, []),
        ({"f26": "V^very restricted^HL70952"}, ["V"]),
        ({"f8": "PSY", "f27": "NORELINK^^http://terminology.hl7.org/CodeSystem/v3-ActCode"}, ["PSY", "NORELINK"]),
    ],
)
def test_labels(fields: dict[str, str], codes: list[str]) -> None:
    assert [c["code"] for c in header(**fields).get("meta", {}).get("security", [])] == codes


def test_what_the_message_is_for_and_its_language() -> None:
    made = header(f11="T^T", f19="no^Norwegian^ISO639")
    assert [(c["system"].rpartition("/")[2], c["code"]) for c in made["meta"]["tag"]] == [("v2-0103", "T"), ("v2-0207", "T")]
    assert made["language"] == "no"
