from hub.adapters.fhir.er7.roles import ROL
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import SNOMED, VISIT, coded, composed, lines, message, named, person, row_fields, to

DOC = person("doc", "9144889", "Lund", "Kari")
TOLD = "9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO"
ROLE = named("role", "PractitionerRole", practitioner=to("doc"), code=[coded("0443", "AT", "Attending")], telecom=[{"value": "1"}])


def test_a_role_has_its_code_time_specialty_and_way_of_contact() -> None:
    part = {
        "role": {
            "identifier": [{"value": "1"}],
            "code": [coded("0443", "AT")],
            "period": {"start": "2026-01-01", "end": "2026-02-01"},
            "specialty": [coded(SNOMED, "394802001", "General medicine")],
            "telecom": [{"value": "1"}],
            "practitioner": to("doc"),
        },
        "team": {"reasonCode": [{"text": "slag"}]},
    }
    doctor = {"resourceType": "Practitioner", "address": [{"city": "Oslo"}]}
    assert row_fields(ROL, part, {"doc": doctor}) == {
        1: "1",
        3: "AT^^HL70443",
        5: "20260101",
        6: "20260201",
        8: "^slag",
        9: "394802001^General medicine^SCT",
        11: "^^Oslo",
        12: "1",
    }


def test_roles_stand_behind_what_they_belong_to() -> None:
    pat = named("pat", "Patient", identifier=[{"system": "urn:m", "value": "7"}], generalPractitioner=[to("gp")])
    gp = named("gp", "PractitionerRole", practitioner=to("doc"))
    visit = named("visit", "Encounter", **{**VISIT[1], "participant": [{"individual": to("role")}, {"individual": to("doc")}]})
    operation = named(
        "op",
        "Procedure",
        status="completed",
        subject=to("pat"),
        code=coded(SNOMED, "80146002", "Appendectomy"),
        performedDateTime="2026-11-20",
        performer=[{"actor": to("role")}, {"actor": to("doc")}],
    )
    told = composed(message(Kind.ADMITTED, pat, gp, visit, operation, ROLE, DOC))
    names = [line.partition("|")[0] for line in lines(told)]
    assert names == ["MSH", "EVN", "PID", "PD1", "ROL", "PV1", "ROL", "PR1", "ROL"]
    assert lines(told, "ROL") == [
        f"ROL||UC|PP^Primary Care Provider^HL70443|{TOLD}",
        f"ROL||UC|AT^Attending^HL70443|{TOLD}||||||||1",
        f"ROL||UC|AT^Attending^HL70443|{TOLD}||||||||1",
    ]
    assert lines(told, "PR1")[0].endswith(f"|{TOLD}")


def test_the_members_of_a_care_team_have_roles() -> None:
    team = named(
        "team",
        "CareTeam",
        status="active",
        subject=to("pat"),
        reasonCode=[{"text": "slag"}],
        telecom=[{"value": "2"}],
        participant=[
            {"role": [coded("0443", "CP", "Consulting")], "member": to("doc"), "period": {"start": "2026-01-01"}},
            {"member": to("doc")},
        ],
    )
    told = composed(message(Kind.ADMITTED, VISIT, team, DOC))
    assert lines(told, "ROL") == [f"ROL||UC|CP^Consulting^HL70443|{TOLD}|20260101|||^slag||||2"]
