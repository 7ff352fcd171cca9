"""A missed deadline as a message: read by the hub's own reader, refused from anybody else."""

from dataclasses import replace

import pytest

from hub.adapters.fhir import message as fhir
from hub.errors import Reason, Rejected
from hub.model import Identifier, Kind
from hub.pathway.breach import breach_of
from tests.unit.pathway.test_episode import event, told

FNR = Identifier("urn:oid:2.16.578.1.12.4.1.4.1", "15076500565")


def test_the_hub_reads_what_it_raises_and_nobody_may_send_it() -> None:
    row = told(replace(event(Kind.ADMITTED), identifiers=(FNR, Identifier("MRN", "77"))))
    breach = breach_of("7cc5ee5d-e35d-85c1-960f-8e8d9c09d5d5", 1_795_000_000_000_000, row, now_us=1)
    read = fhir.read(breach.raw)
    assert read.kind is Kind.DEADLINE_BREACHED
    assert fhir.identifiers(read.patient) == breach.identifiers == (FNR, Identifier("urn:hub:provider:st-olavs:MRN", "77"))
    with pytest.raises(Rejected) as refused:
        fhir.envelope(breach.raw)
    assert refused.value.reason is Reason.UNSUPPORTED_EVENT
