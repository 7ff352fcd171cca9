"""Money: PID-18 and MRG-3 as Account with its coverages and guarantors (BAR, and wherever a message names one), FT1 as ChargeItem (DFT)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, put, table_concept
from hub.adapters.hl7v2.mappings.quantities import number
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply
from hub.adapters.hl7v2.mappings.times import date_time

_STATUS: Final[Mapping[str, str]] = MappingProxyType({"P02": "inactive", "P06": "inactive"})  # purged, ended; else active
_CHARGE: Final[Mapping[str, str]] = MappingProxyType({"CG": "billable", "CD": "not-billable"})  # table 0017: charge, credit
_CURRENCY_LENGTH: Final = 3


def account(draft: Draft, subject: Json, visit: Json) -> Json:
    """Add the Account of PID-18; gives the Reference, ``{}`` when there is none. The visit is settled on it."""
    raw = draft.content.field("PID", 18)
    identifier = datatypes.cx(draft.text.repetitions(raw)[0], draft.text) if datatypes.is_said(raw) and draft.text.repetitions(raw) else {}
    if not identifier:
        return {}
    made: Json = {
        "resourceType": "Account",
        "identifier": [identifier],
        "status": _STATUS.get(draft.trigger, "active"),
        "subject": [subject],
    }
    reference = draft.keep(("account",), draft.add("PID-18", made))
    if visit:
        draft.resource(visit)["account"] = [reference]
    return reference


def merged(draft: Draft, subject: Json) -> None:
    """MRG-3: the account that was the retired record's."""
    for n, mrg in enumerate(draft.content.segments("MRG")):
        numbers = [i for raw in draft.text.repetitions(mrg.field(3)) if (i := datatypes.cx(raw, draft.text))] if mrg.field(3) else []
        if numbers:
            draft.add(f"MRG[{n}]-3", {"resourceType": "Account", "identifier": numbers, "status": "unknown", "subject": [subject]})


def settled(draft: Draft, coverages: list[Json], guarantors: list[Json]) -> None:
    """The coverages and guarantors of the message's account."""
    reference = draft.known(("account",))
    if not reference:
        return
    made = draft.resource(reference)
    put(made, "coverage", [{"coverage": c, "priority": n} for n, c in enumerate(coverages, 1)])
    put(made, "guarantor", guarantors)


def _performs(reference: Json) -> Json:
    return {"actor": reference}


def _posted(raw: str, t: Text) -> str:
    return date_time(t.at(datatypes.leaf(raw, t)))


def money(raw: str, t: Text) -> Json:
    """CP, MO -> Money."""
    quantity, currency = [*(t.leaf(p) for p in t.raw(raw, 1).split(t.subcomponent)), "", ""][:2]
    currency = currency or t.part(t.parts(raw), 2)
    value = number(quantity)
    out: Json = {"value": value} if value else {}
    if value and len(currency) == _CURRENCY_LENGTH and currency.isalpha():
        out["currency"] = currency.upper()
    return out


def _transaction(raw: str, t: Text) -> Json:
    parts = t.parts(raw)
    value = t.part(parts, 1)
    return {"value": value, "type": {"text": "transaction id"}} if value else {}


def _quantity(raw: str, t: Text) -> Json:
    value = number(t.leaf(raw))
    return {"value": value} if value else {}


FT1: Final[Rows] = (
    Row(2, "identifier", _transaction, many=True),
    Row(5, "enteredDate", _posted),
    Row(7, "code", table_concept("0132")),
    Row(10, "quantity", _quantity),
    Row(11, "priceOverride", money),
    Link(13, "costCenter", actors.xon, many=False),
    Row(19, "reason", datatypes.concept(""), many=True),
    Link(20, "performer", actors.xcn, _performs),
    Link(24, "enterer", actors.xcn, many=False),
)


def charge(draft: Draft, ft1: Segment, subject: Json, visit: Json, place: str) -> Json:
    """Add the ChargeItem of an FT1; gives the Reference."""
    t = draft.text
    made: Json = {"resourceType": "ChargeItem", "status": _CHARGE.get(datatypes.leaf(ft1.field(6), t), "unknown"), "subject": subject}
    put(made, "context", visit)
    apply(FT1, ft1, made, draft, place)
    if "code" not in made:
        described = t.leaf(ft1.field(8))
        made["code"] = {"text": described or "unknown"}
    made |= _when(ft1.field(4), t)
    known = draft.known(("account",))
    put(made, "account", [known] if known else [])
    _ordered(draft, ft1, made, place)
    return draft.add(place, made)


def _when(raw: str, t: Text) -> Json:
    parts = t.parts(raw)
    start, end = date_time(t.at(t.part(parts, 1))), date_time(t.at(t.part(parts, 2)))
    if start and end and start != end:
        return {"occurrencePeriod": {"start": start, "end": end}}
    return {"occurrenceDateTime": start} if start else {}


def _ordered(draft: Draft, ft1: Segment, made: Json, place: str) -> None:
    """FT1-21 asked for it, FT1-30 and 31 are the ones who performed and requested it as organisations, FT1-25 is what was done."""
    t = draft.text
    performing, requesting = (next(iter(t.repetitions(ft1.field(n))), "") for n in (30, 31))
    put(made, "performingOrganization", draft.linked(actors.xon, performing, f"{place}-30") if performing else {})
    put(made, "requestingOrganization", draft.linked(actors.xon, requesting, f"{place}-31") if requesting else {})
    done = datatypes.cwe(next(iter(t.repetitions(ft1.field(25))), ""), t) if ft1.field(25) else {}
    if done:
        subject = {"subject": made["subject"]} | ({"encounter": made["context"]} if "context" in made else {})
        procedure: Json = {"resourceType": "Procedure", "status": "unknown", "code": done} | subject
        made["service"] = [draft.add(f"{place}-25", procedure)]
    product = datatypes.cwe(next(iter(t.repetitions(ft1.field(29))), ""), t) if ft1.field(29) else {}
    put(made, "productCodeableConcept", product)
