"""A delivery process of its own, to be killed: ``python -m tests.contracts.delivery_worker DATABASE_URL``."""

import asyncio
import sys

from hub.delivery.channel import Means
from hub.stream.delivery import run_delivery
from hub.stream.faultpoint import reach
from tests.contracts.delivery_rig import now_us, settings


async def main(url: str) -> None:
    config = settings(url)
    await run_delivery(config, Means(ack_seconds_max=config.ack_seconds_max), clock=now_us, reach=reach)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
