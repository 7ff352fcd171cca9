"""The command ``hub up``: start, prepare, play if asked, stay, stop."""

import argparse
import importlib
import signal
import threading
from dataclasses import replace

from hub import up
from hub.config import ConfigError
from hub.stack.folder import Folder
from hub.wiring import now_us, read

DONE = 0


def run(given: argparse.Namespace) -> int:
    """``hub up`` to its end; the exit code. Raises StackError, ConfigError, Faulted."""
    is_demo = given.demo or given.once
    if is_demo and given.config:
        raise ConfigError(["the day is played in a region of its own: leave out --config, or --demo"])
    found = read(given.config, {"data": str(given.data or ""), "mllp": given.mllp, "http": given.http})
    folder = Folder.hold(found.settings.data)
    running = up.Up(folder, found, lambda line: print(line, flush=True))
    running.change(data=folder.path)
    up.on_signals()
    try:
        return _run(running, given, is_demo=is_demo)
    except up.Stopped:
        running.say("stopping ...")
        return DONE
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
    if not is_demo:
        _open(running)
        return up.run_watching(running, None)
    from hub.demo.stage import Stage, play_day  # noqa: PLC0415 - only who plays loads the players

    stage = Stage(running.found.providers)
    try:
        running.found = replace(running.found, providers=stage.providers)
        _open(running)
        day = running.folder.next_day()
        code = up.run_watching(running, lambda: play_day(running.settings, stage, day, now_us, running.say))
        if given.once:
            return code
        _addresses(running)
        return up.run_watching(running, None)
    finally:
        stage.close()


def _open(running: up.Up) -> None:
    """Everything ready, and said."""
    from hub.prepare import keep_promise, prepare  # noqa: PLC0415 - loaded beside the start of the servers

    prepare(running.found)
    keep_promise(running.settings)
    up.start_processes(running)
    _addresses(running)


def _addresses(running: up.Up) -> None:
    http = up.reachable(running.settings.http)
    running.say(f"MLLP          {running.settings.mllp}")
    running.say(f"FHIR          http://{http}/fhir")
    running.say(f"metrics       http://{http}/metrics   page http://{http}/")
    running.say(f"data          {running.folder.path}")
    running.say("the hub is ready; Ctrl-C stops it")
