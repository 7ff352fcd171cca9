"""The limits that whoever runs the hub sets for consent: table ``[hub.consent]`` of the configuration, or ``HUB_CONSENT`` as JSON.

[hub.consent]
alone_years = 16
[[hub.consent.duties]]
event = "patient.admitted"
recipient = "municipality"
detail = "minimal"
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from hub.model import Boundaries, Detail, Duty, Kind, ProviderKind

_Years = Annotated[int, Field(ge=0, le=150)]


class StatutoryDuty(BaseModel):
    """A notice that the law tells a source to give; never with clinical content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Kind
    recipient: ProviderKind
    detail: Literal[Detail.MINIMAL, Detail.NOTICE] = Detail.MINIMAL


class ConsentLimits(BaseModel):
    """The defaults are ``hub.model.Boundaries``'s, which says what each of them is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alone_years: _Years = Boundaries().alone_years
    youth_years: _Years = Boundaries().youth_years
    child_years: _Years = Boundaries().child_years
    limited: bool = Boundaries().limited
    emergency_hours: Annotated[float, Field(ge=0, le=168, allow_inf_nan=False)] = Boundaries().emergency_hours
    labels_required: bool = Boundaries().labels_required
    duties: tuple[StatutoryDuty, ...] = ()

    def boundaries(self) -> Boundaries:
        """As ``decide`` takes them."""
        duties = tuple(Duty(d.event, d.recipient, d.detail) for d in self.duties)
        return Boundaries(
            self.alone_years, self.youth_years, self.child_years, self.limited, self.emergency_hours, duties, self.labels_required
        )


def _from_text(value: Any) -> Any:
    """JSON, where it comes from the environment."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise PydanticCustomError("json", "is not JSON: write a table [hub.consent] or a JSON object") from None


Limits = Annotated[ConsentLimits, BeforeValidator(_from_text)]
