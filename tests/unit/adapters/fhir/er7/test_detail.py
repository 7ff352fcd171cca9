import pytest

from hub.adapters.fhir.er7.detail import KEPT, shown
from hub.adapters.hl7v2 import address
from hub.model import Detail

LINES = ["MSH|^~\\&|a", "PID|1||7||A^B||1969|F|||x", "ZXX|secret", "OBX|1|NM|x||5", "PV1|1|I|w|E"]


@pytest.mark.parametrize("detail", [Detail.MINIMAL, Detail.NOTICE])
def test_no_field_is_shown_that_a_v2_message_would_not_show(detail: Detail) -> None:
    for name, numbers in KEPT[detail].items():
        assert numbers <= address.KEPT[detail][name], name


def test_in_full_everything_is_shown() -> None:
    assert shown(LINES, Detail.FULL) == LINES


def test_only_what_the_table_names_is_shown() -> None:
    assert shown(LINES, Detail.NOTICE) == ["MSH|^~\\&|a", "PID|||7||A^B||1969|F"]
    assert shown(LINES, Detail.MINIMAL) == ["MSH|^~\\&|a", "PID|1||7||A^B||1969|F|||x", "PV1|1|I|w"]
