"""What a hospital's FHIR server pushes, in the parts that tests put together."""

import json
from typing import Any

from hub.adapters.fhir import parts, submission
from hub.identity import FNR

KARI, OLA, UNA = "15076500565", "13116900216", "70019950032"
BASE = "https://ehr.example/fhir/"
SENDER = "st-olavs"
Json = dict[str, Any]


def entry(resource: Json, method: str = "PUT", name: str = "") -> Json:
    """An entry of a transaction; its fullUrl is the server's own unless given."""
    url = name or (f"{BASE}{resource['resourceType']}/{resource['id']}" if "id" in resource else "")
    return ({"fullUrl": url} if url else {}) | {"resource": resource, "request": {"method": method, "url": resource["resourceType"]}}


def bundle(*entries: Json, shape: str = "transaction", **more: Any) -> Json:
    """A Bundle of entries, or of resources put with PUT."""
    made = [entry(e) if "resourceType" in e else e for e in entries]
    return {"resourceType": "Bundle", "type": shape, "timestamp": "2026-11-20T08:30:00Z", "entry": made} | more


def patient(key: str = "1", number: str = KARI, **more: Any) -> Json:
    return {"resourceType": "Patient", "id": key, "identifier": [{"system": FNR, "value": number}], "name": [{"family": "Moen"}]} | more


def to(key: str, kind: str = "Patient") -> Json:
    return {"reference": f"{kind}/{key}"}


def stay(key: str = "5", of: str = "1", status: str = "in-progress", code: str = "IMP", **more: Any) -> Json:
    made = {"resourceType": "Encounter", "id": key, "status": status, "class": {"code": code}, "subject": to(of)}
    return made | more


def result(key: str = "7", of: str = "1", **more: Any) -> Json:
    made: Json = {"resourceType": "Observation", "id": key, "status": "final", "code": {"text": "Hb"}, "subject": to(of)}
    return made | more


def raw_of(made: Json) -> bytes:
    return json.dumps(made, ensure_ascii=False).encode()


def split(made: Json | bytes, sender: str = SENDER) -> parts.Split:
    """What becomes of a body."""
    return parts.split(submission.read(made if isinstance(made, bytes) else raw_of(made)), sender)


def kinds(found: parts.Split) -> list[tuple[str, tuple[int, ...]]]:
    """(kind, changes told of) of every message."""
    return [(part.kind.value, part.changes) for part in found.parts]


def types(part: parts.Part) -> list[str]:
    """The types of the resources of a message."""
    return [e["resource"]["resourceType"] for e in json.loads(part.raw)["entry"]]


def told(resource: Json, method: str = "PUT") -> list[str]:
    """The kinds of event that a resource and its patient, pushed together, mean."""
    return [part.kind.value for part in split(bundle(patient(), entry(resource, method))).parts]
