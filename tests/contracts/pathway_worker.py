"""The pathway as a process of its own, for tests that kill it. Prints one line when it has stopped by itself."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretBytes

from hub import telemetry
from hub.avro import Codec
from hub.model import Received
from hub.settings import Settings
from hub.stream.pathway import Applier, Record
from hub.stream.pathway_app import run_pathway


async def main(kafka: str, database_url: str, prefix: str, breaches: str) -> None:
    settings = Settings(
        kafka=kafka, database_url=database_url, topic_prefix=prefix, secret=SecretBytes(b"test"), deadline_check_seconds=0.3,
        notice_hours_max=3 / 3600,
    )  # fmt: skip
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("started", flush=True)  # from here on it can be asked to stop

    async def publish(received: Received) -> None:
        with Path(breaches).open("ab") as out:  # noqa: ASYNC230  a line
            out.write(received.event_id.encode() + b" " + received.raw + b"\n")

    if os.environ.get("DEAF"):  # an engine that has taken an event and does nothing more

        async def take(self: Applier, records: Sequence[Record]) -> None:
            await asyncio.Event().wait()

        Applier.take = take  # type: ignore[method-assign]
    clock = lambda: time.time_ns() // 1000  # noqa: E731
    # a member that was killed holds its partitions for a session of 6 s: to wait for them is not to be stuck
    patience_seconds = 5.0 if "DEAF" in os.environ else 20.0
    await run_pathway(settings, codec=Codec(), publish=publish, clock=clock, stop=stop, patience_seconds=patience_seconds)
    print("stopped", flush=True)


if __name__ == "__main__":
    telemetry.configure("pathway")
    asyncio.run(main(*sys.argv[1:]))
