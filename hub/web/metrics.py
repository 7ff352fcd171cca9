"""The metrics as text and as snapshots, and a small server for the processes that have no other door."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from hub import telemetry
from hub.web.panels import Labels, Snapshot

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

Missing = Callable[[], Awaitable[list[str]]]
"""Asks what is not ready: the names of what is missing, in plain words; empty = ready."""


def registry() -> CollectorRegistry:
    """The metrics of this process, or of all processes of this machine where they share a folder (``PROMETHEUS_MULTIPROC_DIR``)."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return REGISTRY
    telemetry.forget_dead_processes(Path(folder))
    shared = CollectorRegistry()
    MultiProcessCollector(shared, path=folder)  # type: ignore[no-untyped-call]
    return shared


def snapshot(now_us: int) -> Snapshot:
    """Every sample of the hub's metrics now."""
    samples: dict[str, dict[Labels, float]] = {}
    for family in registry().collect():
        if family.name.startswith("hub_"):
            for sample in family.samples:
                samples.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return Snapshot(now_us, samples)


async def metrics(_: web.Request) -> web.Response:
    """``GET /metrics``: the Prometheus text format."""
    return web.Response(body=generate_latest(registry()), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def healthz(_: web.Request) -> web.Response:
    """``GET /healthz``: the process is alive and its loop turns."""
    return web.json_response({"status": "alive"})


def readyz(missing: Missing) -> Callable[[web.Request], Awaitable[web.Response]]:
    """``GET /readyz``: 200, or 503 with what is missing."""

    async def handler(_: web.Request) -> web.Response:
        found = await missing()
        body = {"status": "not ready" if found else "ready", "missing": found}
        return web.json_response(body, status=503 if found else 200)

    return handler


@asynccontextmanager
async def serve_metrics(address: str, missing: Missing, *, or_any: bool = False) -> AsyncIterator[int]:
    """Serve ``/metrics``, ``/healthz`` and ``/readyz`` on HOST:PORT while the block runs; gives the port.

    or_any: when the port is taken, any free one is. Raises OSError when the address cannot be had.
    """
    app = web.Application(client_max_size=0)
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz(missing))])
    runner = web.AppRunner(app, access_log=None, auto_decompress=False)
    await runner.setup()
    try:
        host, _, port = address.rpartition(":")
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except OSError:
            if not or_any:
                raise
            await web.TCPSite(runner, host.strip("[]"), 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
