"""A message as it was recorded."""

from dataclasses import dataclass, field
from typing import Final

# Whose a message m is, without the merges that were in force when it was decided (migration 0019 has the index).
WHOSE: Final = "coalesce(m.origin, m.patient_key)"
COLUMNS: Final = """m.event_id::text AS event_id, m.adapter, m.provider, m.application, m.sender, m.control_id, m.trigger, m.patient_key,
m.received_us, m.encoding, m.raw, m.answer"""


@dataclass(frozen=True, slots=True)
class Stored:
    """The columns of a message's row, in the order of ``COLUMNS``."""

    event_id: str
    adapter: str
    provider: str
    application: str = field(repr=False)
    sender: str = field(repr=False)
    control_id: str = field(repr=False)
    trigger: str = field(repr=False)
    patient_key: str
    received_us: int
    encoding: str
    raw: bytes = field(repr=False)
    answer: str
