"""How far translation is as the standard says, printed: the guide's rows that are mapped, the agreement with other converters, and how much
of an HL7 v2 message comes back when it has been a Bundle.

python -m tests.conformance.report [--write]     (--write puts the tables into docs/conformance.md)
"""

import re
import sys
from pathlib import Path
from typing import Final

from tests.conformance import agreed, corpora, data_types, guide, row_coverage
from tests.conformance.judge import verdicts
from tests.unit.adapters.fhir.er7 import trip_samples

PAGE: Final = Path(__file__).parents[2] / "docs" / "conformance.md"


def put(page: str, name: str, table: str) -> str:
    """A page with the table between its marks replaced."""
    marks = rf"(<!-- {name}: generated -->\n).*?(<!-- end -->)"
    return re.sub(marks, lambda m: f"{m[1]}\n{table}\n\n{m[2]}", page, flags=re.DOTALL)


def totals(table: str) -> str:
    """The head of a table and its rows of totals."""
    head, rule, *rows = table.splitlines()
    return "\n".join([head, rule, *(r for r in rows if r.startswith("| **"))])


def main() -> None:
    if not guide.is_here() or not corpora.is_here():
        sys.exit(f"the guide's tables are not at {guide.GUIDE}, or the samples not at {corpora.SAMPLES}: set HUB_V2_TO_FHIR, HUB_SAMPLES")
    rows, types = row_coverage.table(tuple(verdicts())), row_coverage.types_line(tuple(data_types.verdicts()))
    tables = {
        "rows": f"{totals(rows)}\n\n{types}",
        "agreement": agreed.summary(),
        "types": "\n\n".join(agreed.by_type(corpus) for corpus in corpora.CORPORA),
        "classes": agreed.set_aside(),
        "round trip": trip_samples.table(),
    }
    print("\n\n".join([rows, types, tables["types"], tables["classes"], tables["agreement"], tables["round trip"]]))
    if "--write" in sys.argv:
        page = PAGE.read_text("utf-8")
        for name, table in tables.items():
            page = put(page, name, table)
        PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
