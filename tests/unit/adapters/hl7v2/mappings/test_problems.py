"""Problems, goals and pathways."""

from typing import Any

import pytest

from tests.unit.adapters.made import PV1, hl7v2, line, message, of, rendered

PRB = {1: "AD", 2: "20261120", 3: "E11.9^Diabetes type 2^I10", 4: "PB1^DIPS"}
GOL = {1: "AD", 2: "20261120", 3: "G1^HbA1c under 53^L", 4: "GL1^DIPS"}


def bundle(*segments: str, event: str = "PC1") -> dict[str, Any]:
    return rendered(hl7v2(message(f"PPR^{event}", *segments)))


def problem(fields: dict[int, str], event: str = "PC1") -> dict[str, Any]:
    return of(bundle(line("PRB", PRB | fields), event=event), "Condition")[0]


def code(concept: dict[str, Any] | None) -> str | None:
    return concept["coding"][0]["code"] if concept else None


def test_a_problem_with_its_goal_its_pathway_its_order_and_its_observation() -> None:
    made = bundle(
        PV1, line("PRB", PRB | {7: "20261119", 10: "K1^Kronisk^L", 13: "Confirmed", 14: "A^Active-Improving", 16: "20150301",
                                22: "God prognose", 25: "R"}),
        "NTE|1||Følges hos fastlege", "OBX|1|NM|4548-4^HbA1c^LN||61|mmol/mol|||||F", line("GOL", GOL | {8: "20270601", 18: "Active"}),
        "NTE|1||Kosthold", line("PTH", {1: "AD", 2: "P1^Diabetesforløp^L", 3: "PT1^DIPS", 4: "20261201", 5: "Active"}),
        "ORC|NW|O1", "OBR|1|||1^Kontroll^L",
    )  # fmt: skip
    kinds = ("Condition", "Goal", "CarePlan", "ServiceRequest", "Observation")
    (found,), (goal,), (path,), (order,), (result,) = (of(made, kind) for kind in kinds)
    here = [{"reference": f"urn:uuid:{found['id']}"}]
    assert (found["code"]["text"], found["identifier"][0]["value"]) == ("Diabetes type 2", "PB1")
    assert (code(found["clinicalStatus"]), code(found["verificationStatus"])) == ("active", "confirmed")
    assert (found["onsetDateTime"], found["recordedDate"]) == ("2015-03-01", "2026-11-19")
    assert [code(c) for c in found["category"]] == ["problem-list-item", "K1"]
    assert [n["text"] for n in found["note"]] == ["God prognose", "Følges hos fastlege"]
    assert found["evidence"] == [{"detail": [{"reference": f"urn:uuid:{result['id']}"}]}]
    assert found["meta"]["security"][0]["code"] == "R"
    assert goal["addresses"] == path["addresses"] == order["reasonReference"] == here
    assert path["goal"] == [{"reference": f"urn:uuid:{goal['id']}"}]
    assert (goal["lifecycleStatus"], goal["target"], goal["note"]) == ("active", [{"dueDate": "2027-06-01"}], [{"text": "Kosthold"}])
    assert (path["status"], path["title"], path["period"]) == ("active", "Diabetesforløp", {"start": "2026-12-01"})
    assert made["entry"][0]["resource"]["focus"] == here


@pytest.mark.parametrize(
    ("fields", "clinical", "verified"),
    [({}, "active", "unconfirmed"), ({14: "Resolved"}, "resolved", "unconfirmed"), ({14: "løst"}, "resolved", "unconfirmed"),
     ({9: "20261101"}, "resolved", "unconfirmed"), ({9: "20261101", 14: "Active"}, "resolved", "unconfirmed"),
     ({9: "20261101", 14: "Remission"}, "remission", "unconfirmed"), ({13: "bekreftet"}, "active", "confirmed"),
     ({13: "Rule-out"}, "active", "unconfirmed"), ({13: "X^Differential"}, "active", "differential"), ({14: "??"}, "active", "unconfirmed"),
     ({1: "DE"}, None, "entered-in-error")],
)  # fmt: skip
def test_how_it_stands(fields: dict[int, str], clinical: str | None, verified: str) -> None:
    made = problem(fields)
    assert (code(made.get("clinicalStatus")), code(made["verificationStatus"])) == (clinical, verified)


def test_what_is_deleted_was_an_error() -> None:
    made = problem({14: "Active"}, "PC3")
    assert (code(made["verificationStatus"]), "clinicalStatus" in made) == ("entered-in-error", False)


def test_when_it_began_in_words() -> None:
    assert problem({17: "i barndommen"})["onsetString"] == "i barndommen"
    assert "onsetString" not in problem({16: "2015", 17: "i barndommen"})


@pytest.mark.parametrize(
    ("said", "action", "status"),
    [("", "AD", "active"), ("Achieved", "AD", "completed"), ("nådd", "UP", "completed"), ("On-Hold", "AD", "on-hold"),
     ("Rejected", "AD", "rejected"), ("??", "AD", "active"), ("Active", "DE", "entered-in-error")],
)  # fmt: skip
def test_a_goal_s_life(said: str, action: str, status: str) -> None:
    made = of(bundle(line("PRB", PRB), line("GOL", GOL | {1: action, 18: said})), "Goal")[0]
    assert made["lifecycleStatus"] == status


def test_a_goal_of_no_problem_is_what_the_message_is_about() -> None:
    made = bundle(line("GOL", {1: "AD", 4: "GL1"}))
    (goal,) = of(made, "Goal")
    assert code(goal["description"]) == "NI"
    assert made["entry"][0]["resource"]["focus"] == [{"reference": f"urn:uuid:{goal['id']}"}]


def test_each_problem_has_its_own() -> None:
    second = (line("PRB", PRB | {3: "I10^Hypertensjon^I10", 4: "PB2"}), line("GOL", GOL | {4: "GL2"}))
    made = bundle(line("PRB", PRB), line("GOL", GOL), *second)
    problems = {f"urn:uuid:{c['id']}": c["identifier"][0]["value"] for c in of(made, "Condition")}
    assert [(g["identifier"][0]["value"], problems[g["addresses"][0]["reference"]]) for g in of(made, "Goal")] == [
        ("GL1", "PB1"), ("GL2", "PB2"),
    ]  # fmt: skip


ROL = "ROL|R1|AD|OP^Ordering^HL70443|9144889^Lund^Kari|20260101|20261231"
VAR = "VAR|V1|20261119|20261120|9144890^Moe^Per|P^Pasienten ønsket det^L|Utsatt en uke~Ny time satt"


def test_who_takes_part_in_a_problem_its_goal_and_its_pathway_is_a_team() -> None:
    path_of_care = line("PTH", {1: "AD", 2: "P1", 3: "PT1"})
    other, third = ROL.replace("9144889^Lund", "77^Berg"), ROL.replace("9144889^Lund", "78^Dahl")
    made = bundle(PV1, line("PRB", PRB), ROL, line("GOL", GOL), other, path_of_care, third)
    (found,), (goal,), (path,) = (of(made, kind) for kind in ("Condition", "Goal", "CarePlan"))
    teams = of(made, "CareTeam")
    names = {p["id"]: p["name"][0]["family"] for p in of(made, "Practitioner")}
    assert [[names[m["member"]["reference"][9:]] for m in t["participant"]] for t in teams] == [["Lund"], ["Berg"], ["Dahl"]]
    assert [t["reasonReference"] for t in teams] == [[{"reference": f"urn:uuid:{found['id']}"}]] * 3
    (member,) = teams[0]["participant"]
    assert (code(member["role"][0]), member["period"]) == ("OP", {"start": "2026-01-01", "end": "2026-12-31"})
    assert goal["expressedBy"]["reference"] == teams[1]["participant"][0]["member"]["reference"]
    assert path["careTeam"] == [{"reference": f"urn:uuid:{teams[2]['id']}"}]


def test_what_departs_from_the_plan_is_a_note_by_who_says_so() -> None:
    made = bundle(PV1, line("PRB", PRB), "NTE|1||Obs", VAR, ROL, VAR.replace("Utsatt en uke~Ny time satt", "Vikar"), line("GOL", GOL), VAR)
    (found,), (goal,) = of(made, "Condition"), of(made, "Goal")
    who = {f"urn:uuid:{p['id']}": p["name"][0]["family"] for p in of(made, "Practitioner")}
    assert [(n["text"], who.get(n.get("authorReference", {}).get("reference")), n.get("time")) for n in found["note"]] == [
        ("Obs", None, None),
        ("Utsatt en uke\nNy time satt\nPasienten ønsket det", "Moe", "2026-11-19"),
        ("Vikar\nPasienten ønsket det", "Moe", "2026-11-19"),
    ]
    assert [n["text"] for n in goal["note"]] == ["Utsatt en uke\nNy time satt\nPasienten ønsket det"]


def test_a_role_of_nobody_is_no_team() -> None:
    made = bundle(PV1, line("PRB", PRB), "ROL|R1|AD|OP^Ordering^HL70443|", "VAR|V1|20261119")
    assert of(made, "CareTeam") == []
    assert "note" not in of(made, "Condition")[0]
