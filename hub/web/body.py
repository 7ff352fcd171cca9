"""Request bodies: bounded while they are read, uncompressed, JSON."""

import asyncio
import json
from collections.abc import Collection, Mapping
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

from aiohttp import web

from hub.errors import Reason, Rejected
from hub.web.state import STATE

TYPES: Final = frozenset({"application/json", "application/fhir+json"})
FORM: Final = frozenset({"application/x-www-form-urlencoded"})
ENTRY_BYTES_MAX: Final = 256 * 1024  # a consent, a provider, a subscription
FORM_BYTES_MAX: Final = 16 * 1024
_FIELDS_MAX: Final = 50

Form = Mapping[str, str]


async def read(request: web.Request, bytes_max: int, types: Collection[str] = TYPES) -> bytes:
    """The body. Raises Rejected(UNSUPPORTED_FORMAT | TOO_LARGE) before or while reading, TimeoutError when it does not come in time."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Rejected(Reason.UNSUPPORTED_FORMAT, "Content-Encoding")
    if request.content_type not in types or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise Rejected(Reason.UNSUPPORTED_FORMAT, "Content-Type")
    if (request.content_length or 0) > bytes_max:
        raise Rejected(Reason.TOO_LARGE)
    parts, size = [], 0
    async with asyncio.timeout(request.app[STATE].settings.frame_seconds_max):
        async for part in request.content.iter_any():
            size += len(part)
            if size > bytes_max:
                raise Rejected(Reason.TOO_LARGE)
            parts.append(part)
    return b"".join(parts)


def _constant(_: str) -> NoReturn:
    raise ValueError("not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: two readers must not see two different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _is_storable(value: object) -> None:
    """Raises ValueError for half a surrogate pair, a number without end, or NUL: JSON in letters, but nothing a database keeps."""
    if "\\u0000" in json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8").decode("utf-8"):
        raise ValueError("NUL")


async def read_object(request: web.Request, bytes_max: int = ENTRY_BYTES_MAX) -> dict[str, Any]:
    """The body as a JSON object. Raises Rejected, also BAD_JSON."""
    raw = await read(request, bytes_max)
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_constant, object_pairs_hook=_once)
        _is_storable(value)
    except (ValueError, RecursionError) as exc:
        raise Rejected(Reason.BAD_JSON) from exc
    if not isinstance(value, dict):
        raise Rejected(Reason.BAD_JSON)
    return value


async def read_form(request: web.Request) -> Form:
    """The fields of a form, each of them once. Raises Rejected, also BAD_VALUE."""
    raw = await read(request, FORM_BYTES_MAX, FORM)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_FIELDS_MAX)
        found = _once(pairs)
        _is_storable(found)
    except ValueError as exc:
        raise Rejected(Reason.BAD_VALUE, "form") from exc
    return found
