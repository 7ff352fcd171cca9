"""Every status that a table gives is one that R4 knows (its required bindings)."""

import pytest

from hub.adapters.hl7v2.mappings import order_codes
from hub.adapters.hl7v2.mappings.codes import Table

REQUEST = {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"}
APPOINTMENT = {
    "proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow", "entered-in-error", "checked-in", "waitlist",
}  # fmt: skip
OBSERVATION = {"registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"}
DISPENSE = {"preparation", "in-progress", "cancelled", "on-hold", "completed", "entered-in-error", "stopped", "declined", "unknown"}
MEDICATION = {"active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"}


@pytest.mark.parametrize(
    ("table", "known"),
    [
        (order_codes.ORDER_CONTROL, REQUEST), (order_codes.ORDER_STATUS, REQUEST), (order_codes.REFERRAL_STATUS, REQUEST),
        (order_codes.APPOINTMENT_ORDER, REQUEST), (order_codes.PRIORITY, {"routine", "urgent", "asap", "stat"}),
        (order_codes.REPORT_STATUS, OBSERVATION | {"partial", "appended"}), (order_codes.RESULT_STATUS, OBSERVATION),
        (order_codes.DOCUMENT_STATUS, {"preliminary", "final", "amended", "entered-in-error"}),
        (order_codes.DOCUMENT_CURRENT, {"current", "superseded", "entered-in-error"}),
        (order_codes.APPOINTMENT_STATUS, APPOINTMENT), (order_codes.APPOINTMENT_EVENT, APPOINTMENT),
        (order_codes.PARTICIPATION, {"accepted", "declined", "tentative", "needs-action"}),
        (order_codes.COMPLETION, {"completed", "entered-in-error", "not-done"}),
        (order_codes.AVAILABILITY, {"available", "unavailable", "unsatisfactory", "entered-in-error"}),
        (order_codes.MEDICATION_STATUS, MEDICATION), (order_codes.DISPENSE_STATUS, DISPENSE),
        (order_codes.TIME_UNITS, {"s", "min", "h", "d", "wk", "mo", "a"}),
    ],
)  # fmt: skip
def test_a_table_gives_codes_of_r4_only(table: Table, known: set[str]) -> None:
    assert table
    assert set(table.values()) - known == set()


def test_a_meal_is_one_of_r4_s_timing_events() -> None:
    assert {"AC", "PC", "HS"} < order_codes.MEALS
