"""No way out: what is fetched by its recipient is never sent (``hub.delivery.pickup``). Here for one who began to fetch a moment ago."""

from hub.delivery.channel import NOT_BEGUN, MayStart, Means, Sent
from hub.ledger.outbox import Parcel
from hub.model import Deliver


class FetchedWay:
    """The recipient comes."""

    def __init__(self, deliver: Deliver, provider: str, means: Means) -> None:
        del deliver, provider, means

    async def send(self, parcel: Parcel, may_start: MayStart) -> Sent:
        """Not begun."""
        del parcel, may_start
        return NOT_BEGUN

    async def reachable(self) -> bool:
        """Nobody need reach it."""
        return True

    async def close(self) -> None:
        """There is nothing to close."""
