"""Whose fault it is, and what each protocol answers.

Two failures, told apart by whose fault they are:

    HubError
    |-- Rejected   theirs: the message breaks a rule; the sender is told, the message is quarantined
    `-- Faulted    ours: the hub could not do its part; never a positive answer, the sender keeps the only safe copy

Neither has room for a value out of a message, so ``str(exc)`` cannot disclose a patient.
One table (``ANSWERS``) maps each reason to its HL7 acknowledgement, HTTP status and OperationOutcome code;
the reason itself is the metric label.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Reason(StrEnum):
    """Why a message is refused. The closed vocabulary of metrics, quarantine and answers."""

    NO_HEADER = "no_header"  # no MSH segment / no MessageHeader
    BAD_DELIMITERS = "bad_delimiters"  # MSH-1/MSH-2 malformed, equal or not printable
    BAD_FRAME = "bad_frame"  # MLLP: a start block missing or inside a frame, control bytes
    BAD_SEGMENT = "bad_segment"  # a line that begins with no segment name, or a segment that belongs to no message of its batch
    SEVERAL_MESSAGES = "several_messages"  # in a frame that is no batch
    TOO_LARGE = "too_large"
    TOO_COMPLEX = "too_complex"  # more segments, fields or repetitions than the limit
    BAD_ENCODING = "bad_encoding"  # the bytes are not what MSH-18 says
    UNSUPPORTED_TYPE = "unsupported_type"
    UNSUPPORTED_EVENT = "unsupported_event"
    UNSUPPORTED_PROCESSING_ID = "unsupported_processing_id"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_SENDER = "unknown_sender"
    SENDER_MISMATCH = "sender_mismatch"  # the authenticated provider may not speak as this MSH-4
    MISSING_CONTROL_ID = "missing_control_id"
    MISSING_SEGMENT = "missing_segment"
    MISSING_FIELD = "missing_field"
    BAD_VALUE = "bad_value"
    MISSING_PATIENT = "missing_patient"  # PID-3 / Patient.identifier absent, or naming nobody
    SEVERAL_PATIENTS = "several_patients"
    UNWELCOME_PERSON_NUMBER = "unwelcome_person_number"  # a synthetic number where only real ones are taken, or the other way round
    DUPLICATE_CONTROL_ID = "duplicate_control_id"  # same sender and control id, other bytes
    BAD_JSON = "bad_json"
    BAD_XML = "bad_xml"  # not well-formed
    UNSAFE_XML = "unsafe_xml"  # a document type: it may name entities, files and networks
    UNSUPPORTED_FORMAT = "unsupported_format"  # XML and others where only JSON is read
    NOT_A_MESSAGE = "not_a_message"  # a FHIR resource that is not a message Bundle
    BROKEN_REFERENCE = "broken_reference"
    UNSUPPORTED_CONSENT = "unsupported_consent"
    INTERNAL_ERROR = "internal_error"  # the hub could not read it: a fault in the hub, not in the message
    NO_TRANSLATION = "no_translation"  # the message cannot be made into the form a recipient takes


class Cause(StrEnum):
    """Why the hub could not do its part."""

    BROKER_UNAVAILABLE = "broker_unavailable"
    BROKER_TIMEOUT = "broker_timeout"  # outcome unknown
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    OVERLOADED = "overloaded"
    FENCED = "fenced"  # another process owns the partition now
    SCHEMA_UNKNOWN = "schema_unknown"  # a record of no schema that can be had: waiting does not help
    REGISTRY_UNAVAILABLE = "registry_unavailable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one reason looks like in each protocol.

    ack: HL7 table 0008 in original mode; enhanced mode replaces the A by a C. Since one table serves both modes it follows the stricter
    one (HL7 v2.9, 2.9.3): reject (AR/CR) is for a message type, event, processing id or version that is not taken, error (AE/CE) for
    every other reason.
    err: HL7 table 0357 code. http: status. issue: FHIR IssueType code. act: what a person can do about it.
    """

    ack: str
    err: int
    http: int
    issue: str
    act: str


ANSWERS: Final = MappingProxyType(
    {
        Reason.NO_HEADER: Answer("AE", 100, 400, "structure", "start the message with its header segment"),
        Reason.BAD_DELIMITERS: Answer("AE", 102, 400, "structure", "use five distinct printable delimiters, as in MSH|^~\\&|"),
        Reason.BAD_FRAME: Answer("AE", 102, 400, "structure", "frame as <VT> message <FS><CR> with no control bytes inside"),
        Reason.BAD_SEGMENT: Answer(
            "AE", 100, 400, "structure", "begin each line with a segment name and put it inside a message; a line break in text is \\.br\\"
        ),
        Reason.SEVERAL_MESSAGES: Answer("AE", 100, 400, "structure", "send one message a frame, or wrap them in BHS and BTS"),
        Reason.TOO_LARGE: Answer("AE", 207, 413, "too-long", "send a smaller message or ask the hub's operator to raise the limit"),
        Reason.TOO_COMPLEX: Answer(
            "AE", 207, 413, "too-costly", "send less at once: too many messages, patients, segments, fields, repetitions or identifiers"
        ),
        Reason.BAD_ENCODING: Answer("AE", 102, 400, "value", "declare the character set the bytes are in: MSH-18 or XML declaration"),
        Reason.UNSUPPORTED_TYPE: Answer("AR", 200, 422, "not-supported", "this message type is not carried by the hub"),
        Reason.UNSUPPORTED_EVENT: Answer("AR", 201, 422, "not-supported", "this trigger event is not carried by the hub"),
        Reason.UNSUPPORTED_PROCESSING_ID: Answer("AR", 202, 422, "not-supported", "use processing id P, T or D as agreed"),
        Reason.UNSUPPORTED_VERSION: Answer("AR", 203, 422, "not-supported", "use HL7 version 2.1 to 2.9, or FHIR R4"),
        Reason.UNKNOWN_SENDER: Answer("AE", 204, 403, "forbidden", "have the sending facility registered as a provider's sender"),
        Reason.SENDER_MISMATCH: Answer("AE", 204, 403, "forbidden", "send only as a facility registered for this certificate or token"),
        Reason.MISSING_CONTROL_ID: Answer("AE", 101, 422, "required", "give each message a control id of its own"),
        Reason.MISSING_SEGMENT: Answer("AE", 100, 422, "required", "add the segment this message needs"),
        Reason.MISSING_FIELD: Answer("AE", 101, 422, "required", "fill the field this message needs"),
        Reason.BAD_VALUE: Answer("AE", 103, 422, "value", "correct the value at the place named"),
        Reason.MISSING_PATIENT: Answer("AE", 101, 422, "required", "identify the patient (PID-3 / Patient.identifier)"),
        Reason.SEVERAL_PATIENTS: Answer(
            "AE", 102, 422, "business-rule", "send one patient a message, or all that is told of each behind that patient's PID"
        ),
        Reason.UNWELCOME_PERSON_NUMBER: Answer(
            "AE", 103, 422, "business-rule", "send real patients to a hub in production, and synthetic ones to a hub for tests"
        ),
        Reason.DUPLICATE_CONTROL_ID: Answer("AE", 205, 409, "duplicate", "use a new control id for a new message"),
        Reason.BAD_JSON: Answer("AE", 102, 400, "structure", "send well-formed JSON in UTF-8"),
        Reason.BAD_XML: Answer("AE", 102, 400, "structure", "send well-formed XML"),
        Reason.UNSAFE_XML: Answer("AE", 102, 400, "structure", "send XML without a DOCTYPE"),
        Reason.UNSUPPORTED_FORMAT: Answer("AR", 200, 415, "not-supported", "send application/fhir+json"),
        Reason.NOT_A_MESSAGE: Answer("AR", 200, 422, "not-supported", "send a Bundle of type message with a MessageHeader first"),
        Reason.BROKEN_REFERENCE: Answer(
            "AE", 102, 422, "not-found", "include every resource the message refers to; a receipt can refer only to what the hub sent you"
        ),
        Reason.UNSUPPORTED_CONSENT: Answer("AR", 200, 422, "not-supported", "use one of the consent shapes in the documentation"),
        Reason.INTERNAL_ERROR: Answer("AE", 207, 500, "exception", "the hub could not read it: report it, and redrive it after an upgrade"),
        Reason.NO_TRANSLATION: Answer("AE", 207, 422, "not-supported", "take this event in another form"),
    }
)


class HubError(Exception):
    """Root of the two failures; never raised itself."""


class Rejected(HubError):  # noqa: N818  named for whose fault it is
    """The message breaks a rule. ``where`` is a place (``PID-3``, ``Bundle.entry[0]``), never a value."""

    def __init__(self, reason: Reason, where: str = "") -> None:
        super().__init__(f"{reason.value} at {where}" if where else reason.value)
        self.reason: Final = reason
        self.where: Final = where

    @property
    def answer(self) -> Answer:
        """The row of ``ANSWERS`` for this reason."""
        return ANSWERS[self.reason]


class Faulted(HubError):  # noqa: N818  named for whose fault it is
    """The hub could not do its part: nothing may be acknowledged as done."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause: Final = cause
