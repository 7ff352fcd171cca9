"""What the web needs of the rest of the hub, as it needs it. ``wiring`` gives it; nothing here knows a broker or a database."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiohttp import web

from hub.identity import Pseudonyms
from hub.model import Consent, Provider, Received, Subscription
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.web.metrics import Missing
from hub.web.tokens import Keys


class Intake(Protocol):
    """Where a received message becomes durable."""

    async def accept(self, received: Received) -> None:
        """Return when the broker has it for good. Raises Faulted; then nothing may be answered as done."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A consent as stored: its version in force and the resource as its patient wrote it. Times in microseconds."""

    id: str
    version: int
    written_us: int
    resource: Mapping[str, Any] = field(repr=False)


class Stale(Exception):  # noqa: N818  an answer, not a failure
    """Somebody else wrote the next version first."""


class Desk(Protocol):
    """The ledger as the web uses it. Every method raises Faulted(LEDGER_UNAVAILABLE) when the ledger does not answer."""

    async def providers(self) -> Sequence[Provider]:
        """All providers."""
        ...

    async def put_provider(self, provider: Provider) -> bool:
        """Store it, in effect on return; True when it is new. Raises ConfigError when it does not go with the others."""
        ...

    async def delete_provider(self, provider_id: str) -> bool:
        """Remove it; False when there is none. Raises ConfigError while subscriptions name it."""
        ...

    async def subscriptions(self) -> Sequence[Subscription]:
        """All subscriptions."""
        ...

    async def put_subscription(self, subscription: Subscription) -> bool:
        """Store it, in effect on return; True when it is new. Raises ConfigError when it does not go with the others."""
        ...

    async def delete_subscription(self, subscription_id: str) -> bool:
        """Remove it; False when there is none."""
        ...

    async def consent(self, consent_id: str) -> Stored | None:
        """The version in force."""
        ...

    async def consents(self, keys: Sequence[str]) -> Sequence[Stored]:
        """The versions in force stored under any of these keys (``Pseudonyms.locks_of_consent``)."""
        ...

    async def put_consent(self, consent: Consent, keys: Sequence[str], resource: Mapping[str, Any], written_us: int) -> Sequence[str]:
        """Bring a version into force and return the recipients with sends of that patient under way. Raises Stale."""
        ...

    async def trace(self, any_id: str) -> Sequence[Mapping[str, Any]]:
        """The life of every message with this control id, event id or Bundle id."""
        ...

    async def quarantine(self) -> Sequence[Mapping[str, Any]]:
        """What was refused and kept, without its content."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """Everything a handler may use."""

    settings: Settings
    clock: Callable[[], int]
    keys: Keys
    pseudonyms: Pseudonyms
    intake: Intake
    directory: Callable[[], Awaitable[Directory]]  # the directory in force at the moment it is asked for
    desk: Desk
    missing: Missing


STATE: Final = web.AppKey("state", State)
