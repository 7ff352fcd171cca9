"""The pathway as a process of its own, for tests that kill it. Prints one line when it has stopped by itself."""

import asyncio
import signal
import sys
import time

from pydantic import SecretBytes

from hub import telemetry
from hub.avro import Codec
from hub.model import Received
from hub.settings import Settings
from hub.stream.pathway_app import run_pathway


async def main(kafka: str, database_url: str, prefix: str, breaches: str) -> None:
    settings = Settings(
        kafka=kafka, database_url=database_url, topic_prefix=prefix, secret=SecretBytes(b"test"), deadline_check_seconds=0.3,
        notice_hours_max=3 / 3600,
    )  # fmt: skip
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def publish(received: Received) -> None:
        with open(breaches, "ab") as out:
            out.write(received.event_id.encode() + b" " + received.raw + b"\n")

    await run_pathway(settings, codec=Codec(), publish=publish, clock=lambda: time.time_ns() // 1000, stop=stop)
    print("stopped", flush=True)


if __name__ == "__main__":
    telemetry.configure("pathway")
    asyncio.run(main(*sys.argv[1:]))
