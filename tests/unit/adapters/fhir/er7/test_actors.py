import pytest

from hub.adapters.fhir.document import Entries
from hub.adapters.fhir.er7 import actors
from hub.errors import Reason, Rejected
from tests.unit.adapters.fhir.er7.composed import HL7, SNOMED, coded, named, person, to

HPR = "&2.16.578.1.12.4.1.4.4&ISO"
ROLE = named(
    "role", "PractitionerRole", practitioner=to("doc"), organization=to("org"), period={"start": "2026-01-01"}, location=[to("room")]
)
ORG = named("org", "Organization", name="St. Olavs", identifier=[{"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "974749025"}])


def entries(*resources: object) -> Entries:
    given = [person("doc", "9144889", "Lund", "Kari"), ORG, ROLE, *resources]
    return Entries({"entry": [{"fullUrl": f"urn:uuid:{name}", "resource": r} for name, r in given]})  # type: ignore[misc]


def test_a_person_is_told_by_number_name_and_whose_number_it_is() -> None:
    assert actors.xcn(to("doc"), entries()) == f"9144889^Lund^Kari^^^^^^{HPR}"
    assert actors.xcn(to("role"), entries()) == f"9144889^Lund^Kari^^^^^^{HPR}"


def test_a_person_of_whom_only_a_number_or_a_name_is_known_is_told_by_it() -> None:
    assert actors.xcn({"display": "Kari Lund"}, entries()) == "^Kari Lund"
    assert actors.xcn({"identifier": {"system": "urn:x", "value": "7"}}, entries()) == "7^^^^^^^^&urn:x&URI"
    assert actors.xcn({"type": "Organization", "display": "Legevakten"}, entries()) == ""
    assert actors.xcn(to("org"), entries()) == ""
    assert actors.xcn(to("nobody"), entries()) == ""


def test_a_person_has_degree_check_digit_and_type_of_number() -> None:
    number = {
        "system": "urn:x",
        "value": "7",
        "type": coded("0203", "PRN"),
        "extension": [
            {"url": f"{HL7}identifier-checkDigit", "valueString": "4"},
            {"url": f"{HL7}namingsystem-checkDigit", "valueString": "M10"},
        ],
    }
    doctor = {
        "resourceType": "Practitioner",
        "identifier": [number],
        "qualification": [{"code": coded("0360", "MD")}],
        "name": [{"family": "Berg", "given": ["Per"], "suffix": ["jr.", "prof."], "use": "official", "period": {"start": "2020-01-01"}}],
    }
    assert actors.xcn_of(doctor) == "7^Berg^Per^^jr.^^MD^^&urn:x&URI^L^4^M10^PRN^^^^^^20200101^^prof."


def test_an_organisation_is_told_by_name_and_number() -> None:
    assert actors.xon(to("org"), entries()) == "St. Olavs^^^^^&2.16.578.1.12.4.1.4.101&ISO^^^^974749025"
    assert actors.xon(to("role"), entries()) == actors.xon(to("org"), entries())
    assert actors.xon({"display": "Legevakten"}, entries()) == "Legevakten"
    assert actors.xon(to("doc"), entries()) == ""
    assert actors.coded_organisation(to("org"), entries()) == "974749025^St. Olavs^urn:oid:2.16.578.1.12.4.1.4.101"
    assert actors.name_of(to("org"), entries()) == "St. Olavs"


def test_a_place_is_told_from_the_bed_outwards() -> None:
    physical = "http://terminology.hl7.org/CodeSystem/location-physical-type"
    ids = [{"value": "STO"}, {"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.16.578.9"}]
    places = entries(
        named("bed", "Location", name="2", description="ved vinduet", physicalType=coded(physical, "bd"), partOf=to("room")),
        named("room", "Location", name="301", physicalType=coded(physical, "ro"), partOf=to("ward")),
        named("ward", "Location", name="MED3", physicalType=coded(physical, "wa"), partOf=to("floor")),
        named("floor", "Location", name="3", physicalType=coded(physical, "lvl"), partOf=to("house")),
        named("house", "Location", name="Gastro", physicalType=coded(physical, "bu"), partOf=to("site")),
        named("site", "Location", identifier=ids, physicalType=coded(physical, "si")),
    )
    assert actors.pl(to("bed"), places) == "MED3^301^2^STO&2.16.578.9&ISO^^^Gastro^3^ved vinduet"
    assert actors.pl({"display": "Sengepost 3"}, places) == "Sengepost 3"
    assert actors.pl(to("nowhere"), places) == ""


def test_a_circle_of_places_ends() -> None:
    round_ = entries(named("a", "Location", name="A", partOf=to("b")), named("b", "Location", name="B", partOf=to("a")))
    assert actors.pl(to("a"), round_) == "A"


def test_whoever_reads_results_is_told_with_when_and_where() -> None:
    places = entries(named("room", "Location", name="301", physicalType=coded(SNOMED, "x")))
    assert actors.ndl(to("role"), places) == "9144889&Lund&Kari&&&&&&&2.16.578.1.12.4.1.4.4&ISO^20260101^^301"
    assert actors.ndl(to("nobody"), places) == ""


def test_one_who_is_told_often_is_not_told_at_length() -> None:
    long = entries(named("who", "Practitioner", name=[{"family": "x" * 1001}]))
    with pytest.raises(Rejected) as refused:
        actors.xcn(to("who"), long)
    assert refused.value.reason is Reason.TOO_COMPLEX
