"""A schema registry over the Confluent REST API (version 7), as ``avro.Registry`` needs it: two calls, each remembered for ever.

An id never changes its schema and a schema never its id, so each is asked for once a process. Every failure is Faulted: a record that
cannot be written under its schema is not written, one whose schema cannot be had is not guessed at. A registry that is away is told apart
from one that says no: the first is waited for.
"""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Final, TypeVar

from hub.errors import Cause, Faulted

_SECONDS_MAX: Final = 10.0
_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
_SAYS_NO: Final = frozenset({400, 404, 409, 422})  # no such id, or a schema it does not take: asking again gives the same


_T = TypeVar("_T")


class ConfluentRegistry:
    """The registry at ``url`` (such as ``http://127.0.0.1:8081``, or ``.../apis/ccompat/v7`` of an Apicurio)."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError("a schema registry's address starts with http:// or https://")
        self._url = url.rstrip("/")
        self._ids: dict[tuple[str, str], int] = {}
        self._schemas: dict[int, str] = {}

    def id_of(self, subject: str, schema: str) -> int:
        """The id of a schema text under a subject, registering it if needed. Raises Faulted(REGISTRY_UNAVAILABLE, INTERNAL)."""
        known = self._ids.get((subject, schema))
        if known is None:
            path = f"/subjects/{urllib.parse.quote(subject, safe='')}/versions"
            known = _field(self._ask(path, {"schema": schema}, Cause.INTERNAL), "id", int, Cause.INTERNAL)
            self._ids[subject, schema] = known
            self._schemas[known] = schema
        return known

    def schema_of(self, schema_id: int) -> str:
        """The schema text of an id. Raises Faulted(REGISTRY_UNAVAILABLE, SCHEMA_UNKNOWN)."""
        known = self._schemas.get(schema_id)
        if known is None:
            known = _field(self._ask(f"/schemas/ids/{schema_id}", None, Cause.SCHEMA_UNKNOWN), "schema", str, Cause.SCHEMA_UNKNOWN)
            self._schemas[schema_id] = known
        return known

    def _ask(self, path: str, body: object, cause: Cause) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": _TYPE, "Accept": f"{_TYPE}, application/json"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS_MAX) as answer:  # noqa: S310 - http or https, see __init__
                return json.loads(answer.read(_ANSWER_BYTES_MAX))
        except urllib.error.HTTPError as exc:
            exc.close()
            raise Faulted(cause if exc.code in _SAYS_NO else Cause.REGISTRY_UNAVAILABLE) from exc
        except ValueError as exc:
            raise Faulted(cause) from exc
        except (OSError, http.client.HTTPException) as exc:
            raise Faulted(Cause.REGISTRY_UNAVAILABLE) from exc


def _field(answer: Any, name: str, kind: type[_T], cause: Cause) -> _T:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, kind):
        raise Faulted(cause)
    return value
