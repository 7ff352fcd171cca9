"""``hub check-message``: a sender's messages judged before it is connected. Needs no server."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hub.adapters.fhir import check as fhir
from hub.adapters.finding import Judged
from hub.adapters.hl7v2.check import judge as hl7v2
from hub.adapters.profile import Profile, Terms, read_profile
from hub.config import ConfigError
from hub.settings import Settings
from hub.stream.message_report import Report, Source, report, text, to_json
from hub.stream.translate_tool import messages

DONE: Final = 0
BAD_INPUT: Final = 65  # sysexits EX_DATAERR
NO_MESSAGE: Final = "no HL7 v2 message (a line that starts with MSH) and no FHIR Bundle in it"


def check_messages(files: Sequence[Path], profile: Path | None, settings: Settings, *, as_json: bool) -> int:
    """Judge every message of the files and print what was found; the exit code: 65 when the hub would refuse one. Raises ConfigError."""
    agreed = _profile(profile)
    found = judged(list(_sources(files)), terms(settings, agreed))
    if as_json:
        sys.stdout.write(json.dumps(to_json(found, agreed.name), ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(text(found, agreed.name))
    return BAD_INPUT if found.is_refused else DONE


def terms(settings: Settings, profile: Profile) -> Terms:
    """The settings of the hub's doors, and what this sender agreed."""
    processing_ids = frozenset(settings.processing_ids)
    limits = (settings.frame_bytes_max, settings.segments_max)
    return Terms(settings.undeclared_encoding, processing_ids, settings.person_numbers, *limits, profile)


def judged(sources: Sequence[Source], by: Terms) -> Report:
    """Every message judged, as one report. Pure."""
    return report([(source, _judge(source.raw, by)) for source in sources], by.profile)


def _judge(raw: bytes, by: Terms) -> Judged:
    return fhir.judge(raw, by) if raw[:1] in (b"{", b"[") else hl7v2.judge(raw, by)


def _sources(files: Sequence[Path]) -> Iterator[Source]:
    for path in files:
        try:
            raw = path.read_bytes()
        except OSError as exc:
            raise ConfigError([f"{path}: {exc.strerror or 'cannot be read'}"]) from None
        found = messages(raw)
        if not found:
            raise ConfigError([f"{path}: {NO_MESSAGE}"])
        yield from (Source(path.name, number, part) for number, part in enumerate(found, 1))


def _profile(path: Path | None) -> Profile:
    if path is None:
        return Profile()
    try:
        return read_profile(path.read_text("utf-8"))
    except OSError as exc:
        raise ConfigError([f"{path}: {exc.strerror or 'cannot be read'}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: not a text in UTF-8"]) from None
