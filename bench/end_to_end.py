"""MLLP in, three MLLP receivers out, through the whole hub on its own stack on this machine. JSON lines.

    python -m bench.end_to_end [--seconds 60] [--rate 1500] [--connections 32] [--small-rate 200]

Load, receivers, broker, database and the five processes of the hub all share the machine's cores.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from bench.floor import share

ROOT = Path(__file__).parents[1]
PROVIDER = """
[[provider]]
id = "{id}"
name = "{id}"
kind = "municipality"
organisation = "{id}"
senders = ["{id}"]
deliver = {{ channel = "mllp", host = "127.0.0.1", port = {port}, connections = 32 }}
[[subscription]]
provider = "{id}"
events = ["patient.*"]
where = {{ municipality = "5001" }}
detail = "full"
"""
HOSPITAL = """
[[provider]]
id = "st-olavs"
name = "St. Olavs"
kind = "hospital"
organisation = "974749025"
senders = ["STOLAV"]
deliver = { channel = "mailbox" }
"""


@contextmanager
def hub(config: str) -> Iterator[tuple[dict[str, str], subprocess.Popen[bytes]]]:
    """`hub up` on a temporary folder: (its addresses, the process)."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        data = Path(folder) / "data"
        (Path(folder) / "bench.toml").write_text(config)
        Path(folder).chmod(0o755)
        command = [
            sys.executable,
            "-m",
            "hub",
            "up",
            "--data",
            str(data),
            "--config",
            str(Path(folder) / "bench.toml"),
            "--mllp",
            "127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
        ]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
        try:
            deadline = time.monotonic() + 120
            while b"the hub is ready" not in (Path(folder) / "log").read_bytes():
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit((Path(folder) / "log").read_text()[-2000:])
                time.sleep(0.2)
            yield json.loads((data / "run.json").read_text()) | {"data": str(data)}, process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def ask(receivers: subprocess.Popen[str], word: str) -> dict[str, float]:
    """The receivers' count so far."""
    assert receivers.stdin is not None
    assert receivers.stdout is not None
    receivers.stdin.write(word + "\n")
    receivers.stdin.flush()
    return json.loads(receivers.stdout.readline())


def memory_mb(process: subprocess.Popen[bytes]) -> dict[str, int]:
    """Resident MB of each of the hub's own processes, by verb."""
    found: dict[str, int] = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one of the database's workers that has just ended
            line = child.cmdline()
            verb = next((v for v in ("gateway", "transit", "delivery", "pathway", "web") if v in line), "")
            if verb:
                found[verb] = child.memory_info().rss // 2**20
    return found


def load(port: int, connections: int, rate: float, seconds: float) -> tuple[int, int, float, float, float]:
    """Run the load in a process of its own: sent, accepted, seconds, ack p50 and p99."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.peers", str(port), str(connections), str(rate), str(seconds)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    sent, accepted, elapsed, p50, p99 = done.stdout.split()
    return int(sent), int(accepted), float(elapsed), float(p50), float(p99)


def scenario(
    name: str, rate: float, seconds: float, connections: int, where: tuple[dict[str, str], subprocess.Popen[bytes], subprocess.Popen[str]]
) -> None:
    """One load, its drain, one JSON line."""
    addresses, process, receivers = where
    ask(receivers, "reset")
    before = memory_mb(process)
    port = int(addresses["mllp"].rsplit(":", 1)[1])
    sent, accepted, elapsed, p50, p99 = load(port, connections, rate, seconds)
    with psycopg.connect(addresses["database_url"], autocommit=True) as conn:
        backlog = conn.execute("SELECT count(*) FROM outbox").fetchone()[0]  # type: ignore[index]
        at = time.monotonic()
        while ask(receivers, "count")["deliveries"] < 3 * accepted and time.monotonic() - at < 120:
            time.sleep(0.2)
        drained = time.monotonic() - at
    result = ask(receivers, "count")
    line = {
        "bench": "end_to_end", "scenario": name, "messages_per_s": round(accepted / elapsed, 1), **share(accepted / elapsed),
        "deliveries_per_s": round(result["deliveries"] / (elapsed + drained), 1),
        "sent": sent, "accepted": accepted, "delivered": result["deliveries"],
        "backlog_at_end_of_load": backlog, "drain_s": round(drained, 2),
        "ack_p50_ms": round(p50 * 1e3, 2), "ack_p99_ms": round(p99 * 1e3, 2),
        "end_to_end_p50_ms": round(result["p50_s"] * 1e3, 1), "end_to_end_p99_ms": round(result["p99_s"] * 1e3, 1),
        "memory_mb_before": before, "memory_mb_after": memory_mb(process),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def lock_of(number: int) -> bytes:
    """A lock of one of the load's patients against one receiver."""
    actor = {"role": {"text": "recipient"}, "reference": {"identifier": {"system": "urn:hub:provider", "value": "r1"}}}
    consent = {
        "resourceType": "Consent", "id": f"bench-{number}", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"system": "STOLAVMRN", "value": f"{number:09d}"}},
        "policyRule": {"coding": [{"code": "OPTIN"}]}, "provision": {"type": "deny", "actor": [actor]},
    }  # fmt: skip
    return json.dumps(consent).encode()


def revocation(count: int, where: tuple[dict[str, str], subprocess.Popen[bytes], subprocess.Popen[str]], data: Path) -> None:
    """Locks written one after the other while messages flow: from the request to the answer, which is when a lock is in force."""
    addresses = where[0]
    token = subprocess.run(
        [sys.executable, "-m", "hub", "token", "--as", "admin", "--data", str(data)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    headers = {"Authorization": f"Bearer {token.stdout.strip()}", "Content-Type": "application/fhir+json"}
    port = addresses["mllp"].rsplit(":", 1)[1]
    seconds: list[float] = []
    with subprocess.Popen([sys.executable, "-m", "bench.peers", port, "8", "100", "15"], cwd=ROOT, stdout=subprocess.DEVNULL) as flow:
        for number in range(count):
            request = urllib.request.Request(
                f"http://{addresses['http']}/fhir/Consent/bench-{number}", lock_of(number), headers, method="PUT"
            )
            started = time.perf_counter()
            with urllib.request.urlopen(request, timeout=30) as answer:
                answer.read()
            seconds.append(time.perf_counter() - started)
            time.sleep(0.05)
        flow.wait()
    seconds.sort()
    line = {
        "bench": "revocation",
        "messages_per_s": 100,
        "locks": count,
        "p50_ms": round(seconds[count // 2] * 1e3, 1),
        "p99_ms": round(seconds[int(count * 0.99)] * 1e3, 1),
    }
    print(json.dumps(line), flush=True)


def main() -> None:
    """The saturated run and the calm one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1500)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--small-rate", type=float, default=200)
    options = parser.parse_args()
    with subprocess.Popen(
        [sys.executable, "-m", "bench.receivers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as receivers:
        assert receivers.stdout is not None
        ports = json.loads(receivers.stdout.readline())
        config = HOSPITAL + "".join(PROVIDER.format(id=f"r{n}", port=p) for n, p in enumerate(ports))
        with hub(config) as (addresses, process):
            where = (addresses, process, receivers)
            scenario("warm-up", options.small_rate, 5, 8, where)
            scenario("calm", options.small_rate, min(options.seconds, 30), 16, where)
            scenario("gateway_1000", 1000, 10, 16, where)
            scenario("sustained", options.rate, options.seconds, options.connections, where)
            scenario("saturated", 0, min(options.seconds, 20), 64, where)
            revocation(100, where, Path(addresses["data"]))
        receivers.stdin.close()  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
