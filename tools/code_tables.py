"""Makes ``hub/adapters/hl7v2/mappings/tables.json`` of the HL7 v2-to-FHIR guide's code-system maps.

    python tools/code_tables.py FOLDER

FOLDER holds the guide's CSV files (``mappings/codesystems`` of HL7/v2-to-fhir, CC0-1.0 or Apache-2.0). Kept are the rows that have both a
v2 code and a FHIR code; a row without a v2 code only lists a FHIR value set. Known errors of the files are mended here, each with its
reason; what the hub decides beyond the guide stands in ``mappings/codes.py``.
"""

import csv
import json
import re
import sys
from collections import Counter
from pathlib import Path

OUT = Path(__file__).parents[1] / "hub" / "adapters" / "hl7v2" / "mappings" / "tables.json"
SOURCE = "HL7 v2-to-FHIR (hl7.fhir.uv.v2mappings 1.0.0), code-system maps; CC0-1.0"
NAME = re.compile(r"Concept Map_ (.+?) - Sheet1\.csv$")
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
# (map, v2 code) -> FHIR code, system; why
MENDED = {
    ("ConfidentialityCode", "PSY"): ("PSY", f"{TERMINOLOGY}v3-ActCode"),  # a sensitivity: v3-Confidentiality has no such code
    ("ConfidentialityCode", "HIV"): ("HIV", f"{TERMINOLOGY}v3-ActCode"),  # the same
}
MISSPELT = {"entered-in-errror": "entered-in-error"}  # no FHIR value set has three r
DEFAULT_SYSTEM = {  # maps whose files leave the system out
    "OrderStatus": "http://hl7.org/fhir/request-status",
    "ProcessingID": f"{TERMINOLOGY}v2-0103",
    "ProcessingMode": f"{TERMINOLOGY}v2-0207",
    "PractitionerIDNumberType": f"{TERMINOLOGY}v2-0203",
}


def rows(path: Path) -> list[tuple[str, str, str, str, str]]:
    """(v2 code, v2 table, FHIR code, display, system) of a file's usable rows."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [[" ".join(c.split()) for c in row] + [""] * 12 for row in list(csv.reader(file))[2:]]
    return [(r[0], re.sub(r"\D", "", r[2]).zfill(5)[-4:], r[6], r[8] or r[7], r[9]) for r in cells if r[0] and r[6] and not any(r[3:6])]


def table(name: str, found: list[tuple[str, str, str, str, str]]) -> dict[str, object]:
    """One map: its v2 table, its commonest FHIR system, and v2 code -> [FHIR code, display, system where it is another]."""
    made: dict[str, list[str]] = {}
    default = Counter(r[4] for r in found).most_common(1)[0][0] or DEFAULT_SYSTEM[name]
    for code, _, written, display, said in found:
        target, system = MENDED.get((name, code), (MISSPELT.get(written, written), said or default))
        made.setdefault(code, [target, display] if system == default else [target, display, system])
    return {"table": found[0][1], "system": default.rstrip("/"), "codes": made}


def tables(folder: Path) -> dict[str, object]:
    """Every map of the folder that has usable rows."""
    maps = {}
    for path in sorted(folder.glob("*.csv")):
        name = NAME.search(path.name)
        if name and (found := rows(path)):
            maps[name[1]] = table(name[1], found)
    return {"source": SOURCE, "maps": maps}


def written(made: dict[str, object]) -> str:
    """The tables as JSON, a code a line."""
    text = json.dumps(made, ensure_ascii=False, indent=1)
    return re.sub(r"\[\n\s+([^\[\]]*?)\n\s+\]", lambda m: "[" + re.sub(r"\n\s+", " ", m[1]) + "]", text) + "\n"


if __name__ == "__main__":
    OUT.write_text(written(tables(Path(sys.argv[1]))), "utf-8")
