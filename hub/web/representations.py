"""``/admin/representations/{id}``: who may act for whom, as the population register or a court says. For admin tokens.

    {"patient": {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "...", "name": "...", "born": "2018-03-14"},
     "representative": {"system": "...", "value": "..."}, "basis": "parent" | "attorney" | "guardian",
     "from": "2026-01-01", "until": "2026-12-31", "protected": false, "withheld": false}

``from`` and ``until`` are days in Norwegian civil time, both inside it, and may be left out, and ``name`` and ``born`` too.
``guardian``: of someone unable to consent. ``protected``: one of the two has a protected address (code 6 or 7). ``withheld``: the child
does not want its parents to see.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hub.identity import canonical
from hub.ledger.representations import Basis, Representation, delete_representation, get_representation, put_representation
from hub.model import Identifier
from hub.numbers import has_national_checksum
from hub.web.access import require
from hub.web.answers import Unprocessable
from hub.web.body import read_object
from hub.web.citizen.plain import microseconds
from hub.web.citizen.times import OSLO
from hub.web.state import STATE, State
from hub.web.tokens import Role

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_DAY: Final = timedelta(days=1)
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class _Person(BaseModel):
    model_config = ConfigDict(extra="forbid")

    system: _Text
    value: _Text

    def identifier(self) -> Identifier:
        """As the hub knows it."""
        return canonical(self.system, self.value)


class _Patient(_Person):
    name: Annotated[str, StringConstraints(max_length=200)] = ""
    born: date | None = None


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str = ""
    patient: _Patient
    representative: _Person
    basis: Basis
    first: date | None = Field(None, alias="from")
    until: date | None = None
    protected: bool = False
    withheld: bool = False


def _id(request: web.Request) -> str:
    """The id of the address; it is shown in addresses, so it may not be a person's number. Raises HTTPNotFound."""
    found = request.match_info["id"]
    if not _ID.fullmatch(found) or has_national_checksum(found):
        raise web.HTTPNotFound
    return found


def _state(request: web.Request) -> State:
    require(request, Role.ADMIN)
    return request.app[STATE]


async def put(request: web.Request) -> web.Response:
    """``PUT``: 201 for a new one, 200 for a change; in effect when answered, also for who is logged in."""
    state, id_ = _state(request), _id(request)
    found = _representation(id_, await read_object(request), state)
    is_new = await state.ledger.run(put_representation, found)
    return web.json_response(dict(found.body), status=201 if is_new else 200)


def _representation(id_: str, body: Mapping[str, Any], state: State) -> Representation:
    """Raises Unprocessable with the fields, never their values."""
    try:
        given = _Body.model_validate(body)
    except ValidationError as exc:
        raise Unprocessable([f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in exc.errors()]) from None
    if given.id not in ("", id_):
        raise Unprocessable(["id: not the id of the address"])
    if given.first and given.until and given.until < given.first:
        raise Unprocessable(["until: before from"])
    patient, who = given.patient.identifier(), given.representative.identifier()
    if patient == who:
        raise Unprocessable(["representative: the patient"])
    link = state.pseudonyms.link
    kept = given.model_dump(mode="json", by_alias=True, exclude_none=True) | {"id": id_}
    kept["patient"] |= {"system": patient.system, "value": patient.value}
    return Representation(
        id_, link(who, ""), link(patient, ""), given.basis, _start_us(given.first), _end_us(given.until), given.protected, kept
    )  # fmt: skip


def _start_us(day: date | None) -> int | None:
    return microseconds(datetime(day.year, day.month, day.day, tzinfo=OSLO)) if day else None


def _end_us(day: date | None) -> int | None:
    following = day + _DAY if day and day < date.max else None
    return microseconds(datetime(following.year, following.month, following.day, tzinfo=OSLO)) - 1 if following else None


async def get(request: web.Request) -> web.Response:
    """``GET``: as it was written."""
    found = await _state(request).ledger.run(get_representation, _id(request))
    if found is None:
        raise web.HTTPNotFound
    return web.json_response(dict(found.body))


async def delete(request: web.Request) -> web.Response:
    """``DELETE``: nobody acts by it any more, not in a session under way either."""
    if not await _state(request).ledger.run(delete_representation, _id(request)):
        raise web.HTTPNotFound
    return web.Response(status=204)
