import pytest

from hub.adapters.fhir.document import Entries, Number, bound, parse
from hub.errors import Reason, Rejected


def test_a_decimal_remembers_its_digits() -> None:
    value = parse(b'{"a": 1.50}')["a"]
    assert isinstance(value, Number)
    assert (value, value.digits) == (1.5, "1.50")


@pytest.mark.parametrize(
    "raw", [b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b'{"a": "\\u0000"}', b"\xff", b"{"]
)
def test_what_two_readers_would_read_as_two_things_is_not_read(raw: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        parse(raw)
    assert refused.value.reason is Reason.BAD_JSON


def test_what_nests_without_end_is_too_complex() -> None:
    deep: dict[str, object] = {}
    for _ in range(70):
        deep = {"a": deep}
    with pytest.raises(Rejected) as refused:
        bound(deep)
    assert refused.value.reason is Reason.TOO_COMPLEX


def test_a_reference_leads_to_a_full_url_or_a_type_and_id() -> None:
    visit = {"resourceType": "Encounter", "id": "7"}
    entries = Entries({"entry": [{"fullUrl": "urn:uuid:v", "resource": visit}, {"resource": {"resourceType": "Patient"}}]})
    for name in ("urn:uuid:v", "Encounter/7", "https://x.no/fhir/Encounter/7"):
        assert entries.target({"reference": name}) is visit
    assert entries.target({"reference": "Encounter/8"}) == {}
    assert entries.target({"display": "x"}) == {}


def test_the_records_of_a_resource_are_those_that_name_it() -> None:
    visit = {"resourceType": "Encounter", "id": "7"}
    first, second, other = (
        {"resourceType": "Provenance", "target": [{"reference": r}]} for r in ("Encounter/7", "urn:uuid:v", "Encounter/8")
    )
    entries = Entries({"entry": [{"fullUrl": "urn:uuid:v", "resource": visit}, *({"resource": r} for r in (first, second, other))]})
    assert entries.records(visit) == [first, second]
    assert entries.records({}) == []


@pytest.mark.parametrize(
    ("raw", "reason", "where"),
    [
        (b"", Reason.BAD_JSON, "character 1"),
        (b'{"secret": 1,}', Reason.BAD_JSON, "character 14"),
        (b'{"secret": "\xff"}', Reason.BAD_JSON, "byte 13"),
        (b'{"secret":1,"secret":2}', Reason.BAD_JSON, "a name that comes twice"),
        (b'{"secret":NaN}', Reason.BAD_JSON, "a number"),
        (b'{"secret":1e999}', Reason.BAD_JSON, "a number"),
        (b'{"secret":' + b"9" * 5000 + b"}", Reason.BAD_JSON, "a number"),
        (b'{"secret":"\\ud800"}', Reason.BAD_JSON, "a text that is no Unicode"),
        (b'{"secret":"\\u0000"}', Reason.BAD_JSON, "a text that holds NUL"),
        (b"[" * 100_000, Reason.BAD_JSON, "nesting"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, Reason.TOO_COMPLEX, "nesting"),
        (b"<Bundle/>", Reason.UNSUPPORTED_FORMAT, "Bundle"),
        (b"[]", Reason.NOT_A_MESSAGE, "Bundle"),
    ],
)
def test_what_is_refused_says_where(raw: bytes, reason: Reason, where: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse(raw)
    assert (caught.value.reason, caught.value.where) == (reason, where)
    assert caught.value.__cause__ is None
