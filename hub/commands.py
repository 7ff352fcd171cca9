"""The bodies of the commands: read the settings, call the module that does it, turn failures into one line and an exit code."""

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable
from typing import Final

from hub.config import ConfigError
from hub.errors import Faulted, HubError
from hub.settings import Settings
from hub.stack.supervise import StackError
from hub.wiring import PREPARED, Configuration, NoServers, beside, named_config, now_us, read, unavailable

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 64
BAD_INPUT: Final = 65
UNAVAILABLE: Final = 69
INTERRUPTED: Final = 130
_NO_DOOR: Final = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES})

Given = argparse.Namespace
Command = Callable[[Given], int]


def run(given: Given) -> int:
    """One command, its failures told in one line each."""
    try:
        return COMMANDS[given.command](given)
    except ConfigError as exc:
        code, lines = BAD_INPUT, exc.lines
    except (StackError, NoServers) as exc:
        code, lines = UNAVAILABLE, (str(exc),)
    except Faulted as exc:
        code, lines = UNAVAILABLE, (unavailable(exc.cause, _in_force(given)),)
    except HubError as exc:
        code, lines = BAD_INPUT, (str(exc),)
    except BrokenPipeError:  # the reader of our output has gone: `hub trace ... | head`
        sys.stderr.close()
        code, lines = DONE, ()
    except KeyboardInterrupt:
        code, lines = INTERRUPTED, ()
    return _fail(code, *lines)


def _fail(code: int, *lines: str) -> int:
    for line in lines:
        print(f"hub: {line}", file=sys.stderr)
    return code


def _read(given: Given) -> Configuration:
    return read(given.config, {"data": str(given.data) if given.data else ""})


def _settings(given: Given) -> Settings:
    """For the commands that talk to a hub's servers: those named, or those of the hub that runs on the data folder."""
    return beside(_read(given)).settings


def _in_force(given: Given) -> Settings:
    """The settings a command that failed was under."""
    try:
        return _settings(given)
    except (ConfigError, NoServers):
        return Settings()


def _up(given: Given) -> int:
    from hub import up_command  # noqa: PLC0415 - each command loads what it uses and nothing else
    from hub.demo.play import DemoError  # noqa: PLC0415

    if (given.demo or given.once) and named_config(given.config):
        return _fail(USAGE, "the day is played in a region of its own: leave out --config (and HUB_CONFIG), or --demo")
    try:
        return up_command.run(given)
    except DemoError as exc:
        return _fail(UNAVAILABLE, str(exc))


def _process(given: Given) -> int:
    from hub import processes  # noqa: PLC0415

    found = _read(given)
    if not os.environ.get(PREPARED):  # a child of `hub up` has been handed every setting
        from hub.prepare import for_process  # noqa: PLC0415

        found = for_process(given.command, beside(found), lambda line: print(f"hub: !! {line}", file=sys.stderr))
    try:
        processes.run(given.command, found.settings)
    except OSError as exc:
        if exc.errno not in _NO_DOOR:
            raise
        return _fail(UNAVAILABLE, f"{given.command}: {exc.strerror}: set HUB_MLLP, HUB_HTTP or HUB_METRICS to an address that can be had")
    return DONE


def _token(given: Given) -> int:
    from hub.web.tokens import issue  # noqa: PLC0415

    try:
        token = issue(_read(given).settings.data, given.principal, now_us())
        print(json.dumps({"token": token}) if given.json else token)
    except ConfigError:  # the key, not the asker
        raise
    except ValueError as exc:
        return _fail(USAGE, str(exc))
    except OSError as exc:
        return _fail(UNAVAILABLE, f"cannot keep a key in the data folder ({exc.strerror}): choose another with --data DIR")
    return DONE


def _translate(given: Given) -> int:
    from hub.stream.translate_tool import translate  # noqa: PLC0415

    return translate(given.file, given.to, as_json=given.json, encoding=_read(given).settings.undeclared_encoding)


def _check_message(given: Given) -> int:
    from hub.stream.check_message_tool import check_messages  # noqa: PLC0415

    return check_messages(given.files, given.profile, _read(given).settings, as_json=given.json)


def _send(given: Given) -> int:
    from hub.stream.tools import send  # noqa: PLC0415

    return send(given.files, given.to, given.rate, given.connections, as_json=given.json)


def _receive(given: Given) -> int:
    from hub.stream.tools import receive  # noqa: PLC0415

    return receive(given.port, given.out, given.answer, host=given.host, clock=now_us)


def _trace(given: Given) -> int:
    from hub.stream.trace_tool import run_trace  # noqa: PLC0415

    return run_trace(_settings(given).database_url, given.id, as_json=given.json)


def _what_if(given: Given) -> int:
    from hub.stream.what_if_tool import Asked, what_if  # noqa: PLC0415

    if given.policy is None and given.consents is None:
        return _fail(USAGE, "what-if: name the entries to try with --policy FILE, or the consents with --consents FILE")
    now = now_us()
    return what_if(_settings(given), Asked(given.policy, given.consents, now - given.since, now), as_json=given.json)


def _quarantine(given: Given) -> int:
    from hub.processes import quarantine  # noqa: PLC0415

    return quarantine(_settings(given), given.action, getattr(given, "id", ""), as_json=given.json, with_raw=getattr(given, "raw", False))


def _audit(given: Given) -> int:
    from hub.stream.audit_tool import run_checkpoint, run_verify  # noqa: PLC0415

    settings = _read(given).settings
    settings = settings if settings.database_url else _settings(given)  # who only reads the ledger needs no broker
    if given.action == "checkpoint":
        return run_checkpoint(settings, now_us)
    return run_verify(settings, given.checkpoints, given.key, as_json=given.json)


def _retention(given: Given) -> int:
    from hub.stream.retention_tool import run_retention  # noqa: PLC0415

    return run_retention(_settings(given), now_us, apply=given.apply, as_json=given.json)


def _watch_folder(given: Given) -> int:
    from hub.processes import watch_folder  # noqa: PLC0415
    from hub.stream.watch_folder import TakenError  # noqa: PLC0415

    try:
        done, refused = watch_folder(_settings(given), given.folder, given.provider, once=given.once)
    except TakenError:
        return _fail(UNAVAILABLE, f"another process watches {given.folder}")
    except OSError as exc:
        return _fail(BAD_INPUT, f"{given.folder}: {exc.strerror or 'cannot be used'}")
    print(json.dumps({"done": done, "refused": refused}) if given.json else f"{done} taken, {refused} refused")
    return FAILED if refused and given.once else DONE


def _check(given: Given) -> int:
    from hub.stream.check_tool import run_check  # noqa: PLC0415
    from hub.web.tokens import KEY_FILE  # noqa: PLC0415

    settings = _settings(given)
    return run_check(settings, settings.data / KEY_FILE, as_json=given.json)


COMMANDS: Final[dict[str, Command]] = {
    "up": _up,
    "gateway": _process,
    "transit": _process,
    "delivery": _process,
    "pathway": _process,
    "web": _process,
    "send": _send,
    "receive": _receive,
    "translate": _translate,
    "trace": _trace,
    "audit": _audit,
    "retention": _retention,
    "what-if": _what_if,
    "watch-folder": _watch_folder,
    "check": _check,
    "check-message": _check_message,
    "quarantine": _quarantine,
    "token": _token,
}
