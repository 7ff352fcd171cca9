"""What is asked for: ORC and OBR of a ServiceRequest, ORC of a MedicationRequest."""

from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.actors import coded_organisation, organisation, person, xcn, xon
from hub.adapters.fhir.er7.rows import Maker, Rows, coded, fields, in_extension, many, one, refers
from hub.adapters.fhir.er7.text import components, escape, inner, repetitions, segment

_PLACER: Final = frozenset({"PLAC"})
_FILLER: Final = frozenset({"FILL"})
_GROUPS: Final = frozenset({"PGN", "FGN"})
_EVENT: Final = f"{codes.EXTENSION}businessEvent"
_REFLEX: Final = "reflex-order"
_CALLBACK: Final = f"{codes.EXTENSION}servicerequest-order-callback-phone-number"
_SUPPORTS: Final = f"{codes.EXTENSION_R5}extension-ServiceRequest.supportingInfo"
_ORDER: Final = "ServiceRequest"


def is_of(identifier: Json, kinds: frozenset[str]) -> bool:
    """Whether an identifier is of one of these types."""
    return datatypes.has_type(identifier, *kinds)


def placer(resource: Json, _entries: Entries) -> str:
    """The placer's number: the identifier that says it is one, else the first that says nothing."""
    given = objects(resource.get("identifier"))
    found = [i for i in given if is_of(i, _PLACER)] or [i for i in given if not datatypes.codings(i.get("type"))]
    return next((made for i in found if (made := datatypes.ei(i))), "")


def filler(resource: Json, _entries: Entries) -> str:
    """The filler's number."""
    return next((made for i in objects(resource.get("identifier")) if is_of(i, _FILLER) and (made := datatypes.ei(i))), "")


def _control(resource: Json, _entries: Entries) -> str:
    """ORC-1: the sender's own order control if it was kept, else what the status of a placed order means."""
    for event in objects(resource.get("extension")):
        if text(event.get("url")) == _EVENT:
            concept = datatypes.extension(event, "value").get("valueCodeableConcept") or event.get("valueCodeableConcept")
            code = next((text(c.get("code")) for c in datatypes.codings(concept)), "")
            if code:
                return escape(code)
    return codes.ORDER_CONTROL.get(text(resource.get("status")), "NW")


def _event_time(resource: Json, _entries: Entries) -> str:
    dates = [datatypes.extension(e, "date") for e in objects(resource.get("extension")) if text(e.get("url")) == _EVENT]
    return next((made for d in dates if (made := datatypes.moment(d.get("valueDateTime")))), "")


def _of_requester(part: str, make: Any) -> Maker:
    """What stands in an element of the organisation or the person who asks."""
    look = organisation if part == "organisation" else person
    name, convert = make

    def maker(resource: Json, entries: Entries) -> str:
        found = look(resource.get("requester"), entries)
        return repetitions(convert(v) for v in objects(found.get(name)))

    return maker


def _agent(role: str) -> Maker:
    """The agents of this type in the Provenance of the order."""

    def maker(resource: Json, entries: Entries) -> str:
        found = [a for p in entries.records(resource) for a in objects(p.get("agent"))]
        chosen = [a for a in found if any(text(c.get("code")) == role for c in datatypes.codings(a.get("type")))]
        return repetitions(dict.fromkeys(xcn(a.get("who"), entries) for a in chosen))

    return maker


def _for_whom(resource: Json, entries: Entries) -> str:
    """ORC-17: the organisation that whoever entered the order did it for."""
    found = [a for p in entries.records(resource) for a in objects(p.get("agent")) if a.get("onBehalfOf")]
    return next((made for a in found if (made := coded_organisation(a.get("onBehalfOf"), entries))), "")


def _system(identifier: Json) -> str:
    return escape(codes.coding_system(text(identifier.get("system"))))


def coded_device(device: Json) -> str:
    """Device -> CE: its numbers and its names, two at most."""
    numbers = [i for i in objects(device.get("identifier")) if text(i.get("value"))][:2] or [{}]
    names = [datatypes.string(n.get("name")) for n in objects(device.get("deviceName"))] + ["", ""]
    parts = [(datatypes.string(i.get("value")), name, _system(i)) for i, name in zip(numbers, names, strict=False)]
    return components(*(part for three in parts for part in three))


def _device(resource: Json, entries: Entries) -> str:
    """ORC-18: what the order was entered with."""
    found = [entries.target(a.get("who")) for p in entries.records(resource) for a in objects(p.get("agent"))]
    return next((made for d in found if d.get("resourceType") == "Device" and (made := coded_device(d))), "")


def _relevant(resource: Json, _entries: Entries) -> str:
    """OBR-13: what R5 says in ServiceRequest.supportingInfo, in an extension of either shape."""
    given = datatypes.extension(resource, _SUPPORTS)
    concept = datatypes.extension(given, "concept").get("valueCodeableConcept") or obj(given.get("valueCodeableReference")).get("concept")
    return escape(datatypes.shown(concept)) or next((escape(text(c.get("code"))) for c in datatypes.codings(concept)), "")


def _callback(resource: Json, _entries: Entries) -> str:
    """OBR-17: where whoever asks can be reached about this order."""
    given = objects(obj(resource.get("requester")).get("extension"))
    return repetitions(datatypes.xtn(e.get("valueContactPoint")) for e in given if text(e.get("url")) == _CALLBACK)


def _parent(resource: Json, _entries: Entries) -> str:
    """OBR-29 (EIP): the placer's and the filler's number of the order that this one comes from."""
    numbers = [obj(r.get("identifier")) for r in objects(resource.get("basedOn")) if text(r.get("type")) == _ORDER]
    pair = [next((inner(datatypes.ei(i)) for i in numbers if is_of(i, kinds)), "") for kinds in (_PLACER, _FILLER)]
    return components(*pair)


def _detail(n: int) -> Maker:
    return lambda resource, _entries: next((made for c in objects(resource.get("orderDetail"))[n : n + 1] if (made := datatypes.ce(c))), "")


ORC: Final[Rows] = (
    (1, _control),
    (2, placer),
    (3, filler),
    (4, one("requisition", datatypes.ei)),
    (4, one("groupIdentifier", datatypes.ei)),
    (5, lambda order, _entries: datatypes.original(order, "status", "0038")),
    (5, coded("status", codes.ORDER_STATUS)),
    (9, _event_time),
    (9, one("authoredOn", datatypes.moment)),
    (10, _agent("enterer")),
    (10, refers("recorder", xcn)),
    (11, _agent("verifier")),
    (12, refers("requester", xcn)),
    (14, in_extension(_CALLBACK, "valueContactPoint", datatypes.xtn)),
    (16, in_extension("request-statusReason", "valueCodeableConcept", datatypes.ce)),
    (16, one("statusReason", datatypes.ce)),
    (17, _for_whom),
    (18, _device),
    (19, _agent("performer")),
    (21, refers("requester", xon)),
    (22, _of_requester("organisation", ("address", datatypes.xad))),
    (23, _of_requester("organisation", ("telecom", datatypes.xtn))),
    (24, _of_requester("person", ("address", datatypes.xad))),
    (28, one("meta.security", datatypes.cwe_of("0177"))),
    (29, one("locationCode", datatypes.cwe_of("0482"))),
)
OBR: Final[Rows] = (
    (2, placer),
    (3, filler),
    (4, one("code", datatypes.ce)),
    (6, one("occurrenceDateTime", datatypes.moment)),
    (6, one("occurrencePeriod.start", datatypes.moment)),
    (11, lambda order, _entries: "G" if text(order.get("intent")) == _REFLEX else datatypes.original(order, "intent", "0065")),
    (13, _relevant),
    (16, refers("requester", xcn)),
    (17, _callback),
    (29, _parent),
    (31, many("reasonCode", datatypes.ce)),
    (46, _detail(0)),
    (47, _detail(1)),
)


def orc(order: Json, entries: Entries, control: str = "", behind: Json | None = None, timing: str = "") -> str:
    """ORC of an order; ``control`` is what ORC-1 says where the order itself does not, ``behind`` an order that says what it does not.

    ``timing`` is ORC-7, where no TQ1 says it.
    """
    made = fields(ORC, order, entries)
    for number, said in fields(ORC, behind, entries).items() if behind else ():
        made[number] = made[number] or said
    if control and not any(text(e.get("url")) == _EVENT for e in objects(order.get("extension"))):
        made[1] = control
    return segment("ORC", made | {7: timing})
