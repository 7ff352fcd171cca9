from hub.adapters.fhir.er7.clinical import AL1, DG1, IAM, PR1
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import HL7, SNOMED, VISIT, coded, composed, lines, message, named, person, row_fields, to

NUTS = coded(SNOMED, "91935009", "Peanut allergy")
STROKE = coded(SNOMED, "422504002", "Stroke", text="hjerneslag")
LUND = "9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO"
DOC = dict([person("doc", "9144889", "Lund", "Kari")])


def test_an_allergy_is_told_with_category_severity_and_reactions() -> None:
    allergy = {
        "code": NUTS,
        "category": ["food"],
        "criticality": "high",
        "onsetDateTime": "2020-05-01T10:00:00+02:00",
        "identifier": [{"value": "A1"}],
        "reaction": [{"manifestation": [{"text": "utslett"}, coded(SNOMED, "1", "anafylaksi")]}],
        "recordedDate": "2021-01-01",
        "recorder": to("mum"),
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
    }
    mum = dict(
        [
            named(
                "mum",
                "RelatedPerson",
                name=[{"family": "Berg"}],
                relationship=[coded("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH")],
            )
        ]
    )
    first = {2: "FA^^HL70127", 3: "91935009^Peanut allergy^SCT", 4: "SV^^HL70128", 5: "utslett~anafylaksi"}
    assert row_fields(AL1, allergy) == first | {6: "20200501"}
    assert row_fields(IAM, allergy, mum) == first | {
        6: "A^^HL70323",
        7: "A1",
        11: "20200501",
        13: "20210101",
        14: "Berg",
        15: "MTH^^HL70063",
        17: "active",
    }


def test_the_sender_s_own_word_for_a_category_counts_first() -> None:
    beside = [{"extension": [{"url": f"{HL7}alternate-codes", "valueCodeableConcept": coded("0127", "PA", "Plant")}]}]
    assert row_fields(AL1, {"code": NUTS, "category": ["environment"], "_category": beside})[2] == "PA^Plant^HL70127"


def test_a_refuted_allergy_is_deleted_from_a_list_and_stands_in_no_other() -> None:
    allergy = named("a", "AllergyIntolerance", patient=to("pat"), code=NUTS, verificationStatus={"coding": [{"code": "refuted"}]})
    told = composed(message(Kind.ALLERGIES_UPDATED, allergy))
    assert lines(told, "IAM") == ["IAM|1||91935009^Peanut allergy^SCT|||D^^HL70323"]
    assert lines(composed(message(Kind.ADMITTED, VISIT, allergy)), "AL1") == []


def test_a_diagnosis_is_told_with_its_use_rank_and_who_made_it() -> None:
    known = {
        "condition": {
            "code": STROKE,
            "onsetDateTime": "2026-11-19",
            "asserter": to("doc"),
            "recordedDate": "2026-11-20",
            "identifier": [{"value": "D1"}],
            "verificationStatus": {"coding": [{"code": "entered-in-error"}]},
        },
        "use": coded("http://terminology.hl7.org/CodeSystem/diagnosis-role", "AD"),
        "rank": 1,
    }
    assert row_fields(DG1, known, DOC) == {
        3: "422504002^Stroke^SCT",
        4: "hjerneslag",
        5: "20261119",
        6: "A",
        15: "1",
        16: LUND,
        19: "20261120",
        20: "D1",
        21: "D",
    }
    assert row_fields(DG1, {"condition": {"code": STROKE}})[6] == "W"
    assert row_fields(DG1, {"condition": {"code": STROKE, "verificationStatus": {"coding": [{"code": "confirmed"}]}}})[6] == "F"


def test_diagnoses_stand_in_the_visit_s_order() -> None:
    visit = named("visit", "Encounter", **VISIT[1] | {"diagnosis": [{"condition": to("b"), "rank": 1}]})
    told = composed(message(Kind.ADMITTED, visit, *(named(n, "Condition", subject=to("pat"), code={"text": n}) for n in "ab")))
    assert lines(told, "DG1") == ["DG1|1||^b|b||W|||||||||1", "DG1|2||^a|a||W"]


def test_a_procedure_is_told_with_who_did_what_and_how_long() -> None:
    function = {code: coded(SNOMED, code) for code in ("304292004", "88189002")}
    operation = {
        "code": {
            "coding": [*coded(SNOMED, "80146002", "Appendectomy")["coding"], {"system": SNOMED, "code": "80146002:26"}],
            "text": "blindtarm",
        },
        "performedPeriod": {"start": "2026-11-20T10:00:00+01:00", "end": "2026-11-20T11:30:00+01:00"},
        "category": coded("0230", "D"),
        "performer": [
            {"function": function["304292004"], "actor": to("doc")},
            {"function": function["88189002"], "actor": {"display": "Per Berg"}},
            {"actor": {"display": "Ola Dahl"}},
        ],
        "reasonCode": [coded("http://hl7.org/fhir/sid/icd-10", "K35", "Appendisitt")],
        "identifier": [{"value": "P1"}],
    }
    assert row_fields(PR1, operation, DOC) == {
        3: "80146002^Appendectomy^SCT^80146002:26^^SCT",
        4: "blindtarm",
        5: "20261120100000+0100",
        6: "D",
        7: "90",
        8: "^Per Berg",
        11: LUND,
        12: "^Ola Dahl",
        15: "K35^Appendisitt^I10",
        16: "26",
        19: "P1",
    }


def test_a_procedure_of_which_nobody_knows_when_is_not_told() -> None:
    done = named("p", "Procedure", status="completed", subject=to("pat"), code=STROKE)
    assert lines(composed(message(Kind.ADMITTED, VISIT, done)), "PR1") == []
