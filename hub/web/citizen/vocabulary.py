"""The hub's closed vocabularies in people's words, Norwegian (bokmål) and English: literal tables, each of them complete (tested)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hub.model import AttemptOutcome, Detail, Kind, Relation, Rule
from hub.pathway.states import State


class Language(StrEnum):
    """What the page speaks. The value is the page's ``lang`` (BCP 47)."""

    NORWEGIAN = "nb"
    ENGLISH = "en"


Said = tuple[str, str]
"""The same in each language, in the order of ``Language``."""

KINDS: Final[Mapping[Kind, Said]] = MappingProxyType(
    {
        Kind.ADMITTED: ("Du ble innlagt", "You were admitted"),
        Kind.REGISTERED: ("Du ble registrert ved oppmøte", "You were registered on arrival"),
        Kind.PREADMITTED: ("En innleggelse ble forberedt", "An admission was prepared"),
        Kind.TRANSFERRED: ("Du ble flyttet til en annen avdeling", "You were moved to another ward"),
        Kind.CLASS_CHANGED: ("Oppholdet ditt skiftet type", "Your stay changed its kind"),
        Kind.UPDATED: ("Opplysninger om deg ble oppdatert", "Information about you was updated"),
        Kind.DISCHARGED: ("Du ble skrevet ut", "You were discharged"),
        Kind.READY_FOR_DISCHARGE: ("Du ble meldt utskrivningsklar", "You were declared ready for discharge"),
        Kind.NOT_READY_FOR_DISCHARGE: ("Du ble likevel ikke utskrivningsklar", "You were not ready for discharge after all"),
        Kind.DEPARTED: ("Du dro fra stedet", "You left the place"),
        Kind.ARRIVED: ("Du kom fram", "You arrived"),
        Kind.DELETED: ("En registrering av deg ble slettet", "A registration of you was deleted"),
        Kind.MERGED: ("To registreringer av deg ble slått sammen", "Two registrations of you became one"),
        Kind.LINKED: ("To registreringer av deg ble koblet", "Two registrations of you were linked"),
        Kind.UNLINKED: ("En kobling av registreringer ble løst opp", "A link between registrations was undone"),
        Kind.ADMISSION_PLANNED: ("En innleggelse ble planlagt", "An admission was planned"),
        Kind.ADMISSION_PLAN_CANCELLED: ("En planlagt innleggelse ble avlyst", "A planned admission was called off"),
        Kind.ADMISSION_CANCELLED: ("En innleggelse ble annullert", "An admission was cancelled"),
        Kind.PREADMISSION_CANCELLED: ("En forberedt innleggelse ble avlyst", "A prepared admission was called off"),
        Kind.TRANSFER_PLANNED: ("En flytting ble planlagt", "A move was planned"),
        Kind.TRANSFER_PLAN_CANCELLED: ("En planlagt flytting ble avlyst", "A planned move was called off"),
        Kind.TRANSFER_CANCELLED: ("En flytting ble annullert", "A move was cancelled"),
        Kind.DISCHARGE_CANCELLED: ("En utskrivning ble annullert", "A discharge was cancelled"),
        Kind.DISCHARGE_ANSWERED: ("Kommunen svarte på meldingen om utskrivning", "The municipality answered the notice of discharge"),
        Kind.LEAVE_STARTED: ("Du fikk permisjon fra sykehuset", "You went on leave from hospital"),
        Kind.LEAVE_ENDED: ("Du kom tilbake fra permisjon", "You came back from leave"),
        Kind.ENCOUNTER_MOVED: ("Et besøk ble flyttet til rett person", "A visit was moved to the right person"),
        Kind.ALLERGIES_UPDATED: ("Allergiene dine ble oppdatert", "Your allergies were updated"),
        Kind.OBSERVATION_REPORTED: ("Prøvesvar eller måling", "Test result or measurement"),
        Kind.DOCUMENT_PUBLISHED: ("Et dokument om deg ble sendt", "A document about you was sent"),
        Kind.REFERRAL_SENT: ("Du ble henvist", "You were referred"),
        Kind.REFERRAL_UPDATED: ("En henvisning ble endret", "A referral was changed"),
        Kind.REFERRAL_CANCELLED: ("En henvisning ble trukket", "A referral was withdrawn"),
        Kind.REFERRAL_ANSWERED: ("En henvisning ble besvart", "A referral was answered"),
        Kind.ORDER_PLACED: ("En undersøkelse eller tjeneste ble bestilt", "An examination or service was ordered"),
        Kind.MEDICATION_ORDERED: ("Et legemiddel ble ordinert", "A medicine was prescribed"),
        Kind.MEDICATION_DISPENSED: ("Et legemiddel ble utlevert", "A medicine was dispensed"),
        Kind.IMMUNIZATION_RECORDED: ("En vaksine ble registrert", "A vaccination was recorded"),
        Kind.PROBLEM_ADDED: ("Et helseproblem ble registrert", "A health problem was recorded"),
        Kind.PROBLEM_UPDATED: ("Et helseproblem ble endret", "A health problem was changed"),
        Kind.PROBLEM_DELETED: ("Et helseproblem ble fjernet", "A health problem was removed"),
        Kind.APPOINTMENT_BOOKED: ("Du fikk en time", "You were given an appointment"),
        Kind.APPOINTMENT_RESCHEDULED: ("En time ble flyttet", "An appointment was moved"),
        Kind.APPOINTMENT_UPDATED: ("En time ble endret", "An appointment was changed"),
        Kind.APPOINTMENT_CANCELLED: ("En time ble avlyst", "An appointment was cancelled"),
        Kind.APPOINTMENT_MISSED: ("Du møtte ikke til en time", "You did not come to an appointment"),
        Kind.ACCOUNT_OPENED: ("En konto for oppgjør ble åpnet", "A billing account was opened"),
        Kind.ACCOUNT_UPDATED: ("En konto for oppgjør ble endret", "A billing account was changed"),
        Kind.ACCOUNT_CLOSED: ("En konto for oppgjør ble lukket", "A billing account was closed"),
        Kind.ACCOUNT_PURGED: ("En konto for oppgjør ble slettet", "A billing account was deleted"),
        Kind.CHARGE_POSTED: ("En kostnad ble ført", "A charge was entered"),
        Kind.DEADLINE_BREACHED: ("En frist ble ikke holdt", "A deadline was missed"),
    }
)

# Why a provider got something, or did not: a sentence a row of the decision table.
RULES: Final[Mapping[Rule, Said]] = MappingProxyType(
    {
        Rule.PATIENT_UNRESOLVED: (
            "Det er uklart hvem meldingen gjelder. Den blir ikke delt før det er avklart.",
            "It is unclear whom the message is about. It is not shared until that is settled.",
        ),
        Rule.CONSENT_UNREADABLE: (
            "Sperrene dine kunne ikke leses. Da deles ingenting før de kan det.",
            "Your locks could not be read. Nothing is shared until they can be.",
        ),
        Rule.RECIPIENT_UNKNOWN: (
            "Mottakeren er ikke godkjent, eller formålet er ukjent.",
            "The recipient is not approved, or the purpose is unknown.",
        ),
        Rule.LABEL_UNKNOWN: (
            "Meldingen er merket på en måte som ikke er kjent. I tvil deles den ikke.",
            "The message is marked in a way that is not known. In doubt it is not shared.",
        ),
        Rule.OWN_RECORD: (
            "Mottakeren skrev opplysningene selv: de er fra dens egen journal.",
            "The recipient wrote the information itself: it is from its own record.",
        ),
        Rule.PATIENT_THEMSELVES: ("Det er dine egne opplysninger.", "It is your own information."),
        Rule.REPRESENTATIVE: (
            "Mottakeren representerer deg, som forelder, med fullmakt eller som verge.",
            "The recipient represents you, as a parent, by power of attorney or as a guardian.",
        ),
        Rule.STATUTORY_DUTY: (
            "Loven krever denne meldingen. Bare det nødvendigste er med.",
            "The law requires this notice. Only what is necessary is in it.",
        ),
        Rule.EMERGENCY: (
            "Det var et nødsfall. Oppslaget er begrunnet og skrevet ned, og tilgangen varte en kort tid.",
            "It was an emergency. The look-up was given a reason and written down, and the access lasted a short time.",
        ),
        Rule.CONSENT_AFTER_LOCK: (
            "Du samtykket til dette etter at du sperret.",
            "You consented to this after you had locked.",
        ),
        Rule.LOCKED: ("Du har sperret for dette.", "You have locked this."),
        Rule.EXPLICIT_PERMIT: ("Du har gitt tillatelse til dette.", "You have given permission for this."),
        Rule.TREATING_RELATION: (
            "Mottakeren gir deg helsehjelp. Da kan nødvendige opplysninger deles om du ikke motsetter deg (helsepersonelloven § 25, § 45).",
            "The recipient treats you. Necessary information may then be shared unless you object (Health Personnel Act, sections 25, 45).",
        ),
        Rule.NO_RELATION: (
            "Det er ikke vist at mottakeren gir deg helsehjelp som krever disse opplysningene.",
            "It is not shown that the recipient gives you care that needs this information.",
        ),
    }
)

SOURCE_HAS_LOCKED: Final = ("Avsenderen har sperret opplysningene.", "The sender has locked the information.")
# Something was left out: by the patient's own lock or by a rule
LEFT_OUT: Final[Mapping[bool, Said]] = MappingProxyType(
    {
        True: (
            "En del av meldingen er holdt tilbake fordi du har sperret for den. Mottakeren ser ikke at noe mangler.",
            "A part of the message was withheld because you have locked it. The recipient does not see that anything is missing.",
        ),
        False: (
            "En del av meldingen er holdt tilbake, fordi den er merket eller sperret av avsenderen. Mottakeren ser ikke at noe mangler.",
            "A part of the message was withheld: the sender has marked or locked it. The recipient does not see that anything is missing.",
        ),
    }
)

RELATIONS: Final[Mapping[Relation, Said]] = MappingProxyType(
    {
        Relation.GP: ("fastlegen din", "your general practitioner"),
        Relation.ADDRESSED: ("avsenderen skrev den som mottaker", "the sender named it as a receiver"),
        Relation.PATHWAY: ("har vært med i forløpet ditt før", "was part of your pathway before"),
        Relation.SUBSCRIPTION: ("har avtale om slike meldinger", "has an agreement on such messages"),
    }
)

OUTCOMES: Final[Mapping[AttemptOutcome, Said]] = MappingProxyType(
    {
        AttemptOutcome.DELIVERED: ("Mottatt", "Received"),
        AttemptOutcome.WITHHELD: ("Holdt tilbake", "Withheld"),
        AttemptOutcome.DISCARDED: ("Ikke sendt", "Not sent"),
        AttemptOutcome.REFUSED: ("Mottakeren tok ikke imot", "The recipient did not take it"),
        AttemptOutcome.FAILED: ("Ikke framme ennå", "Not there yet"),
        AttemptOutcome.HELD: ("Venter", "Waiting"),
        AttemptOutcome.UNKNOWN: ("Kan være mottatt", "May have been received"),
    }
)

DETAILS: Final[Mapping[Detail, Said]] = MappingProxyType(
    {
        Detail.FULL: ("alt innhold", "the whole content"),
        Detail.MINIMAL: ("hvem og hvor, uten helseopplysninger", "who and where, without health information"),
        Detail.NOTICE: ("bare at det skjedde", "only that it happened"),
    }
)

STATES: Final[Mapping[State, Said]] = MappingProxyType(
    {
        State.NEW: ("Ny", "New"),
        State.NOTED: ("Omtalt", "Mentioned"),
        State.REGISTERED: ("Poliklinisk besøk", "Outpatient visit"),
        State.PREADMITTED: ("Innleggelse forberedt", "Admission prepared"),
        State.ADMITTED: ("Innlagt", "Admitted"),
        State.READY: ("Utskrivningsklar", "Ready for discharge"),
        State.DISCHARGED: ("Utskrevet", "Discharged"),
        State.CANCELLED: ("Annullert", "Cancelled"),
        State.MERGED: ("Slått sammen", "Merged"),
    }
)


def say(said: Said, language: Language) -> str:
    """The words in one language."""
    return said[list(Language).index(language)]
