from hub.adapters.fhir.er7.header import EVN, SFT
from hub.adapters.hl7v2.message import envelope
from hub.model import Detail, Form, Kind
from tests.unit.adapters.fhir.er7.composed import LOINC, V2, VISIT, coded, composed, field_of, lines, message, named, person, row_fields, to
from tests.unit.adapters.fhir.made import raw_of
from tests.unit.adapters.made import RECIPIENT, fhir


def test_the_header_is_from_the_hub_for_its_source_to_the_recipient_under_the_sender_s_control_id() -> None:
    told = lines(composed(message(Kind.ADMITTED, VISIT)), "MSH")
    assert told == ["MSH|^~\\&|CAREHUB|st-olavs|trondheim|TRD|20261120083000+0000||ADT^A01^ADT_A01|b-1|P|2.5.1||||||UNICODE UTF-8"]


def test_the_hub_s_own_reader_takes_it() -> None:
    seen = envelope(fhir(raw_of(message(Kind.ADMITTED, VISIT))).render(Form.HL7V2, Detail.FULL, RECIPIENT))
    assert (seen.trigger, seen.control_id) == ("ADT^A01", "b-1")


def test_processing_country_language_and_label_are_the_header_s() -> None:
    bundle = message(Kind.ADMITTED, VISIT, named("org", "Organization", name="St. Olavs", address=[{"country": "NOR"}]))
    header = bundle["entry"][0]["resource"]
    header |= {
        "language": "nb-NO",
        "sender": to("org"),
        "meta": {"tag": [{"system": f"{V2}0103", "code": "D"}, {"system": f"{V2}0207", "code": "T"}], "security": [{"code": "R"}]},
    }
    told = composed(bundle)
    assert [field_of(told, f"MSH-{n}") for n in (8, 11, 17, 19)] == ["R", "D^T", "NOR", "nb-NO"]


def test_what_the_source_recorded_of_the_event_is_told() -> None:
    record = {
        "recorded": "2026-11-20T08:25:10+01:00",
        "occurredDateTime": "2026-11-20T08:20:00+01:00",
        "reason": [coded("0062", "01", "Patient request")],
        "agent": [{"who": to("doc")}],
        "location": to("place"),
    }
    where = {"resourceType": "Location", "name": "MOT", "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.16.578.9"}]}
    told = row_fields(EVN, record, dict([person("doc", "9144889", "Lund", "Kari"), ("place", where)]))
    assert told == {
        2: "20261120082510+0100",
        4: "01",
        5: "9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO",
        6: "20261120082000+0100",
        7: "MOT^2.16.578.9^ISO",
    }


def test_without_a_record_the_event_is_when_the_bundle_says() -> None:
    told = composed(message(Kind.ADMITTED, VISIT))
    assert field_of(told, "EVN-1") == "A01"
    assert field_of(told, "EVN-6") == "20261120093000+0100"


def test_software_is_told_when_all_that_is_required_is_known() -> None:
    device = {
        "manufacturer": "DIPS AS",
        "version": [{"value": "24.1", "extension": []}],
        "deviceName": [{"name": "Arena"}],
        "modelNumber": "b7",
        "note": [{"text": "prod"}],
    }
    assert row_fields(SFT, device) == {1: "DIPS AS", 2: "24.1", 3: "Arena", 4: "b7", 5: "prod"}
    source = named(
        "p", "Provenance", target=[to("pat")], recorded="2026-11-20T08:25:10Z", agent=[], entity=[{"role": "source", "what": to("dev")}]
    )
    known = named("dev", "Device", **device)
    unknown = named("dev", "Device", version=[{"value": "1"}])
    assert lines(composed(message(Kind.ADMITTED, VISIT, source, known)), "SFT") == ["SFT|DIPS AS|24.1|Arena|b7|prod"]
    assert lines(composed(message(Kind.ADMITTED, VISIT, source, unknown)), "SFT") == []


def test_no_software_stands_where_the_structure_has_none() -> None:
    source = named(
        "p", "Provenance", target=[to("pat")], recorded="2026-11-20T08:25:10Z", agent=[], entity=[{"role": "source", "what": to("dev")}]
    )
    device = named("dev", "Device", manufacturer="DIPS AS", version=[{"value": "24.1"}], deviceName=[{"name": "Arena"}])
    booked = named(
        "a", "Appointment", status="booked", participant=[{"actor": to("pat"), "status": "accepted"}], serviceType=[coded(LOINC, "1")]
    )
    assert lines(composed(message(Kind.APPOINTMENT_BOOKED, booked, source, device)), "SFT") == []
