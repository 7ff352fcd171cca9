"""R4's invariants that a model of its types does not check, by the names the specification gives them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
_MEALS = {"C", "CM", "CD", "CV"}
_TIMELESS = {"proposed", "cancelled", "waitlist"}


def broken(bundle: Json) -> list[str]:
    """The invariants that a Bundle breaks: ``obs-6 at entry[3].resource``."""
    return list(_walk(bundle, ""))


def _walk(value: Any, path: str) -> Iterator[str]:
    if value in ({}, [], "", None):
        yield f"ele-1 at {path}"
    elif isinstance(value, list):
        for n, v in enumerate(value):
            yield from _walk(v, f"{path}[{n}]")
    elif isinstance(value, dict):
        yield from (f"{name} at {path}" for name, is_kept in _kept(value, path.rpartition(".")[2].partition("[")[0]) if not is_kept)
        for key, v in value.items():
            yield from _walk(v, f"{path}.{key}" if path else key)


def _kept(value: Json, name: str) -> Iterator[tuple[str, bool]]:
    """Each invariant that concerns an element of this shape, and whether it holds."""
    kind = value.get("resourceType", "")
    if kind in _RESOURCES:
        yield from _RESOURCES[kind](value)
    for is_one, check in _SHAPES:
        if is_one(value, name):
            yield from check(value)


def _code(value: Json, element: str) -> str:
    return str(next((c.get("code", "") for c in value.get(element, {}).get("coding", ())), ""))


def _observation(r: Json) -> Iterator[tuple[str, bool]]:
    has_value = any(k.startswith("value") for k in r)
    yield "obs-6", not ("dataAbsentReason" in r and has_value)
    yield "obs-7", not (has_value and any(c["code"] == r["code"] for c in r.get("component", ())))


def _service_request(r: Json) -> Iterator[tuple[str, bool]]:
    yield "prr-1", "orderDetail" not in r or "code" in r


def _appointment(r: Json) -> Iterator[tuple[str, bool]]:
    yield "app-1", all("actor" in p or "type" in p for p in r["participant"])
    yield "app-2", ("start" in r) == ("end" in r)
    yield "app-3", "start" in r or r["status"] in _TIMELESS
    yield "app-4", "cancelationReason" not in r or r["status"] in {"cancelled", "noshow"}


def _condition(r: Json) -> Iterator[tuple[str, bool]]:
    verified, clinical = _code(r, "verificationStatus"), _code(r, "clinicalStatus")
    is_listed = any(c.get("code") == "problem-list-item" for kind in r.get("category", ()) for c in kind.get("coding", ()))
    yield "con-3", clinical != "" or verified == "entered-in-error" or not is_listed
    yield "con-4", not any(k.startswith("abatement") for k in r) or clinical in {"inactive", "resolved", "remission"}
    yield "con-5", verified != "entered-in-error" or clinical == ""


def _immunization(r: Json) -> Iterator[tuple[str, bool]]:
    yield "imm-1", all("documentType" in e or "reference" in e for e in r.get("education", ()))


def _organization(r: Json) -> Iterator[tuple[str, bool]]:
    yield "org-1", bool({"name", "_name", "identifier"} & r.keys())
    yield "org-2", all(a.get("use") != "home" for a in r.get("address", ()))
    yield "org-3", all(t.get("use") != "home" for t in r.get("telecom", ()))


_RESOURCES: dict[str, Callable[[Json], Iterator[tuple[str, bool]]]] = {
    "Observation": _observation, "ServiceRequest": _service_request, "Appointment": _appointment, "Condition": _condition,
    "Immunization": _immunization, "Organization": _organization,
}  # fmt: skip


def _moments(*texts: str) -> list[datetime]:
    """Comparable: to the precision of the least precise, which in FHIRPath decides or leaves it open."""
    size = min(len(t) for t in texts)
    if size <= len("2026-11-20"):
        return [datetime.fromisoformat((t[:size] + "-01-01")[:10] + "T00:00:00+00:00") for t in texts]
    return [datetime.fromisoformat(t) for t in texts]


def _period(v: Json) -> Iterator[tuple[str, bool]]:
    start, end = _moments(v["start"], v["end"])
    yield "per-1", start <= end


def _extension(v: Json) -> Iterator[tuple[str, bool]]:
    yield "ext-1", ("extension" in v) != any(k.startswith(("value", "_value")) for k in v)


def _quantity(v: Json) -> Iterator[tuple[str, bool]]:
    yield "qty-3", "code" not in v or "system" in v


def _range(v: Json) -> Iterator[tuple[str, bool]]:
    low, high = (v.get(k, {}).get("value") for k in ("low", "high"))
    yield "rng-2", low is None or high is None or Decimal(str(low)) <= Decimal(str(high))
    yield "sqty-1", not any("comparator" in v.get(k, {}) for k in ("low", "high"))


def _attachment(v: Json) -> Iterator[tuple[str, bool]]:
    yield "att-1", "data" not in v or "contentType" in v


def _contact_point(v: Json) -> Iterator[tuple[str, bool]]:
    yield "cpt-2", "value" not in v or "system" in v


def _ratio(v: Json) -> Iterator[tuple[str, bool]]:
    yield "rat-1", ("numerator" in v) == ("denominator" in v)


def _reference(v: Json) -> Iterator[tuple[str, bool]]:
    yield "ref", bool({"reference", "identifier", "display"} & v.keys())


def _repeat(v: Json) -> Iterator[tuple[str, bool]]:
    yield "tim-1", ("duration" in v) <= ("durationUnit" in v)
    yield "tim-2", ("period" in v) <= ("periodUnit" in v)
    yield "tim-4", Decimal(str(v.get("duration", 0))) >= 0
    yield "tim-5", Decimal(str(v.get("period", 0))) >= 0
    yield "tim-8", ("countMax" in v) <= ("count" in v)
    yield "tim-9", "offset" not in v or ("when" in v and not _MEALS & set(v["when"]))
    yield "tim-10", not ("timeOfDay" in v and "when" in v)


_SHAPES: tuple[tuple[Callable[[Json, str], bool], Callable[[Json], Iterator[tuple[str, bool]]]], ...] = (
    (lambda v, n: n.lower().endswith("period") and {"start", "end"} <= v.keys(), _period),
    (lambda v, n: n in {"extension", "modifierExtension"} and "url" in v, _extension),
    (lambda v, _: bool({"value", "unit"} & v.keys()) and "resourceType" not in v and "code" in v, _quantity),
    (lambda v, n: n.endswith("Range") and n != "referenceRange" and bool({"low", "high"} & v.keys()), _range),
    (lambda v, n: n.lower().endswith("attachment"), _attachment),
    (lambda v, n: n in {"telecom", "valueContactPoint"}, _contact_point),
    (lambda v, n: bool({"numerator", "denominator"} & v.keys()), _ratio),
    (lambda v, n: n in {"subject", "actor", "who", "performer", "individual", "valueReference", "requester"} and "resourceType" not in v
     and not {"actor", "function"} & v.keys(), _reference),
    (lambda v, n: n == "repeat", _repeat),
)  # fmt: skip
