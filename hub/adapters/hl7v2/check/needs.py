"""What the hub needs of a message, a row a rule: what does not work when it is broken, and what to write instead.

Nothing here is refused: what is, the door says (``refused``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hub.adapters.finding import Finding, Severity
from hub.adapters.hl7v2.check import identity, pathway, sections, text
from hub.adapters.hl7v2.check.case import Case, Test
from hub.adapters.hl7v2.check.sections import field, told

_W, _N = Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Need:
    """One rule. ``test`` gives the places that break it; ``section`` is of the standard."""

    severity: Severity
    code: str
    test: Test
    problem: str
    instead: str
    section: str = ""


NEEDS: Final = (
    Need(_W, "identity.no-authority", identity.without_authority,
         "says not whose number it is: it is known among this sender's messages only, and may be two patients'",
         "the assigning authority in component 4, with its OID where it has one: <number>^^^STOLAV&2.16.578.1.99&ISO^MR", field("PID", 3)),
    Need(_N, "identity.local-authority", identity.by_namespace_only,
         "the assigning authority is a local word: the patient is known by this number within this sender's messages only",
         "the OID of the assigning authority beside its name: NAME&1.2.3&ISO", field("PID", 3)),
    Need(_W, "identity.not-a-person-number", identity.is_no_person_number,
         "said to be a national person number, and none: length, date or control digits do not hold. It meets nobody else's record of the"
         " patient, and no lock that was set under the right number",
         "the number as the national register has it, or the type and authority that it really has", field("PID", 3)),
    Need(_W, "identity.no-person-number", identity.without_person_number,
         "no national person number: locks that the patient has set under it, and what other providers sent, are not found",
         "a repetition with the number: <number>^^^&2.16.578.1.12.4.1.4.1&ISO^FNR (D-number .4.2, common help number .4.3)",
         field("PID", 3)),
    Need(_W, "identity.names-nobody", identity.names_nobody,
         "names nobody, or not this patient alone: what stands for an unknown number, a policy's (MB, SN), whoever pays (GI, GN), a"
         " stay's or an account's (VN, AN). The hub does not know the patient by it: it would make several patients one",
         "nothing where no number is known; the policy's number in IN1, the account's in PID-18, the visit's in PV1-19", field("PID", 3)),
    Need(_N, "identity.not-read", identity.not_read,
         "holds something that does not say whose number it is: the hub does not know the patient by it",
         "the identifier in PID-3, with its assigning authority", field("PID", 2)),
    Need(_W, "merge.no-authority", identity.merged_without_authority,
         "says not whose number it is: the retired identifier is only found among this sender's messages",
         "the assigning authority in component 4, as in PID-3", field("MRG", 1)),
    Need(_W, "merge.nobody", identity.merges_nobody,
         "every identifier here is also the survivor's: nothing is merged", "the identifiers that must no longer be used", field("MRG", 1)),
    Need(_W, "merge.moved-from-another", identity.moved_from_another,
         "the visit is moved from another patient: recipients are not told from whom, and those who were told of it as that patient's are"
         " not told that it was not",
         "a cancellation (A11) of the visit for the patient it was not of, beside this message", field("MRG", 1)),
    Need(_W, "routing.no-municipality", pathway.without_municipality,
         "no municipality number: the patient's municipality is not told, unless an earlier message named it",
         "the four digits in component 9 of the home address, such as 5001", field("PID", 11)),
    Need(_W, "routing.no-gp", pathway.without_gp,
         "no general practitioner: the patient's is not told, unless an earlier message named one",
         "PD1-4 with the HPR number: <number>^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO, or PD1-3 with the organisation number; from"
         " version 2.7 on PRT or ROL in the role PP",
         field("PD1", 4)),
    Need(_W, "routing.gp-unknown", pathway.gp_of_nobody,
         "the practitioner's number is of no register that providers are known by (organisation number, HER-id, HPR): nobody is told as GP",
         "the authority in component 9 of PD1-4, or component 6 of PD1-3", field("PD1", 4)),
    Need(_N, "routing.no-receiver", pathway.to_nobody,
         "nobody is named as a receiver: only those who subscribe are told", "who the message is for, where it is for someone",
         field("MSH", 6)),
    Need(_W, "pathway.no-class", pathway.without_class,
         "no patient class: it counts as a stay in a bed, and subscriptions to a class do not match", "I, O, E, P ... (table 0004)",
         field("PV1", 2)),
    Need(_W, "pathway.unknown-class", pathway.unknown_class,
         "no code of table 0004: it counts as a stay in a bed, and subscriptions to a class do not match",
         "one of E, I, O, P, R, B, C, N, U", field("PV1", 2)),
    Need(_W, "pathway.no-ward", pathway.without_ward,
         "no place: the ward's occupancy is not right, and subscriptions to a ward do not match",
         "the point of care in component 1: MED3^301^2^STOLAV", field("PV1", 3)),
    Need(_W, "pathway.no-visit-number", pathway.without_visit,
         "no visit number: all the patient's stays with this sender count as one", "a number that the stay keeps from its first message on",
         field("PV1", 19)),
    Need(_W, "pathway.no-admission-time", pathway.without_admission,
         "no time of admission: the deadline for the notice to the municipality runs from the event's", "the time, with its offset",
         field("PV1", 44)),
    Need(_W, "pathway.no-discharge-time", pathway.without_discharge,
         "no time of discharge: the stay ends at the time of the event", "the time, with its offset", field("PV1", 45)),
    Need(_W, "time.no-event-time", pathway.without_event_time,
         "no time of the event in EVN-6 or EVN-2: the time of the message stands for it", "when it happened in EVN-6, when it was recorded"
         " in EVN-2", field("EVN", 2)),
    Need(_W, "time.unreadable", pathway.unreadable_time,
         "no time: what hangs on it goes by another, or by when the hub had the message", "YYYYMMDDHHMM[SS][+/-ZZZZ]", ""),
    Need(_N, "time.no-offset", pathway.without_offset,
         "no offset from UTC: times that have none are read as Norwegian civil time", "YYYYMMDDHHMMSS+0100", field("MSH", 7)),
    Need(_W, "event.two", pathway.two_events,
         "another event than MSH-9: the hub goes by MSH-9, others may go by this", "the event of MSH-9, or nothing", field("EVN", 1)),
    Need(_N, "event.no-structure", pathway.without_structure,
         "no message structure: the hub does not need it, receivers may", "the structure, as in ADT^A04^ADT_A01", field("MSH", 9)),
    Need(_W, "event.wrong-structure", pathway.wrong_structure,
         "not the structure of the event: the hub goes by the event, receivers may not", "the structure that table 0354 has for the event",
         field("MSH", 9)),
    Need(_W, "consent.unknown-label", pathway.unknown_label,
         "a security label that the hub does not know: nobody but the sender gets the message", "U, R or V (table 0177), or Y or N in"
         " PV2-22", field("PV2", 22)),
    Need(_N, "consent.no-label", pathway.no_label, "no security label, and not read as one", "R, V, PSY, HIV ..., or nothing",
         field("MSH", 8)),
    Need(_W, "fhir.no-translation", pathway.no_translation,
         "the hub cannot make FHIR of this message: deliveries to FHIR recipients wait for a person", "ask the hub's operator",
         ""),
    Need(_W, "answer.unknown-mode", pathway.unknown_answer,
         "no code of table 0155: it counts as empty, and the sender may wait for an answer that does not come", "AL, NE, ER or SU, or"
         " nothing in both MSH-15 and MSH-16", told("2.9.2, table 0155")),
    Need(_W, "text.undeclared", text.undeclared,
         "letters beyond ASCII, and no character set is declared: they are what the sender's entry in the hub says, or else the hub's"
         " default", "the character set: UNICODE UTF-8, 8859/1 ...", told(sections.CHARACTER_SETS)),
    Need(_W, "text.misdeclared", text.misdeclared,
         "the bytes are a text in UTF-8, and are read as one byte a letter: names come out wrong", "UNICODE UTF-8",
         told(sections.CHARACTER_SETS)),
    Need(_N, "text.byte-order-mark", text.with_mark, "a byte order mark before the header: it is left out", "begin with MSH",
         told("2.15.9")),
    Need(_N, "text.line-ends", text.wrong_ends,
         "segments end with LF or CR LF: the hub takes it, recipients of HL7 v2 get it so", "CR (0D) alone", told(sections.DELIMITERS)),
    Need(_N, "text.early-truncation", text.early_truncation, "a truncation character, which comes with version 2.7",
         "four encoding characters, as in ^~\\&", told(sections.DELIMITERS)),
    Need(_N, "text.long-control-id", text.long_control_id,
         "longer than the 20 characters that versions before 2.7 allow: the hub takes it, receivers may cut it", "at most 20 characters",
         field("MSH", 10)),
    Need(_W, "text.unfinished-escape", text.unfinished_escape,
         "an escape character that begins no escape sequence: it is kept as it is, and other readers lose what is behind it",
         "\\E\\ for the character itself", told(sections.ENCODING)),
    Need(_N, "text.unknown-escape", text.unknown_escape,
         "an escape sequence that only sender and receiver know (\\Z..\\, \\C..\\, \\M..\\): kept as it is written, in FHIR too",
         "the characters themselves, in the declared character set", told(sections.ENCODING)),
    Need(_W, "document.not-base64", text.no_base64,
         "said to be base64, and is not: FHIR recipients get the characters as a text", "base64 without anything else, its end padded by =",
         told("2.A.24")),
    Need(_W, "result.no-value-type", text.without_value_type, "a value of no type: FHIR recipients get it as text, or a number by its unit",
         "the type: NM, ST, CWE, ED ...", field("OBX", 2)),
    Need(_W, "result.no-status", text.without_result_status,
         "no status of the result: FHIR recipients get it as unknown", "F, P, C ... (table 0085)", field("OBX", 11)),
    Need(_N, "segment.local", text.local_segments,
         "a local segment: it is in what HL7 v2 recipients in full detail get, and in nothing else", "what others must know in a segment of"
         " the standard", told(sections.Z_SEGMENTS)),
)  # fmt: skip


def unmet(case: Case) -> Iterator[Finding]:
    """Every need that a message does not meet."""
    for need in NEEDS:
        for spot in need.test(case):
            problem = f"{need.problem} ({spot.detail})" if spot.detail else need.problem
            yield Finding(
                need.severity, need.code, spot.place, problem, need.instead, need.section or sections.of_place(spot.place), spot.segment
            )
