"""The day as two literal tables: what happens, and what must have become of it. ``hub up --demo --once`` holds one against the other."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Message:
    """A provider sends a message. ``key`` names it in the table of expectations; ``answer`` is what the hub must answer."""

    key: str
    story: str
    patient: str
    type: str
    sender: str = "STOLAV"
    to: str = "HUB"
    ward: str = "MED1"
    cls: str = "I"
    unknown: bool = False  # the patient has only a temporary number yet
    repeat_of: str = ""  # the same bytes as that earlier message
    answer: str = "AA"


@dataclass(frozen=True, slots=True)
class Lock:
    """A patient writes a Consent over HTTP. ``provider`` "" = everyone. ``days``: in force from yesterday for so long; 0 = no period."""

    story: str
    patient: str
    provider: str = ""
    days: int = 0
    active: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """A provider's system goes down or comes back."""

    story: str
    provider: str
    up: bool


Step = Message | Lock | Link

DAWN: Final[tuple[Lock, ...]] = (
    Lock("Ingrid has locked out Trondheim kommune", "ingrid", "trondheim"),
    Lock("Jørgen has locked out everyone for a month", "jørgen", days=30),
    Lock("Bjørg has no lock this morning", "bjørg", "trondheim", active=False),
    Lock("Eirik has no lock this morning", "eirik", "nidaros", active=False),
)

DAY: Final[tuple[Step, ...]] = (
    Message("åse-in", "Åse comes in by ambulance and is admitted", "åse", "ADT^A01^ADT_A01"),
    Message("åse-moves", "Åse moves to the lung ward", "åse", "ADT^A02^ADT_A02", ward="LUNGE"),
    Message("øystein-referred", "Øystein's GP refers him to the hospital", "øystein", "REF^I12^REF_I12", sender="HOMMELVIKLK", to="STOLAV"),
    Message("øystein-booked", "the hospital gives Øystein an appointment", "øystein", "SIU^S12^SIU_S12", cls="O", ward="POLI"),
    Message("øystein-planned", "Øystein's stay is planned", "øystein", "ADT^A05^ADT_A05"),
    Message("øystein-in", "Øystein is admitted", "øystein", "ADT^A01^ADT_A01"),
    Message("kåre-in", "Kåre is admitted", "kåre", "ADT^A01^ADT_A01", ward="KIR"),
    Message("kåre-not", "that was a mistake: Kåre's admission is cancelled", "kåre", "ADT^A11^ADT_A09", ward="KIR"),
    Message("unn-unknown", "somebody arrives whom nobody knows", "unn", "ADT^A04^ADT_A01", unknown=True, cls="E", ward="AKUTT"),
    Message("unn-known", "it is Unn: the temporary number is merged into hers", "unn", "ADT^A40^ADT_A39", ward="AKUTT"),
    Message("ingrid-in", "Ingrid is admitted", "ingrid", "ADT^A01^ADT_A01"),
    Message("jørgen-in", "Jørgen is admitted", "jørgen", "ADT^A01^ADT_A01"),
    Message("eirik-in", "Eirik is admitted", "eirik", "ADT^A01^ADT_A01", ward="KIR"),
    Message("bjørg-in", "Bjørg is admitted", "bjørg", "ADT^A01^ADT_A01"),
    Link("the line to Nidaros legesenter goes down", "nidaros", up=False),
    Message("åse-lab", "Åse's laboratory results", "åse", "ORU^R01^ORU_R01", ward="LUNGE"),
    Message("åse-ready", "Åse is ready for discharge", "åse", "ADT^A16^ADT_A16", ward="LUNGE"),
    Message("eirik-moves", "Eirik moves to the lung ward", "eirik", "ADT^A02^ADT_A02", ward="LUNGE"),
    Lock("Eirik locks out Nidaros legesenter while his message waits for the line", "eirik", "nidaros"),
    Lock("Bjørg locks out Trondheim kommune", "bjørg", "trondheim"),
    Message("bjørg-out", "Bjørg is discharged", "bjørg", "ADT^A03^ADT_A03"),
    Link("the line to Nidaros legesenter is back", "nidaros", up=True),
    Message("ingrid-ready", "Ingrid is ready for discharge", "ingrid", "ADT^A16^ADT_A16"),
    Message("åse-out", "Åse is discharged", "åse", "ADT^A03^ADT_A03", ward="LUNGE"),
    Message("åse-summary", "Åse's discharge summary", "åse", "MDM^T02^MDM_T02", ward="LUNGE"),
    Message("åse-again", "the hospital's line hiccups: the same message comes again", "åse", "ADT^A01^ADT_A01", repeat_of="åse-in"),
    Message("stranger", "a system nobody has registered sends a message", "åse", "ADT^A08^ADT_A01", sender="UKJENT", answer="AE"),
)

# What must have become of each message, provider by provider:
#   full, minimal, notice   delivered, with this much in it
#   withheld                decided in transit: the patient's lock (rule 11) keeps this provider out
#   stopped                 permitted when it came, withheld by rule 11 when it was to be sent
#   -                       not a recipient: does not subscribe to it, or not for this patient
PROVIDERS: Final = ("st-olavs", "trondheim", "malvik", "nidaros", "hommelvik")
EXPECTED: Final = MappingProxyType(
    {
        #                    st-olavs  trondheim   malvik     nidaros     hommelvik
        "åse-in":           ("-",      "minimal",  "-",       "full",     "-"),
        "åse-moves":        ("-",      "-",        "-",       "full",     "-"),
        "åse-lab":          ("-",      "-",        "-",       "full",     "-"),
        "åse-ready":        ("-",      "minimal",  "-",       "full",     "-"),
        "åse-out":          ("-",      "minimal",  "-",       "full",     "-"),
        "åse-summary":      ("-",      "full",     "-",       "full",     "-"),
        "øystein-referred": ("full",   "-",        "-",       "-",        "-"),
        "øystein-booked":   ("-",      "-",        "-",       "-",        "minimal"),
        "øystein-planned":  ("-",      "-",        "minimal", "-",        "-"),
        "øystein-in":       ("-",      "-",        "minimal", "-",        "notice"),
        "kåre-in":          ("-",      "-",        "minimal", "-",        "notice"),
        "kåre-not":         ("-",      "-",        "minimal", "-",        "-"),
        "unn-unknown":      ("-",      "-",        "-",       "-",        "-"),
        "unn-known":        ("-",      "minimal",  "-",       "full",     "-"),
        "ingrid-in":        ("-",      "withheld", "-",       "full",     "-"),
        "ingrid-ready":     ("-",      "withheld", "-",       "full",     "-"),
        "jørgen-in":        ("-",      "withheld", "-",       "withheld", "-"),
        "bjørg-in":         ("-",      "minimal",  "-",       "-",        "notice"),
        "bjørg-out":        ("-",      "withheld", "-",       "-",        "full"),
        "eirik-in":         ("-",      "-",        "minimal", "full",     "-"),
        "eirik-moves":      ("-",      "-",        "minimal", "stopped",  "-"),
        "åse-again":        ("-",      "-",        "-",       "-",        "-"),
        "stranger":         ("-",      "-",        "-",       "-",        "-"),
    }
)  # fmt: skip
OUTCOMES: Final = MappingProxyType({"åse-again": "repeat", "stranger": "quarantined", "unn-unknown": "no_recipient"})  # else routed
