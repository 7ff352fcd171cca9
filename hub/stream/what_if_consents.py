"""The consents of a file that ``hub what-if`` is asked about: one FHIR Consent, a Bundle of them, or one a line."""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from hub.config import ConfigError
from hub.consent.fhir import consent_from_fhir
from hub.errors import Rejected
from hub.identity import Pseudonyms
from hub.ledger.connect import Conn
from hub.ledger.secret import is_another
from hub.ledger.versions import owners_of, versions_of
from hub.model import Consent, Identifier
from hub.routing.directory import Directory

_OTHER: Final = "the secret is not the one this ledger's patients are hashed with, so no consent would match: set HUB_SECRET to that one"

Resources = list[Mapping[str, Any]]


def read_resources(file: Path) -> Resources:
    """The resources of the file; what each is, is not judged here. Raises ConfigError."""
    try:
        text = file.read_text("utf-8-sig")
    except OSError as exc:
        raise ConfigError([f"{file}: cannot be read: {exc.strerror}; write the path of a JSON file"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{file}: not UTF-8; save the file as UTF-8"]) from None
    found = [resource for value in _values(text, file) for resource in _inside(value)]
    if not found:
        raise ConfigError([f"{file}: no Consent in it; write a FHIR Consent, a Bundle of them, or one a line"])
    return found


def _values(text: str, file: Path) -> list[object]:
    """One JSON value, or one a line."""
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        raise ConfigError([f"{file}: no JSON; write a FHIR Consent, a Bundle of them, or one a line"]) from None


def _inside(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping) and value.get("resourceType") == "Bundle":
        entries = value.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            yield from _inside(entry.get("resource") if isinstance(entry, Mapping) else None)
    elif isinstance(value, Mapping):
        yield value


def proposed(conn: Conn, resources: Resources, directory: Directory, pseudonyms: Pseudonyms, file: Path) -> dict[str, tuple[Consent, ...]]:
    """Patient key, as it stands in the messages -> the consents, each as the next version of its own. Raises ConfigError, Faulted."""
    if is_another(conn, pseudonyms.check()):
        raise ConfigError([_OTHER])
    read = _read(resources, directory, file, versions_of(conn, [str(resource.get("id")) for resource in resources]))
    keys = {consent.id: pseudonyms.locks_of_consent(patient) for consent, patient in read}
    owners = owners_of(conn, {key for several in keys.values() for key in several})
    found: dict[str, tuple[Consent, ...]] = {}
    for consent, _ in read:
        for patient_key in _patients(keys[consent.id], owners):
            found[patient_key] = (*found.get(patient_key, ()), consent)
    return found


def _patients(lock_keys: Collection[str], owners: Mapping[str, Collection[str]]) -> set[str]:
    return {patient_key for key in lock_keys for patient_key in owners.get(key, ())}


def _read(resources: Resources, directory: Directory, file: Path, versions: Mapping[str, int]) -> list[tuple[Consent, Identifier]]:
    """Every mistake is told at once, by the consent's place in the file and the element's in the consent."""
    read: list[tuple[Consent, Identifier]] = []
    lines, ids = list[str](), set[str]()
    for n, resource in enumerate(resources, 1):
        try:
            consent, patient = consent_from_fhir(resource, versions.get(str(resource.get("id")), 0) + 1, directory)
        except Rejected as exc:
            lines.append(f"{file}: Consent {n}: {exc.reason.value} at {exc.where}")
            continue
        if consent.id in ids:
            lines.append(f'{file}: Consent {n}: "{consent.id}" stands there already; leave one of them')
        ids.add(consent.id)
        read.append((consent, patient))
    if lines:
        raise ConfigError(lines)
    return read
