"""The decision table: who may see what of a patient, row by row. The first row whose condition holds answers; the last always does.

This is the one place of its words: ``docs/consent.md`` is written from it, and ``decide`` walks it. Laws, all Norwegian: hpl =
helsepersonelloven, pbrl = pasient- og brukerrettighetsloven, pjl = pasientjournalloven.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hub.consent import rules
from hub.consent.case import Case
from hub.consent.question import Verdict
from hub.model import Rule


@dataclass(frozen=True, slots=True)
class Row:
    """One row. source: law and paragraph, or where else it comes from."""

    rule: Rule
    condition: str
    result: str
    source: str
    answer: Callable[[Case], Verdict | None]

    @property
    def number(self) -> int:
        """The row's place in the table."""
        return int(self.rule.value.split("-")[0])


TABLE: Final = (
    Row(
        Rule.PATIENT_UNRESOLVED,
        "The message's identifiers point at two people.",
        "HOLD: asked again when somebody has made them one",
        "pjl § 22",
        rules.patient_is_unresolved,
    ),
    Row(
        Rule.CONSENT_UNREADABLE,
        "The patient's consents cannot be read, or one of them cannot be understood.",
        "HOLD: an error is never a permit",
        "pjl § 22; pbrl § 5-3",
        rules.consents_are_unreadable,
    ),
    Row(
        Rule.RECIPIENT_UNKNOWN,
        "The recipient is unknown or suspended, or the purpose is missing or unknown.",
        "DENY",
        "hpl § 21 a; pjl § 19",
        rules.recipient_or_purpose_is_unknown,
    ),
    Row(
        Rule.LABEL_UNKNOWN,
        "It carries a security label that nobody here knows, or lacks one that is required.",
        "DENY",
        "hpl § 21",
        rules.label_is_unknown,
    ),
    Row(
        Rule.OWN_RECORD,
        "The recipient is where it came from: its own record.",
        "PERMIT",
        "hpl § 39",
        rules.record_is_the_recipients_own,
    ),
    Row(
        Rule.PATIENT_THEMSELVES,
        "The patient asks. Of age to decide alone: what is labelled up to R. Younger: what is labelled up to N, or nothing, as configured. "
        "Never what is labelled V, or what the patient is denied insight in.",
        "PERMIT or DENY",
        "pbrl § 5-1, § 4-3",
        rules.patient_asks,
    ),
    Row(
        Rule.REPRESENTATIVE,
        "A representative asks. A parent of a child under the limit of age, an attorney, or a guardian of someone unable to consent: "
        "what is labelled up to R. Parents of older children: up to N, or nothing, as configured. Nothing where the child withholds it, "
        "where an address is protected, for parents of those who decide alone, or where a lock names this person.",
        "PERMIT or DENY",
        "pbrl § 3-4, § 4-4, § 5-1; address code 6 or 7: no digital representation",
        rules.representative_asks,
    ),
    Row(
        Rule.STATUTORY_DUTY,
        "The law tells the source to give this kind of recipient notice of what happened (configured), and the rows below would show "
        "nothing of it.",
        "PERMIT the minimum content; what is labelled above N is left out",
        "forskrift 2011-11-18-1115 § 8, § 10 for notices to the municipality",
        rules.law_tells_to_notify,
    ),
    Row(
        Rule.EMERGENCY,
        "Personnel with a registered role look it up in an emergency and say why; for some hours. Never for what is sent.",
        "PERMIT, locked too",
        "hpl § 7; pbrl § 5-3 (weighty grounds)",
        rules.life_is_at_stake,
    ),
    Row(
        Rule.CONSENT_AFTER_LOCK,
        "A lock matches, but personnel who treat the patient ask with the patient's explicit consent (access policy 5), given after "
        "the lock.",
        "PERMIT",
        "hpl § 22; pbrl § 5-3",
        rules.patient_has_consented_since,
    ),
    Row(
        Rule.LOCKED,
        "A lock in force matches, after its exceptions; or the source has locked it (NORS).",
        "DENY",
        "pbrl § 5-3; hpl § 25, § 45; pjl § 17",
        rules.patient_has_locked,
    ),
    Row(
        Rule.EXPLICIT_PERMIT,
        "An explicit permit in force matches.",
        "PERMIT",
        "hpl § 22",
        rules.patient_has_permitted,
    ),
    Row(
        Rule.TREATING_RELATION,
        "The purpose is care and a relation is proven: a treating one for labels up to R, a subscription for labels up to N.",
        "PERMIT",
        "hpl § 25, § 45; pjl § 19",
        rules.relation_is_proven,
    ),
    Row(
        Rule.NO_RELATION,
        "Anything else: research, payment, operations, no relation.",
        "DENY",
        "hpl § 21, § 21 a",
        rules.nothing_permits,
    ),
)
