"""Judging a sender's HL7 v2 messages: against the standard, against what the hub needs, against what was agreed with the sender."""
