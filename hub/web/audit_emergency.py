"""Emergency access as FHIR R4 AuditEvents. Pure. Never the reason in their own words, never content.

Sources: DICOM PS3.16 CID 401 (110127 Emergency Override Started, 110138 Stopped, of the type 110113 Security Alert); IHE BALP 1.1.4
PrivacyDisclosure.Source for what was read; HL7 Norway's extensions of the trust framework. Who asks is a person here: HPR number and role
are the organisation's word, and the ``policy`` of that agent says so.
"""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from hub.identity import HPR
from hub.ledger.emergencies import Emergency, Personnel, Step
from hub.web import audit_elements as ae
from hub.web.audit_elements import Json

ROLES: Final = "urn:oid:2.16.578.1.12.4.1.1.9060"  # Volven: categories of health personnel
TEMPLATES: Final = "urn:hub:reason-template"
ASSERTED: Final = "urn:hub:asserted-by-organisation"
_STARTED: Final = (ae.DCM, "110127", "Emergency Override Started")
_STOPPED: Final = (ae.DCM, "110138", "Emergency Override Stopped")
_TOLD: Final = ("urn:hub:emergency", "told", "Supervisor told")  # DICOM has no word for it
# Step -> subtype, AuditEvent.outcome (0 success, 8 serious failure), what is said.
_SAID: Final = MappingProxyType(
    {
        Step.OPENED: (_STARTED, "0", "emergency access was opened"),
        Step.REFUSED: (_STARTED, "8", "emergency access was refused"),
        Step.READ: (ae.DISCLOSE, "0", "read in an emergency"),
        Step.DENIED: (_STARTED, "8", "a reading by emergency access was denied"),
        Step.TOLD: (_TOLD, "0", "the organisation's supervisor was told of emergency access"),
        Step.CLOSED: (_STOPPED, "0", "emergency access was closed before its time"),
    }
)


def emergency_event(e: Emergency) -> Json:
    """The resource without its type and id."""
    subtype, outcome, said = _SAID[e.step]
    is_read = e.step is Step.READ
    words = " ".join(word for word in (e.code, e.rule) if word)
    found: Json = {"meta": {"profile": [f"{ae.BALP}PrivacyDisclosure.Source"]}} if is_read else {}
    return found | {
        "extension": ae.trust_framework(
            e.patient_key, e.access, " ".join((e.rule or e.code or e.step.value, *e.because)), e.at_us, user_selected=True
        ),
        "type": ae.coding((ae.DCM, "110106", "Export") if is_read else (ae.DCM, "110113", "Security Alert")),
        "subtype": [ae.coding(subtype)],
        "action": "R" if is_read else "E",
        "recorded": ae.instant(e.at_us),
        "outcome": outcome,
        "outcomeDesc": f"{said} ({words})" if words else said,
        "purposeOfEvent": [_purpose(e)],
        "agent": _agents(e),
        "source": ae.source("4", "Application Server") if is_read else ae.source("6", "Security Server"),
        "entity": [
            ae.person(e.patient_key) | {"detail": _details(e)},
            *(_message(event, kind) for event, kind in zip(e.events, e.kinds, strict=True)),
            *(ae.consent(*c) for c in ae.consents(e.because)),
        ],
    }


def to_its_organisation(e: Emergency) -> Json:
    """The same as the organisation reads it: without the consents, and without the ids of the messages, which are prints of them whole."""
    return emergency_event(replace(e, because=(), events=(), kinds=()))


def _purpose(e: Emergency) -> Json:
    """Of the event: BTG or ETREAT, and the reason where it is a word of a closed vocabulary."""
    found = ae.purpose(e.grounds.purpose)
    found["coding"] += [{"system": TEMPLATES, "code": e.grounds.template}] if e.grounds.template else []
    return found


def _agents(e: Emergency) -> list[Json]:
    """From the hub to the organisation; the person who asks; or whoever closed it."""
    if not e.who.provider:
        admin = {"identifier": {"system": "urn:hub:role", "value": "admin"}}
        return [ae.agent(ae.DESTINATION_ROLE, admin, network=e.address, kind=ae.CLIENT_NETWORK, requestor=True)]
    organisation = ae.organisation(e.who.provider)
    rule = {"policy": [f"urn:hub:rule:{e.rule}"]} if e.rule else {}
    if e.step is Step.TOLD:
        return [ae.agent(ae.SOURCE_ROLE, ae.HUB, network="urn:hub", requestor=True), ae.agent(ae.DESTINATION_ROLE, organisation)]
    if not e.who.person:
        return [ae.agent(ae.DESTINATION_ROLE, organisation, network=e.address, kind=ae.CLIENT_NETWORK, requestor=True)]
    return [
        ae.agent(ae.SOURCE_ROLE, ae.HUB, network="urn:hub"),
        ae.agent(ae.DESTINATION_ROLE, organisation, network=e.address, kind=ae.CLIENT_NETWORK) | rule,
        _person(e.who) | {"purposeOfUse": [ae.purpose(e.grounds.purpose)]},
    ]


def _person(who: Personnel) -> Json:
    named = {"type": "Practitioner", "identifier": {"system": HPR, "value": who.person}} | ({"display": who.name} if who.name else {})
    role = {"role": [{"coding": [{"system": ROLES, "code": who.role}]}]} if who.role else {}
    return ae.agent(ae.RECIPIENT, named, requestor=True) | role | {"policy": [ASSERTED]}


def _message(event: str, kind: str) -> Json:
    return {
        "what": {"identifier": {"system": ae.EVENT, "value": f"urn:uuid:{event}"}},
        "type": ae.coding((ae.ENTITY, "2", "System Object")),
        "role": ae.coding((ae.ROLE, "4", "Domain Resource")),
        "detail": [{"type": "kind", "valueString": kind}],
    }


def _details(e: Emergency) -> list[Json]:
    said = {"access": e.access, "step": e.step.value, "code": e.code, "until": ae.instant(e.until_us) if e.until_us else ""}
    return [{"type": name, "valueString": value} for name, value in said.items() if value]
