"""Identifiers: canonical systems, and keys that tell nothing."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.consent.fhir import consent_from_fhir
from hub.identity import DNR, FHN, FNR, HNR, Pseudonyms, canonical, derived_id, event_id, names_nobody
from hub.model import Identifier

KEYS = Pseudonyms(b"secret")


@pytest.mark.parametrize(
    ("number", "system"),
    [("15076500565", FNR), ("10915596784", FNR), ("70019950032", DNR), ("88888888831", FHN), ("01410199935", HNR), ("68467038838", HNR)],
)
def test_the_system_follows_from_the_number(number: str, system: str) -> None:
    assert canonical("", number) == canonical("FNR", number) == canonical(FNR, number) == Identifier(system, number)


def test_a_hospitals_own_help_number_is_no_national_one() -> None:
    """Two hospitals may give the same number to two people."""
    mine = [canonical(FNR, "01410199935")]
    assert KEYS.of_message(mine, "a").patient != KEYS.of_message(mine, "b").patient


def test_what_systems_write_for_unknown_joins_nobody() -> None:
    """Both control digits of eleven zeros hold."""
    nobody = [canonical("MRN", "00000000000")]
    assert KEYS.of_message(nobody, "a").patient != KEYS.of_message(nobody, "b").patient


@pytest.mark.parametrize("system", ["", "NO-FNR", "FNR", "SFAC MRN"])
def test_a_national_number_without_a_uri_is_the_national_number(system: str) -> None:
    assert canonical(system, " 15076500565 ") == Identifier(FNR, "15076500565")


@pytest.mark.parametrize(
    ("system", "value"),
    [
        ("MRN", v)
        for v in ("0", "000", "999999", "999-99-9999", "111111111", "UNKNOWN", "ukjent", "N/A", "Not available", "?", "---", "xxxx")
    ]
    + [(FNR, "00000000000"), (FNR, "01018000000"), (FNR, "99999999999")],
)
def test_what_stands_for_an_unknown_number_names_nobody(system: str, value: str) -> None:
    assert names_nobody(canonical(system, value))


@pytest.mark.parametrize(
    ("system", "value"),
    [("MRN", v) for v in ("1", "9", "99999", "111111", "A0", "X1", "x", "NA1", "01018000000", "Å")]
    + [(FNR, "15076500565"), (FNR, "98019800546"), (FHN, "88888888831")],
)
def test_every_other_number_names_somebody(system: str, value: str) -> None:
    assert not names_nobody(canonical(system, value))


def test_a_uri_is_kept_as_written() -> None:
    assert canonical("http://hospital.example/mrn", "15076500565").system == "http://hospital.example/mrn"


def test_the_national_number_leads_whatever_the_order() -> None:
    ids = [Identifier("MRN", "1"), Identifier(FNR, "15076500565")]
    assert KEYS.of_message(ids, "a").patient == KEYS.of_message(ids[::-1], "b").patient


def test_a_local_number_is_a_person_of_its_provider_only() -> None:
    mrn = [Identifier("MRN", "1")]
    assert KEYS.of_message(mrn, "a").patient != KEYS.of_message(mrn, "b").patient


@pytest.mark.parametrize(
    ("consent", "message", "concerns"),
    [
        (("", "1"), ("MRN", "1"), True),  # no system: every patient who has the value
        (("", "1"), ("", "1"), True),
        (("MRN", "1"), ("MRN", "1"), True),
        (("MRN", "1"), ("OTHER", "1"), False),
        (("MRN", "1"), ("", "1"), True),  # the message does not say whose number it is: the lock errs on the patient's side
        (("", "1"), ("MRN", "2"), False),
        ((FNR, "15076500565"), ("NO-FNR", "15076500565"), True),
        (("", "15076500565"), ("NO-FNR", "15076500565"), True),
        (("", "15076500565"), ("http://hospital.example/mrn", "15076500565"), True),  # a person's number is a value like another
        (("", "15076500565"), ("urn:oid:2.16.578.1.34.10.3", "15076500565"), True),
        ((FNR, "15076500565"), ("http://hospital.example/mrn", "15076500565"), False),
    ],
)
def test_whom_a_consent_concerns(consent: tuple[str, str], message: tuple[str, str], *, concerns: bool) -> None:
    system, value = consent
    whose = {"identifier": {"value": value} | ({"system": system} if system else {})}
    resource = {"resourceType": "Consent", "id": "c", "status": "active", "patient": whose, "provision": {"type": "deny"}}
    locks = KEYS.of_message([canonical(*message)], "p").locks
    assert bool(set(locks) & set(KEYS.locks_of_consent(consent_from_fhir(resource, 1)[1]))) is concerns


@given(st.text(min_size=1, max_size=20), st.text(min_size=4, max_size=20))
def test_keys_do_not_hold_the_value(system: str, value: str) -> None:
    keys = KEYS.of_message([Identifier(system, value)], "p")
    assert all(len(k) == 32 and set(k) <= set("0123456789abcdef") for k in (*keys.links, *keys.locks))
    assert keys != Pseudonyms(b"another").of_message([Identifier(system, value)], "p")


def test_an_event_id_is_derived_and_names_every_part() -> None:
    base = ("hl7v2", "p", "a", "s", "c")
    first = event_id(*base, b"raw")
    assert first == event_id(*base, b"raw")
    assert first[14] == "8"  # RFC 9562 version 8
    others = {event_id(*base[:n], "x", *base[n + 1 :], b"raw") for n in range(5)} | {event_id(*base, b"other")}
    assert len(others | {first}) == 7


def test_derived_ids_keep_their_parts_apart() -> None:
    assert derived_id("ab", "c") != derived_id("a", "bc")


def test_no_repr_shows_a_value() -> None:
    assert "15076500565" not in repr(Identifier(FNR, "15076500565"))
    assert "secret" not in repr(KEYS)


@pytest.mark.parametrize("secret", [b"", b"s", b"x" * 64, b"x" * 65, b"x" * 200])
def test_a_key_is_an_hmac_sha256_under_the_secret(secret: bytes) -> None:
    whole = hmac.digest(secret, b"link\x1f\x1furn:oid:1.2\x1f1", "sha256")
    assert Pseudonyms(secret).link(Identifier("urn:oid:1.2", "1"), "p") == whole[:16].hex()
