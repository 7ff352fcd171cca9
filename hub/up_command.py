"""The command ``hub up``: start, prepare, play if asked, stay, stop."""

import argparse
import importlib
import json
import signal
import sys
import threading
from dataclasses import replace
from typing import Any, Final

from hub import up
from hub.config import ConfigError
from hub.errors import Faulted
from hub.stack.folder import Folder
from hub.stack.supervise import StackError
from hub.wiring import demo_config, now_us, read, unavailable

DONE: Final = 0
NOT_HELD: Final = 1


def run(given: argparse.Namespace) -> int:
    """``hub up`` to its end; the exit code. Raises StackError, ConfigError.

    With ``--json`` people's lines go to standard error, and standard output has JSON lines: where everything is once it is ready, and what
    came of the day if one was played; with ``--once`` only that.
    """
    is_demo = given.demo or given.once
    found = read(given.config, {"data": str(given.data or ""), "mllp": given.mllp or "", "http": given.http or ""}, demo_config())
    if is_demo and found.settings.tls_client_ca:
        raise ConfigError(["the day is played by senders without certificates: leave out HUB_TLS_CLIENT_CA, or --demo"])
    folder = Folder.hold(found.settings.data)
    people = sys.stderr if given.json else sys.stdout
    running = up.Up(folder, found, lambda line: print(line, file=people, flush=True))
    running.change(data=folder.path)
    up.on_signals()
    try:
        return _run(running, given, is_demo=is_demo)
    except up.Stopped:
        running.say("stopping ...")
        return DONE
    except Faulted as exc:
        raise StackError(unavailable(exc.cause, running.settings)) from exc
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # stopping is bounded by itself
        running.stop()
        folder.release()


def _run(running: up.Up, given: argparse.Namespace, *, is_demo: bool) -> int:
    warm = threading.Thread(target=importlib.import_module, args=("hub.prepare",), daemon=True)
    warm.start()  # while the servers start
    if given.prepare:
        up.start_servers(running)
        from hub.prepare import prepare  # noqa: PLC0415

        prepare(running.found)
        return DONE
    up.choose_doors(running)
    up.start_servers(running)
    if is_demo:
        return _play(running, given)
    _open(running)
    _tell(given, _addresses(running))
    return up.run_watching(running, None)


def _play(running: up.Up, given: argparse.Namespace) -> int:
    """A day in the region; then the end, or on until stopped."""
    from hub.demo.login import start_identity  # noqa: PLC0415 - only who plays loads the players
    from hub.demo.stage import Stage, play_day  # noqa: PLC0415

    stage = Stage(running.found.providers)
    wrong: list[str] = []
    try:
        if not given.once:
            start_identity(running)
        running.found = replace(running.found, providers=stage.providers)
        _open(running)
        addresses = _addresses(running)
        if not given.once:
            _tell(given, addresses)
        day = running.folder.next_day()

        def work() -> int:
            wrong.extend(play_day(running.settings, stage, day, now_us, running.say, running.tls))
            return NOT_HELD if wrong else DONE

        code = up.run_watching(running, work)
        _tell(given, {"day": day, "held": not wrong, "differences": wrong})
        if given.once:
            return code
        _addresses(running)
        return up.run_watching(running, None)
    finally:
        stage.close()


def _open(running: up.Up) -> None:
    """Everything ready."""
    from hub.prepare import check_doors, keep_promise, prepare  # noqa: PLC0415 - loaded beside the start of the servers

    if not running.settings.promise:
        check_doors(running.settings, "gateway", "web")
    prepare(running.found)
    for line in keep_promise(running.settings):
        running.say(f"!! {line}")
    up.start_processes(running)


def _addresses(running: up.Up) -> dict[str, str]:
    """Say where everything is; the same for a program."""
    settings = running.settings
    web = f"{up.scheme(running.tls)}://{up.reachable(settings.http)}"
    running.say(f"MLLP          {settings.mllp}{' (TLS)' if running.tls else ''}")
    running.say(f"FHIR          {web}/fhir")
    running.say(f"metrics       {web}/metrics   page {web}/")
    running.say(f"patients      {web}/me{'' if settings.oidc_issuer else '   (nobody can log in: HUB_OIDC_ISSUER is not set)'}")
    running.say(f"data          {running.folder.path}")
    running.say("the hub is ready; Ctrl-C stops it")
    return {
        "mllp": settings.mllp,
        "fhir": f"{web}/fhir",
        "metrics": f"{web}/metrics",
        "page": f"{web}/",
        "patients": f"{web}/me",
        "data": str(running.folder.path),
    }


def _tell(given: argparse.Namespace, facts: dict[str, Any]) -> None:
    if given.json:
        print(json.dumps(facts, ensure_ascii=False), flush=True)
