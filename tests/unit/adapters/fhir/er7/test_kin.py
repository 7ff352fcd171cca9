from hub.adapters.fhir.er7.kin import NK1
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import FNR, VISIT, coded, composed, field_of, lines, message, named, row_fields, to

ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"


def test_everything_known_of_kin_stands_in_nk1() -> None:
    kin = {
        "name": [{"family": "Berg", "given": ["Per"]}],
        "relationship": [coded(ROLE, "SPS", "spouse"), coded("0131", "C")],
        "address": [{"city": "Oslo"}],
        "telecom": [{"value": "1", "use": "home"}, {"value": "2", "use": "work"}],
        "period": {"start": "2026-01-01", "end": "2026-02-01"},
        "organization": to("org"),
        "gender": "male",
        "birthDate": "1970-01-01",
        "communication": [{"language": coded("urn:ietf:bcp:47", "nb")}],
        "identifier": [FNR],
    }
    contact = {"name": {"family": "Vakt"}, "telecom": [{"value": "3"}], "address": {"city": "Røros"}}
    org = dict([named("org", "Organization", name="Fylkesmannen", contact=[contact])])
    assert row_fields(NK1, kin, org) == {
        2: "Berg^Per",
        3: "SPO^spouse^HL70063",
        4: "^^Oslo",
        5: "1^PRN",
        6: "2^WPN",
        7: "C^^HL70131",
        8: "20260101",
        9: "20260201",
        13: "Fylkesmannen",
        15: "M",
        16: "19700101",
        20: "nb",
        30: "Vakt",
        31: "3",
        32: "^^Røros",
        33: "13116900216^^^&2.16.578.1.12.4.1.4.1&ISO",
    }


def test_a_contact_and_a_related_person_of_one_name_are_one() -> None:
    pat = named("pat", "Patient", identifier=[FNR], contact=[{"name": {"family": "Berg"}, "telecom": [{"value": "1"}]}])
    same = named("r1", "RelatedPerson", patient=to("pat"), name=[{"family": "Berg"}], gender="male")
    other = named("r2", "RelatedPerson", patient=to("pat"), name=[{"family": "Dahl"}])
    told = composed(message(Kind.ADMITTED, VISIT, pat, same, other))
    assert lines(told, "NK1") == ["NK1|1|Berg|||1||||||||||M", "NK1|2|Dahl"]


def test_whoever_is_there_for_another_reason_is_no_kin() -> None:
    payer = named("r1", "RelatedPerson", patient=to("pat"), name=[{"family": "Berg"}])
    cover = named("c", "Coverage", status="active", beneficiary=to("pat"), subscriber=to("r1"), payor=[{"display": "Gjensidige"}])
    told = composed(message(Kind.ADMITTED, VISIT, payer, cover))
    assert lines(told, "NK1") == []
    assert field_of(told, "IN1-16") == "Berg"
