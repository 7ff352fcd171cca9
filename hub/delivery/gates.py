"""What waits for another partition. Pure.

A delivery of a merged patient may have to wait until transit has decided what had been acknowledged under the patient's other identifiers.
It is the patient's gate: nothing after it is kept in memory, what comes before it goes, and when it opens all of them are read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hub.delivery.destination import merge, precedes
from hub.ledger.outbox import Waiting, is_passed


@dataclass(slots=True, eq=False)
class _Gate:
    row: Waiting
    left: dict[int, int]  # part -> first offset of the row and what comes after it: from there they are read again


class Gates:
    """The gates of one recipient, one a patient."""

    def __init__(self) -> None:
        self._gates: dict[str, _Gate] = {}

    def __len__(self) -> int:
        return len(self._gates)

    def clear(self) -> None:
        """Forget them: everything is read again."""
        self._gates.clear()

    def stop(self, row: Waiting, nexts: Mapping[int, int]) -> bool:
        """Whether a row has to wait, where partitions have been decided up to ``nexts``; it is then remembered to be read again."""
        gate = self._gates.get(row.patient_key)
        is_behind = gate is not None and precedes(gate.row, row)
        if not is_behind and is_passed(row.fence, nexts):
            return False
        if gate is None or not is_behind:
            gate = self._gates[row.patient_key] = _Gate(row, gate.left if gate else {})
        merge(gate.left, {row.place.part: row.place.off})
        return True

    def leave(self, patient: str, places: Mapping[int, int]) -> None:
        """Remember, beside the patient's gate, what was kept in memory and comes after it."""
        merge(self._gates[patient].left, places)

    def opened(self, nexts: Mapping[int, int]) -> list[Mapping[int, int]]:
        """Open those that need wait no more: from where each partition is to be read again."""
        passed = [patient for patient, gate in self._gates.items() if is_passed(gate.row.fence, nexts)]
        return [self._gates.pop(patient).left for patient in passed]
