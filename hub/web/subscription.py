"""A provider's subscriptions and what is told of them as FHIR R4: Subscriptions R5 Backport 1.1 in its R4 shapes. Pure.

``$events`` answers a Bundle of type ``history``: first the status as Parameters, of type ``query-event``, then an entry an event. The event
is a message Bundle, under the id it bears where it is sent (``X-Request-Id``), byte for byte as it would be sent.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from hub.delivery.events import Told
from hub.identity import derived_id
from hub.model import Channel, Deliver, Subscription

Json = dict[str, Any]

TOPIC: Final = "urn:hub:subscription-topic:pathway-event"
_BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE: Final = "\x00e"  # stands for an event's bytes until the rest is written; no text of ours holds NUL
_PLACEHOLDER: Final = json.dumps(_PLACE).encode()


class Content(StrEnum):
    """How much of each event an answer holds (backport-content-value-set)."""

    EMPTY = "empty"  # that there was one
    ID_ONLY = "id-only"  # and its id
    FULL = "full-resource"


@dataclass(frozen=True, slots=True)
class Own:
    """A subscription of the one who asks, as it is found at ``base``."""

    base: str  # of the FHIR door
    subscription: Subscription
    deliver: Deliver

    @property
    def id(self) -> str:
        """Derived of the configured id, which can be any text."""
        return fhir_id(self.subscription)

    @property
    def url(self) -> str:
        """Where it is read."""
        return f"{self.base}/Subscription/{self.id}"


def fhir_id(subscription: Subscription) -> str:
    """The id of a subscription as a FHIR resource."""
    return derived_id("Subscription", subscription.id)


def resource(own: Own) -> Json:
    """The Subscription. What FHIR has no element for stands in ``reason``, for people."""
    s, is_sent = own.subscription, own.deliver.channel is Channel.FHIR
    filters = [("event", ",".join(s.events)), *((name, value) for name, value in _where(s) if value)]
    channel: Json = {"type": "rest-hook", "endpoint": own.deliver.url} if is_sent else {"type": "message"}
    content = {"extension": [{"url": f"{_BACKPORT}backport-payload-content", "valueCode": Content.FULL.value}]}
    return {
        "resourceType": "Subscription",
        "id": own.id,
        "meta": {"profile": [f"{_BACKPORT}backport-subscription"]},
        "status": "active",
        "reason": f"{s.id}: detail {s.detail.value}, purpose {s.purpose}",
        "criteria": TOPIC,
        "_criteria": {
            "extension": [{"url": f"{_BACKPORT}backport-filter-criteria", "valueString": f"{name}={value}"} for name, value in filters]
        },
        "channel": channel | {"payload": "application/fhir+json", "_payload": content},
    }


def _where(s: Subscription) -> tuple[tuple[str, str], ...]:
    w = s.where
    named = ("municipality", w.municipality), ("relation", w.relation), ("ward", w.ward)
    return (*named, ("class", w.encounter_class), ("source", w.source))


def searchset(base: str, resources: Iterable[tuple[str, Json]], query: str) -> Json:
    """A searchset of resources with their URLs."""
    entries = [{"fullUrl": url, "resource": found, "search": {"mode": "match"}} for url, found in resources]
    links = [{"relation": "self", "url": f"{base}/Subscription{query}"}]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "link": links}
    return bundle | ({"entry": entries} if entries else {})


def status(own: Own, kind: str, highest: int, events: Sequence[Json] = ()) -> Json:
    """The SubscriptionStatus. kind: query-status or query-event. highest: the highest number that was given."""
    return {
        "resourceType": "Parameters",
        "id": derived_id("SubscriptionStatus", own.subscription.id),
        "meta": {"profile": [f"{_BACKPORT}backport-subscription-status-r4"]},
        "parameter": [
            {"name": "subscription", "valueReference": {"reference": own.url}},
            {"name": "topic", "valueCanonical": TOPIC},
            {"name": "status", "valueCode": "active"},
            {"name": "type", "valueCode": kind},
            {"name": "events-since-subscription-start", "valueString": str(highest)},
            *events,
        ],
    }


def events(own: Own, told: Sequence[Told], highest: int, content: Content, now_us: int) -> bytes:
    """The answer to ``$events``."""
    status_id = derived_id("SubscriptionStatus", own.subscription.id)
    first = {
        "fullUrl": f"urn:uuid:{status_id}",
        "resource": status(own, "query-event", highest, [_notified(event, content) for event in told]),
        "request": {"method": "GET", "url": f"{own.url}/$status"},
        "response": {"status": "200"},
    }
    rest = [] if content is Content.EMPTY else [_entry(event, content) for event in told]
    bundle = {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{_BACKPORT}backport-subscription-notification-r4"]},
        "type": "history",
        "timestamp": _instant(now_us),
        "entry": [first, *rest],
    }
    pieces = json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode().split(_PLACEHOLDER)
    made = [pieces[0]]
    for event, piece in zip(told if len(pieces) > 1 else (), pieces[1:], strict=True):
        made += [event.payload, piece]
    return b"".join(made)


def _notified(event: Told, content: Content) -> Json:
    parts: list[Json] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": _instant(event.received_us)},
    ]
    if content is not Content.EMPTY:
        parts.append({"name": "focus", "valueReference": {"reference": f"urn:uuid:{event.known_as}"}})
    return {"name": "notification-event", "part": parts}


def _entry(event: Told, content: Content) -> Json:
    found: Json = {"fullUrl": f"urn:uuid:{event.known_as}"}
    if content is Content.FULL:
        found["resource"] = _PLACE
    return found | {"request": {"method": "POST", "url": "Bundle"}, "response": {"status": "201"}}


def _instant(us: int) -> str:
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
