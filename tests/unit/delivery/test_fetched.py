"""Nothing is ever sent to one who fetches."""

import asyncio

from hub.delivery.channel import NOT_BEGUN, Means
from hub.delivery.channels import CHANNELS
from hub.model import Channel, Deliver
from tests.unit.delivery.test_edi import PARCEL


def test_there_is_no_way_out() -> None:
    way = CHANNELS[Channel.POLL](Deliver(Channel.POLL), "town", Means())

    async def main() -> None:
        assert await way.send(PARCEL, lambda: True) is NOT_BEGUN
        assert await way.reachable()
        await way.close()

    asyncio.run(main())
    assert set(CHANNELS) == set(Channel)
