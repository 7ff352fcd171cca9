"""The command line: argument parsing only.

Exit codes: 0 done, 1 not everything was accepted or held, 64 wrong usage, 65 bad input, 69 a needed service is down.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from typing_extensions import override

USAGE: Final = 64
BAD_INPUT: Final = 65
UNAVAILABLE: Final = 69
_UNITS_US: Final = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000}
_SPAN_DIGITS: Final = 6
PROCESSES: Final = {
    "gateway": "take messages in by MLLP",
    "transit": "decide, route and record",
    "delivery": "deliver to the providers",
    "pathway": "follow each patient's episode",
    "web": "FHIR API, operator's page, health and metrics",
}


class _Parser(argparse.ArgumentParser):
    @override
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"hub: {message}\n")


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output: JSON on standard output")
    common.add_argument(
        "--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="TOML file with [hub], [[provider]], [[subscription]]"
    )
    common.add_argument("--data", type=Path, default=argparse.SUPPRESS, metavar="DIR", help="the data folder (default .hub)")
    top = _Parser(prog="hub", description="An event-driven hub between care providers.", parents=[common])
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[common])

    _up(command("up", "all processes and the local stack on this machine"))
    for name, text in PROCESSES.items():
        command(name, f"one process alone: {text}")
    _send(command("send", "send the messages of files by MLLP; exit 1 if one was not accepted"))
    _receive(command("receive", "receive by MLLP: one file a message, JSON lines on standard output"))
    translate = command("translate", "what the hub makes of a message, without sending it")
    translate.add_argument("file", type=Path, metavar="FILE")
    translate.add_argument("--to", choices=("event", "fhir", "hl7v2", "kith"), required=True)
    _watch_folder(command("watch-folder", "take in the KITH documents that are dropped into a folder"))
    judged = command("check-message", "judge a sender's messages before it is connected; exit 65 if the hub would refuse one")
    judged.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file may hold many HL7 v2 messages, or one FHIR Bundle")
    judged.add_argument("--profile", type=Path, metavar="FILE", help="TOML file of what was agreed with this sender")
    trace = command("trace", "a message's whole life")
    trace.add_argument("id", metavar="ID", help="control id, event id, Bundle id or MsgId")
    _what_if(command("what-if", "who would gain and who would lose which events under other entries or consents; exit 1 if anybody would"))
    command("check", "every setting that breaks a sentence of the promise")
    _quarantine(command("quarantine", "messages that were refused or could not be decided"), common)
    _audit(command("audit", "the record of decisions and disclosures as evidence"), common)
    kept = command("retention", "which messages are old enough to let their bytes go (HUB_KEEP_MESSAGE_DAYS); the record stays")
    kept.add_argument("--apply", action="store_true", help="let them go, for good (default: only tell)")
    token = command("token", "a bearer token for the local stack")
    token.add_argument("--as", dest="principal", required=True, metavar="WHO", help="admin, patient:<id> or provider:<id>")
    return top


def _port(text: str) -> int:
    from hub.settings import PORT_MAX, is_port  # noqa: PLC0415 - `hub --help` loads nothing

    if not is_port(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a whole number from 0 to {PORT_MAX}")
    return int(text)


def _address(text: str) -> str:
    from hub.settings import is_address  # noqa: PLC0415

    if not is_address(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return text


def _up(p: argparse.ArgumentParser) -> None:
    p.add_argument("--mllp", type=_address, metavar="HOST:PORT", help="where MLLP listens (port 0: any)")
    p.add_argument("--http", type=_address, metavar="HOST:PORT", help="where HTTP listens (port 0: any)")
    p.add_argument("--demo", action="store_true", help="play a day in the region")
    p.add_argument("--once", action="store_true", help="play the day, check every expected outcome, end; exit 0 only if all held")
    p.add_argument("--prepare", action="store_true", help="make tables, topics and the directory, start nothing, end")


def _send(p: argparse.ArgumentParser) -> None:
    p.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file may hold many messages")
    p.add_argument("--to", type=_address, required=True, metavar="HOST:PORT")
    p.add_argument("--rate", type=float, default=0.0, metavar="N", help="messages a second (default: as fast as they are answered)")
    p.add_argument("--connections", type=int, default=1, metavar="N")


def _receive(p: argparse.ArgumentParser) -> None:
    p.add_argument("--port", type=_port, required=True, metavar="N", help="0: any")
    p.add_argument("--host", default="127.0.0.1", help="the address to listen on (default 127.0.0.1: this machine only; 0.0.0.0: any)")
    p.add_argument("--out", type=Path, metavar="DIR")
    p.add_argument("--answer", choices=("AA", "AE", "AR", "late", "never"), default="AA")


def _span_us(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS_US or not (number.isascii() and number.isdigit() and 0 < len(number) < _SPAN_DIGITS and int(number)):
        raise argparse.ArgumentTypeError(f"{text!r} is no time to look back on: a whole number and d, h or m, such as 30d")
    return int(number) * _UNITS_US[unit]


def _what_if(p: argparse.ArgumentParser) -> None:
    p.add_argument("--policy", type=Path, metavar="FILE", help="TOML file with the [[provider]] and [[subscription]] entries to try")
    p.add_argument("--consents", type=Path, metavar="FILE", help="FHIR Consents to try: one, a Bundle of them, or one a line")
    p.add_argument("--since", type=_span_us, default="30d", metavar="SPAN", help="how far to look back: 30d, 12h, 90m (default 30d)")


def _watch_folder(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "folder", type=Path, metavar="DIR", help="taken files move to DIR/done, refused ones to DIR/refused, each with its receipt"
    )
    p.add_argument("--as", dest="provider", default="", metavar="PROVIDER", help="whose folder it is (default: whoever each message names)")
    p.add_argument("--once", action="store_true", help="take what is there and end; exit 1 if something was refused")


def _quarantine(p: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="messages that were refused, and deliveries that wait for a person", parents=[common])
    works = {
        "show": "one of them",
        "redrive": "put a message through the hub again, or try a delivery again",
        "release": "give a parked delivery up, so that the patient's later ones go on",
    }
    for name, text in works.items():
        work = actions.add_parser(name, help=text, parents=[common])
        work.add_argument("id", metavar="ID")
        if name == "show":
            work.add_argument("--raw", action="store_true", help="the message's bytes: patient data")


def _audit(p: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="is it whole; exit 1 with what is wrong, and where", parents=[common])
    verify.add_argument(
        "--checkpoints", type=Path, action="append", default=[], metavar="FILE",
        help="checkpoints that were shipped away (default: those in the data folder); may be repeated",
    )  # fmt: skip
    verify.add_argument(
        "--key", type=Path, action="append", default=[], metavar="FILE",
        help="public key their signatures are checked with (default: the data folder's); may be repeated",
    )  # fmt: skip
    actions.add_parser("checkpoint", help="sign where it ends now, and print that", parents=[common])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    given = parser().parse_args(argv)
    for name, default in (("json", False), ("config", None), ("data", None)):
        if not hasattr(given, name):
            setattr(given, name, default)
    from hub.commands import run  # noqa: PLC0415 - `hub --help` loads nothing

    return run(given)


if __name__ == "__main__":
    sys.exit(main())
