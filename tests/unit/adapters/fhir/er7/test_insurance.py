from hub.adapters.fhir.er7.insurance import IN1
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import HL7, VISIT, coded, composed, lines, message, named, row_fields, to

OTHERS = dict(
    [
        named(
            "payer", "Organization", name="Gjensidige", identifier=[{"value": "98"}], address=[{"city": "Oslo"}], telecom=[{"value": "1"}]
        ),
        named("firm", "Organization", name="Firma AS", identifier=[{"value": "77"}]),
        named("mum", "RelatedPerson", name=[{"family": "Berg"}], birthDate="1940-01-01", gender="female", address=[{"city": "Røros"}]),
    ]
)


def test_a_coverage_is_told_with_plan_payer_holder_and_whom_one_is_insured_through() -> None:
    cover = {
        "class": [{"type": {"coding": [{"code": "plan"}]}, "value": "G1", "name": "Gull"}],
        "payor": [to("payer")],
        "policyHolder": to("firm"),
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
        "type": coded("0086", "HMO"),
        "subscriber": to("mum"),
        "subscriberId": "P-9",
        "relationship": coded("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "CHILD"),
        "extension": [{"url": f"{HL7}coverage-subscriberIdentifier", "valueIdentifier": {"value": "S-1"}}],
    }
    told = row_fields(IN1, cover, OTHERS)
    assert {n: told[n] for n in told if n != 49} == {
        2: "G1^Gull",
        3: "98",
        4: "Gjensidige^^^^^^^^^98",
        5: "^^Oslo",
        7: "1",
        10: "77",
        11: "Firma AS^^^^^^^^^77",
        12: "20260101",
        13: "20261231",
        15: "HMO",
        16: "Berg",
        17: "CHD^^HL70063",
        18: "19400101",
        19: "^^Røros",
        36: "P-9",
        43: "F",
    }


def test_a_coverage_of_which_nobody_knows_who_pays_is_not_told() -> None:
    known = named("c1", "Coverage", status="active", beneficiary=to("pat"), payor=[{"display": "Gjensidige"}])
    unknown = named("c2", "Coverage", status="active", beneficiary=to("pat"), payor=[])
    cancelled = named("c3", "Coverage", status="cancelled", beneficiary=to("pat"), payor=[{"display": "If"}])
    assert lines(composed(message(Kind.ADMITTED, VISIT, known, unknown, cancelled)), "IN1") == ["IN1|1|^Gjensidige|Gjensidige|Gjensidige"]
