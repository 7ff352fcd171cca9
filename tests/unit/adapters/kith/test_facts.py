"""What routing learns of a KITH message."""

import pytest

from hub.adapters.kith import facts
from hub.adapters.kith.message import read
from hub.identity import ENH, HER, HPR
from hub.model import Identifier
from tests.unit.adapters.kith.made import dialog, logistics
from tests.unit.adapters.made import RECEIVED_US

INNLAGT = read(logistics("LOG_INNLAGT"))
EVENT_US = 1_795_159_500_000_000  # 2026-11-20T08:25:00+01:00


def test_everyone_who_is_written_as_a_receiver() -> None:
    other = (
        '</Receiver><OtherReceiver><RoleReceiver V="KOP"/><Organisation><OrganisationName>Legekontoret Ørland</OrganisationName>'
        '<Ident><Id>56704</Id><TypeId V="HER"/></Ident></Organisation></OtherReceiver>'
    )
    found = facts.addressed(read(logistics("LOG_INNLAGT").decode().replace("</Receiver>", other).encode()))
    assert found[:3] == ("8143060", f"{HER}|8143060", "942110464")
    assert {"Saksbehandling", "Trondheim kommune", "56704", "Legekontoret Ørland"} <= set(found)


@pytest.mark.parametrize(("county", "expected"), [("5001", "5001"), ("50", ""), ("fifty", ""), ("٥٠٠١", "")])
def test_the_municipality_is_a_number_of_four_digits(county: str, expected: str) -> None:
    assert facts.municipality(read(logistics("LOG_INNLAGT").replace(b'County V="5001"', f'County V="{county}"'.encode()))) == expected


def test_the_gp_is_who_is_called_one() -> None:
    assert facts.gps(INNLAGT) == ()
    assert facts.gps(read(dialog())) == (Identifier(HPR, "9144900"),)
    as_sender = facts.gps(read(logistics("LOG_INNLAGT", role="6")))
    assert as_sender == (Identifier(HPR, "9144889"), Identifier(HER, "8094866"))  # the office, too
    assert Identifier(ENH, "974749025") not in as_sender


def test_when_and_where_it_happened() -> None:
    assert facts.occurred(INNLAGT, RECEIVED_US) == EVENT_US
    assert facts.ward(INNLAGT) == "Medisinsk sengepost 3, Nordøst"
    assert facts.stay(INNLAGT, EVENT_US) == (EVENT_US, None)
    assert facts.stay(read(logistics("LOG_DOD")), EVENT_US) == (None, EVENT_US)
    assert facts.stay(read(logistics("LOG_UTSKREVET", "C")), EVENT_US) == (None, None)
    plain = logistics("LOG_INNLAGT").replace(b"<StedHendelse>", b"").replace(b"</StedHendelse>", b"")
    assert facts.ward(read(plain)) == "Medisinsk sengepost 3, Nordøst"  # 2009's stylesheets read it so


def test_without_an_event_the_message_tells_the_time() -> None:
    assert facts.occurred(read(dialog()), RECEIVED_US) == EVENT_US + 315_000_000
    assert (facts.ward(read(dialog())), facts.encounter_class(read(dialog())), facts.encounter_class(INNLAGT)) == ("", "", "I")
