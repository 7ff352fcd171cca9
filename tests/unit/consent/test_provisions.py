"""What one consent says about one thing: each element by itself, the exceptions, and what happens where nobody can tell."""

from dataclasses import replace

import pytest

from hub.consent.case import Case
from hub.consent.provisions import Opinion, could_apply, opinion, surely_applies
from hub.consent.question import Asker, Capacity, Question
from hub.identity import DNR, FNR, HPR, HUB_PROVIDER
from hub.model import (
    Actor,
    ActorKind,
    Base,
    Boundaries,
    Channel,
    Consent,
    DataReference,
    Deliver,
    Identifier,
    Item,
    Meaning,
    Provider,
    ProviderKind,
    Provision,
    Span,
)

NOW = 1_000
TOWN = Provider("town", "Town", ProviderKind.MUNICIPALITY, "942110464", (), Deliver(Channel.MAILBOX))
ASKED = Question("hospital", TOWN)
NURSE = replace(ASKED, asker=Asker(Capacity.PERSONNEL, identifiers=(Identifier(HPR, "1"),), roles=(Identifier("r", "nurse"),)))
KNOWN = replace(NURSE, asker=replace(NURSE.asker, groups=(Identifier("g", "team"),)))
TWICE = replace(NURSE, asker=replace(NURSE.asker, identifiers=(Identifier(HPR, "1"), Identifier("", "2"))))
LOOSE = replace(NURSE, asker=replace(NURSE.asker, identifiers=(Identifier("", "2"),)))
ALONE = replace(NURSE, asker=replace(NURSE.asker, groups=()))
UNKNOWN = replace(ASKED, asker=Asker(Capacity.PERSONNEL))
LOINC, ICD, ICPC = "http://loinc.org", "urn:oid:icd", "urn:oid:icpc"
OBSERVATION = Item(
    "1", "Observation", ("N",), ((LOINC, "1-8"), (ICD, "F20")), 10, 20, (Identifier(HPR, "7"),), (Identifier("", "Observation/1"),),
    (Identifier("", "Encounter/9"),),
)  # fmt: skip
BARE = Item("2")


def case(item: Item = OBSERVATION, question: Question = ASKED, *, whole: bool = False, now_us: int = NOW) -> Case:
    return Case(question if whole else replace(question, items=(item,)), item, now_us, Boundaries(), True)


def actor(system: str, value: str, kind: ActorKind = ActorKind.ORGANISATION) -> Provision:
    return Provision(True, actors=(Actor(Identifier(system, value), kind),))


def data(meaning: Meaning, system: str, value: str) -> Provision:
    return Provision(True, data=(DataReference(meaning, Identifier(system, value)),))


PERSON, ROLE, GROUP, ORGANISATION = ActorKind.PERSON, ActorKind.ROLE, ActorKind.GROUP, ActorKind.ORGANISATION
INSTANCE, RELATED, AUTHORED = Meaning.INSTANCE, Meaning.RELATED, Meaning.AUTHORED_BY
# provision | case || a deny applies | a permit applies
ROWS = {
    "nothing said": (Provision(True), case(), True, True),
    # period
    "in the period": (Provision(True, Span(NOW, NOW)), case(), True, True),
    "before the period": (Provision(True, Span(NOW + 1, None)), case(), False, False),
    "after the period": (Provision(True, Span(None, NOW - 1)), case(), False, False),
    # dataPeriod: overlaps, both ends inside
    "ends as the period begins": (Provision(True, data_period=Span(20, None)), case(), True, True),
    "ended before": (Provision(True, data_period=Span(21, None)), case(), False, False),
    "begins as the period ends": (Provision(True, data_period=Span(None, 10)), case(), True, True),
    "begins after": (Provision(True, data_period=Span(None, 9)), case(), False, False),
    "no date": (Provision(True, data_period=Span(0, 5)), case(BARE), True, False),
    "only a beginning": (Provision(True, data_period=Span(11, None)), case(replace(OBSERVATION, last_us=None)), False, False),
    "only an end": (Provision(True, data_period=Span(20, 20)), case(replace(OBSERVATION, first_us=None)), True, True),
    "no date in a whole message": (Provision(True, data_period=Span(0, 5)), case(BARE, whole=True), True, False),
    # actors
    "the organisation": (actor(HUB_PROVIDER, "town"), case(), True, True),
    "another organisation": (actor(HUB_PROVIDER, "village"), case(), False, False),
    "the organisation in doubt": (actor("", "942110464"), case(), True, False),
    "one of two organisations": (
        Provision(True, actors=(Actor(Identifier(HUB_PROVIDER, "village")), Actor(Identifier(HUB_PROVIDER, "town")))), case(), True, True),
    "a person, sent to an organisation": (actor(HPR, "1", PERSON), case(), False, False),
    "a role, sent to an organisation": (actor("r", "nurse", ROLE), case(), False, False),
    "a group, sent to an organisation": (actor("g", "team", GROUP), case(), True, False),
    "a group with an organisation's number": (actor(HUB_PROVIDER, "town", GROUP), case(), True, False),
    "the person who asks": (actor(HPR, "1", PERSON), case(question=NURSE), True, True),
    "the person, without a system": (actor("", "1", PERSON), case(question=NURSE), True, False),
    "the person, not said to be one": (actor(HPR, "1"), case(question=NURSE), True, False),
    "another person": (actor(HPR, "2", PERSON), case(question=NURSE), False, False),
    "a person by another number": (actor(FNR, "2", PERSON), case(question=NURSE), True, False),
    "a person, and nobody knows who asks": (actor(HPR, "1", PERSON), case(question=UNKNOWN), True, False),
    "an organisation that is not the asker's": (actor(HUB_PROVIDER, "village"), case(question=NURSE), False, False),
    "one of the person's numbers, not said to be one": (actor("", "2"), case(question=TWICE), True, False),
    "a number like one without a system": (actor(HPR, "2", PERSON), case(question=TWICE), True, False),
    "a number without a system like one without": (actor("", "2", PERSON), case(question=TWICE), True, False),
    "a number unlike one without a system": (actor(HPR, "3", PERSON), case(question=TWICE), False, False),
    "a number unlike the only one, which is without": (actor(HPR, "3", PERSON), case(question=LOOSE), True, False),
    "another number without a system": (actor("", "3", PERSON), case(question=NURSE), False, False),
    "a person where a citizen asks": (actor(HPR, "1", PERSON), case(question=replace(NURSE, recipient=None)), True, True),
    "the asker's role": (actor("r", "nurse", ROLE), case(question=NURSE), True, True),
    "another role": (actor("r", "doctor", ROLE), case(question=NURSE), False, False),
    "a role, and nobody knows the asker's": (actor("r", "nurse", ROLE), case(question=UNKNOWN), True, False),
    "the asker's group": (actor("g", "team", GROUP), case(question=KNOWN), True, True),
    "another group": (actor("g", "others", GROUP), case(question=KNOWN), False, False),
    "a group, and nobody knows the asker's": (actor("g", "others", GROUP), case(question=NURSE), True, False),
    "a group of another kind": (actor("other", "team", GROUP), case(question=KNOWN), True, False),
    "a group, and the asker is in none": (actor("g", "team", GROUP), case(question=ALONE), False, False),
    "the asker's organisation": (actor(HUB_PROVIDER, "town"), case(question=NURSE), True, True),
    # purposes
    "the purpose": (Provision(True, purposes=("TREAT",)), case(), True, True),
    "another purpose": (Provision(True, purposes=("HRESCH", "HPAYMT")), case(), False, False),
    "a purpose within": (Provision(True, purposes=("TREAT",)), case(question=replace(ASKED, purpose="COC")), True, True),
    "another word for care": (Provision(True, purposes=("TREAT",)), case(question=replace(ASKED, purpose="CAREMGT")), True, False),
    "care by its narrower word": (Provision(True, purposes=("COC",)), case(), True, False),
    **{
        f"{asked} is {purpose}": (Provision(True, purposes=(purpose,)), case(question=replace(ASKED, purpose=asked)), True, True)
        for purpose, within in (("TREAT", "COC ETREAT BTG"), ("PATRQT", "FAMRQT PWATRNY")) for asked in within.split()
    },
    "operations": (Provision(True, purposes=("HOPERAT",)), case(question=replace(ASKED, purpose="CAREMGT")), True, True),
    "break-glass within emergency": (Provision(True, purposes=("ETREAT",)), case(question=replace(ASKED, purpose="BTG")), True, True),
    "emergency is not break-glass": (Provision(True, purposes=("BTG",)), case(question=replace(ASKED, purpose="ETREAT")), False, False),
    "one of two purposes": (Provision(True, purposes=("HRESCH", "TREAT")), case(), True, True),
    # labels
    "as labelled": (Provision(True, labels=("N",)), case(), True, True),
    "the high-water mark": (Provision(True, labels=("R",)), case(), True, True),
    "above the mark": (Provision(True, labels=("N",)), case(replace(OBSERVATION, labels=("R",))), False, False),
    "not that sensitivity": (Provision(True, labels=("PSY",)), case(), False, False),
    "that sensitivity": (Provision(True, labels=("PSY",)), case(replace(OBSERVATION, labels=("PSY",))), True, True),
    "nobody has labelled it": (Provision(True, labels=("PSY",)), case(BARE), True, False),
    "a whole message, labelled": (Provision(True, labels=("PSY",)), case(replace(BARE, labels=("N",)), whole=True), True, False),
    "a whole message, labelled just so": (Provision(True, labels=("N",)), case(replace(BARE, labels=("N",)), whole=True), True, False),
    # classes
    "its type": (Provision(True, classes=("Condition", "Observation")), case(), True, True),
    "another type": (Provision(True, classes=("Condition",)), case(), False, False),
    "no type": (Provision(True, classes=("Condition",)), case(BARE), True, False),
    # codes
    "its code": (Provision(True, codes=((LOINC, "1-8"),)), case(), True, True),
    "another code of the system": (Provision(True, codes=((LOINC, "2-6"),)), case(), False, False),
    "a code of a system it has none of": (Provision(True, codes=((ICPC, "P72"),)), case(), True, False),
    "one of two codes is another": (Provision(True, codes=((LOINC, "2-6"), (ICD, "F20"))), case(), True, True),
    "the code without its system": (Provision(True, codes=(("", "F20"),)), case(), True, False),
    "another code without a system": (Provision(True, codes=(("", "F21"),)), case(), False, False),
    "its code says no system": (Provision(True, codes=((ICD, "F20"),)), case(replace(OBSERVATION, codes=(("", "F20"),))), True, False),
    "another code, its own says no system": (
        Provision(True, codes=((ICD, "F21"),)), case(replace(OBSERVATION, codes=(("", "F20"),))), True, False),
    "no codes": (Provision(True, codes=((ICD, "F20"),)), case(BARE), True, False),
    # data
    "the thing itself": (data(INSTANCE, "", "Observation/1"), case(), True, True),
    "another of its type": (data(INSTANCE, "", "Observation/2"), case(), False, False),
    "a version of another of its type": (data(INSTANCE, "", "Observation/2/_history/1"), case(), False, False),
    "one of another type": (data(INSTANCE, "", "Condition/1"), case(), False, False),
    "one of another type, and what follows has two lines": (data(INSTANCE, "", "Condition/1#a\nb"), case(), False, False),
    "one by another number": (data(INSTANCE, "urn:x", "1"), case(), True, False),
    "of its type, with no number of that kind": (
        data(INSTANCE, "", "Observation/1"), case(replace(OBSERVATION, ids=(Identifier("urn:x", "1"),))), True, False),
    "a thing without numbers": (data(INSTANCE, "", "Observation/1"), case(BARE), True, False),
    "one of two things": (
        Provision(True, data=tuple(DataReference(INSTANCE, Identifier("", f"Observation/{n}")) for n in "21")), case(), True, True),
    "a number without a system, of which it has two": (
        data(INSTANCE, "", "A1"), case(replace(OBSERVATION, ids=(Identifier("", "A2"), Identifier("urn:x", "A1")))), True, False),
    "another number, and one without a system": (
        data(INSTANCE, "urn:x", "A1"), case(replace(OBSERVATION, ids=(Identifier("urn:x", "A2"), Identifier("", "A1")))), True, False),
    "the number of another system": (
        data(INSTANCE, "urn:y", "A1"), case(replace(OBSERVATION, ids=(Identifier("urn:y", "A2"), Identifier("urn:x", "A1")))),
        False, False),
    "numbers that look like references": (
        data(AUTHORED, "urn:x", "a/1"), case(replace(OBSERVATION, authors=(Identifier("urn:x", "b/1"),))), False, False),
    "references without a type": (
        data(RELATED, "", "urn:uuid:2"), case(replace(OBSERVATION, links=(Identifier("", "urn:uuid:1"),))), False, False),
    "the same address, once as a number": (
        data(RELATED, "", "http://x/Encounter/1"), case(replace(OBSERVATION, links=(Identifier("s", "http://x/Encounter/1"),))),
        True, False),
    "numbers of one system that look like addresses": (
        data(RELATED, "s", "Encounter/1"), case(replace(OBSERVATION, links=(Identifier("s", "http://x/Encounter/1"),))), False, False),
    "numbers of one system, whatever they look like": (
        data(RELATED, "s", "77"), case(replace(OBSERVATION, links=(Identifier("s", "Encounter/1"),))), False, False),
    "all of its encounter": (data(RELATED, "", "Encounter/9"), case(), True, True),
    "all of another encounter": (data(RELATED, "", "Encounter/8"), case(), False, False),
    "an encounter nobody knows of": (data(RELATED, "", "Encounter/9"), case(replace(OBSERVATION, links=())), True, False),
    "the encounter itself": (
        data(RELATED, "", "Encounter/9"), case(Item("e", "Encounter", ids=(Identifier("", "Encounter/9"),))), True, True),
    "its author": (data(AUTHORED, HPR, "7"), case(), True, True),
    "another author": (data(AUTHORED, HPR, "8"), case(), False, False),
    "an author by another number": (data(AUTHORED, DNR, "8"), case(), True, False),
    "no author": (data(AUTHORED, HPR, "8"), case(BARE), True, False),
    # several elements are all to match
    "both match": (Provision(True, purposes=("TREAT",), classes=("Observation",)), case(), True, True),
    "one does not": (Provision(True, purposes=("HRESCH",), classes=("Observation",)), case(), False, False),
}  # fmt: skip


@pytest.mark.parametrize(("provision", "asked", "deny", "permit"), ROWS.values(), ids=ROWS.keys())
def test_where_a_provision_applies(provision: Provision, asked: Case, *, deny: bool, permit: bool) -> None:
    assert (could_apply(provision, asked), surely_applies(provision, asked)) == (deny, permit)
    assert deny or not permit  # a permit never reaches further than a deny of the same words


IN, OUT = Provision(True, classes=("Observation",)), Provision(True, classes=("Condition",))
DOUBT = Provision(True, actors=(Actor(Identifier("", "942110464")),))


def allow(p: Provision, *exceptions: Provision) -> Provision:
    return replace(p, deny=False, exceptions=exceptions)


def forbid(p: Provision, *exceptions: Provision) -> Provision:
    return replace(p, deny=True, exceptions=exceptions)


LOCK, PERMIT = Opinion.LOCK, Opinion.PERMIT
# root || under the law's base | under an explicit one
TREES = {
    "deny": (forbid(IN), LOCK, LOCK),
    "deny of something else": (forbid(OUT), None, None),
    "deny in doubt": (forbid(DOUBT), LOCK, LOCK),
    "permit": (allow(IN), None, PERMIT),
    "permit of something else": (allow(OUT), None, None),
    "permit in doubt": (allow(DOUBT), None, None),
    "deny, but not this": (forbid(IN, allow(IN)), None, PERMIT),
    "deny, but not that": (forbid(IN, allow(OUT)), LOCK, LOCK),
    "deny, but perhaps not this": (forbid(IN, allow(DOUBT)), LOCK, LOCK),
    "perhaps deny, but not this": (forbid(DOUBT, allow(IN)), None, None),
    "an exception outside of what is denied": (forbid(OUT, allow(IN)), None, None),
    "permit, but not this": (allow(IN, forbid(IN)), LOCK, LOCK),
    "permit, but not that": (allow(IN, forbid(OUT)), None, PERMIT),
    "permit, but perhaps not this": (allow(IN, forbid(DOUBT)), LOCK, LOCK),
    "perhaps permit, but not this": (allow(DOUBT, forbid(IN)), LOCK, LOCK),
    "an exception outside of what is permitted": (allow(OUT, forbid(IN)), None, None),
    "of two exceptions deny wins": (forbid(IN, allow(IN), forbid(IN)), LOCK, LOCK),
    "whichever comes first": (forbid(IN, forbid(IN), allow(IN)), LOCK, LOCK),
    "in a permit too": (allow(IN, allow(IN), forbid(IN)), LOCK, LOCK),
    "a deny within a deny": (forbid(IN, forbid(OUT)), LOCK, LOCK),
    "a permit within a permit": (allow(IN, allow(IN)), None, PERMIT),
}


@pytest.mark.parametrize(("root", "law", "explicit"), TREES.values(), ids=TREES.keys())
def test_what_a_consent_says(root: Provision, law: Opinion | None, explicit: Opinion | None) -> None:
    asked = case()
    assert opinion(Consent("c", 1, True, root, Base.LAW), asked) == law
    assert opinion(Consent("c", 1, True, root, Base.EXPLICIT), asked) == explicit


ENCOUNTER = Item("3", "Encounter", ids=(Identifier("", "Encounter/1"), Identifier("", "urn:uuid:1"), Identifier("urn:e", "77")))
LINKED = Item("4", "Observation Encounter", ids=(Identifier("", "Observation/4"),), links=(Identifier("", "Encounter/1/_history/2"),))
# a literal reference || whether a lock on the thing itself, and on what is linked with it, holds for ENCOUNTER and for LINKED
REFERENCES = {
    "Encounter/1": (True, True, False, True),
    "http://a/fhir/Encounter/1": (True, True, False, True),
    "Encounter/1/_history/2": (True, True, False, True),
    "http://a/fhir/Encounter/1/_history/2": (True, True, False, True),
    "/Encounter/1": (True, True, False, True),
    "Encounter/1#part": (True, True, False, True),
    "http://a/fhir/Encounter/2": (False, False, False, False),
    "Encounter/2/_history/1": (False, False, False, False),
    "Encounter?identifier=http://x/y|77": (True, True, True, True),  # nobody can tell
    "urn:uuid:1": (True, True, True, True),
    "urn:uuid:2": (False, False, True, True),
    "Observation/4": (False, True, True, True),
}


@pytest.mark.parametrize(("reference", "holds"), REFERENCES.items(), ids=REFERENCES.keys())
def test_a_reference_means_the_same_however_it_is_written(reference: str, holds: tuple[bool, bool, bool, bool]) -> None:
    def locked(meaning: Meaning, item: Item) -> bool:
        provision = Provision(True, data=(DataReference(meaning, Identifier("", reference)),))
        return opinion(Consent("c", 1, True, provision), case(item=item)) is LOCK

    found = [locked(meaning, item) for item in (ENCOUNTER, LINKED) for meaning in (Meaning.INSTANCE, Meaning.RELATED)]
    assert tuple(found) == holds


def test_a_lock_finds_every_type_that_a_thing_is_told_as_and_a_permit_its_own() -> None:
    def said(type_: str, *, deny: bool) -> Opinion | None:
        return opinion(Consent("c", 1, True, Provision(deny, classes=(type_,)), Base.EXPLICIT), case(item=LINKED))

    assert [said(type_, deny=True) for type_ in ("Observation", "Encounter", "Condition")] == [LOCK, LOCK, None]
    assert [said(type_, deny=False) for type_ in ("Observation", "Encounter", "Condition")] == [PERMIT, None, None]
