"""Three MLLP receivers in one process: prints their ports, then on end of input the count and latencies as one JSON line."""

import asyncio
import json
import sys
import time
from array import array

from bench.peers import Receiver, quantile


async def main() -> None:
    """Serve until standard input closes; a line "reset" starts the counting anew."""
    latencies, last = array("d"), [0.0]
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: Receiver(latencies, last), "127.0.0.1", 0) for _ in range(3)]
    print(json.dumps([s.sockets[0].getsockname()[1] for s in servers]), flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        result = {
            "deliveries": len(latencies),
            "p50_s": quantile(latencies, 0.5),
            "p99_s": quantile(latencies, 0.99),
            "quiet_s": time.monotonic() - last[0],
        }
        print(json.dumps(result), flush=True)
        if line.strip() == b"reset":
            del latencies[:]


if __name__ == "__main__":
    asyncio.run(main())
