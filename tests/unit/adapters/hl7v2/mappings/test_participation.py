"""PRT: who took part in an order or an observation."""

from tests.unit.adapters.made import hl7v2, line, message, of, rendered


def prt(part: str, fields: dict[int, str]) -> str:
    return line("PRT", {1: "1", 2: "AD", 4: f"{part}^x^HL70443"} | fields)


def test_parts_of_a_report_and_of_its_order() -> None:
    segments = ("OBR|1|||1^x^LN", prt("OP", {5: "1^Lund^Kari"}), prt("PRI", {5: "2^Berg^Åse"}), prt("TN", {5: "3^Dahl^Eva"}),
                prt("SC", {5: "4^Moe^Ida"}), prt("XX", {5: "5^Ingen^Per"}))  # fmt: skip
    bundle = rendered(hl7v2(message("ORU^R01", *segments)))
    (report,), (request,), (specimen,) = of(bundle, "DiagnosticReport"), of(bundle, "ServiceRequest"), of(bundle, "Specimen")
    assert [p["display"] for p in report["resultsInterpreter"]] == ["Åse Berg"]
    assert [p["display"] for p in report["performer"]] == ["Eva Dahl"]
    assert request["requester"]["display"] == "Kari Lund"
    assert specimen["collection"]["collector"]["display"] == "Ida Moe"
    assert "Ingen" not in str(bundle)


def test_parts_of_an_observation() -> None:
    person, device = prt("RO", {5: "2^Berg^Åse"}), prt("EQUIP", {10: "D1^MASKIN"})
    segments = ("OBR|1|||1^x^LN", "OBX|1|NM|1^x^LN||5||||||F", person, device, prt("PL", {9: "MED3^301"}), prt("PL", {14: "Gata 1^^Oslo"}))
    bundle = rendered(hl7v2(message("ORU^R01", *segments)))
    (made,) = of(bundle, "Observation")
    assert [p["display"] for p in made["performer"]] == ["Åse Berg"]
    assert of(bundle, "Device")[0]["identifier"][0]["value"] == "D1"
    assert made["device"]["reference"].startswith("urn:uuid:")
    places = [e["valueReference"] for e in made["extension"] if e["url"].endswith("event-location")]
    assert len(places) == 2
    assert "Oslo" in [p["address"]["city"] for p in of(bundle, "Location") if "address" in p]


def test_a_participant_belongs_to_the_segment_before_it() -> None:
    segments = ("OBR|1|||1^x^LN", "OBX|1|NM|1^x^LN||5||||||F", prt("RO", {5: "2^Berg^Åse"}), "OBX|2|NM|2^y^LN||6||||||F")
    one, two = of(rendered(hl7v2(message("ORU^R01", *segments))), "Observation")
    assert ("performer" in one, "performer" in two) == (True, False)
