"""What a door remembers of control ids, and what it must not."""

from dataclasses import replace

from hub.adapters.control_ids import ControlIds
from hub.model import Adapter, Received


def received(control_id: str = "C1", raw: bytes = b"one", provider: str = "p") -> Received:
    return Received("e", Adapter.HL7V2, provider, "APP", "S", control_id, "ADT^A01", "", (), 1, "utf-8", raw, "AA")


def test_a_control_id_stands_for_one_message_of_one_sender() -> None:
    known = ControlIds()
    assert [known.is_taken(m) for m in (received(), received(), received(raw=b"two"), received(provider="q", raw=b"two"))] == [0, 0, 1, 0]


def test_what_was_not_recorded_is_forgotten() -> None:
    known = ControlIds()
    known.is_taken(received())
    known.forget(received())
    assert not known.is_taken(received(raw=b"the same again, with a later time"))


def test_a_failure_of_other_bytes_forgets_nothing() -> None:
    known = ControlIds()
    known.is_taken(received())
    known.forget(received(raw=b"two"))
    known.forget(received("C9"))
    assert known.is_taken(replace(received(), raw=b"three"))


def test_its_memory_is_bounded() -> None:
    known = ControlIds()
    for n in range(100_050):
        known.is_taken(received(str(n)))
    assert len(known._seen) == 100_000
    assert not known.is_taken(received("0", b"two"))  # long ago
    assert known.is_taken(received("100000", b"two"))
