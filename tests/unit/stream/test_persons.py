"""Who is who: what a merge joins and an unmerge gives back, and what of other partitions must be decided first. No server."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.identity import PatientKeys
from hub.ledger.batch import Known, Writes
from hub.ledger.consents import Consents
from hub.model import Identifier, Received
from hub.routing.directory import Directory
from hub.stream.kafka import partition_of
from hub.stream.persons import NO_KEYS, Behind, Persons
from tests.contracts.transit_rig import PSEUDONYMS, received

BEHIND = Behind({part: 100 + part for part in range(4)}, 4)


def keys(*values: str) -> PatientKeys:
    return PSEUDONYMS.of_message([Identifier("OLAV", v) for v in values], "olav") if values else NO_KEYS


def link(value: str) -> str:
    return keys(value).patient


class World:
    """Persons over a ledger that starts empty, driven by what messages say."""

    def __init__(self) -> None:
        self.known = Known(1, set(), {}, {}, {}, {}, {}, Consents([]))
        self.writes = Writes()
        self.persons = Persons(self.known, self.writes, Directory((), (), 1), BEHIND)

    def message(self, *values: str, mrg: tuple[str, ...] = (), apart: tuple[str, ...] = ()) -> Any:
        """What transit does with one, apart from deciding about it."""
        of, merged, other = keys(*values), keys(*mrg), keys(*apart)
        who = self.persons.who(of, merged, other, envelope(of))
        if who.in_conflict:
            return who
        self.persons.learn(of, who.owner, self.persons.origin(of, who.owner) or who.owner)
        if who.retired:
            leader = min(who.retired)
            self.persons.learn(merged, who.owner, self.persons.origin(merged, leader) or leader)
            self.persons.merge(who.retired, who.owner, {k for p in who.concerned for k in self.known.locks.get(p, ())})
        if who.restored:
            self.persons.unmerge(who.owner, who.restored)
        return who

    def owners(self) -> dict[str, str]:
        return dict(self.known.owners)

    def locks(self) -> dict[str, set[str]]:
        """Lock keys of each patient, as they follow from the rows of the ledger."""
        found: dict[str, set[str]] = {}
        for name, owner in self.known.owners.items():
            found.setdefault(owner, set()).update(self.known.link_locks[name])
        return found


def envelope(of: PatientKeys) -> Received:
    return replace(received("c", raw=b"x"), patient_key=of.patient)


def test_a_patient_who_was_not_merged_waits_for_nobody() -> None:
    world = World()
    who = world.message("1", "2")
    assert world.persons.fence(who.owner, (0, 5)) is None


def test_a_merged_patient_waits_for_every_partition_its_identifiers_lead_to_but_the_messages_own() -> None:
    world = World()
    world.message("1", "2")
    world.message("3")
    survivor = world.message("3", mrg=("1",)).owner
    parts = {partition_of(link(v), 4) for v in "123"}
    for spot in range(4):
        expected = [n for part in sorted(parts - {spot}) for n in (part, 100 + part)]
        assert world.persons.fence(survivor, (spot, 5)) == tuple(expected)


def test_what_is_decided_already_is_not_waited_for() -> None:
    world = World()
    world.persons = Persons(world.known, world.writes, Directory((), (), 1), Behind({}, 4))
    assert world.persons.fence(world.message("3", mrg=("1",)).owner, (0, 5)) == ()


def test_an_unmerge_of_two_who_were_never_merged_changes_nothing() -> None:
    world = World()
    world.message("1")
    world.message("2")
    before = world.owners()
    assert not world.message("1", apart=("2",)).restored
    assert not world.message("1", apart=("7",)).restored
    assert (world.owners(), world.writes.merges) == (before, [])


def test_one_that_was_known_by_its_merge_alone_can_be_restored_too() -> None:
    world = World()
    world.message("2", mrg=("1",))
    world.message("2", apart=("1",))
    assert world.owners() == {link("1"): link("1"), link("2"): link("2")}


def test_a_number_that_moved_to_the_survivor_goes_back() -> None:
    world = World()
    world.message("9", "1")
    world.message("2")
    before = world.owners()
    world.message("9", "2", mrg=("1",))
    assert set(world.owners().values()) == {link("2")}
    world.message("2", apart=("1",))
    assert world.owners() == before


def test_what_was_learned_since_goes_with_the_identifiers_it_came_with() -> None:
    world = World()
    world.message("1")
    world.message("2")
    world.message("2", mrg=("1",))
    world.message("1", "11")
    world.message("2", "22")
    world.message("1", apart=("2",))
    assert world.owners() == {link("1"): link("1"), link("11"): link("1"), link("2"): link("2"), link("22"): link("2")}


def test_of_two_merges_the_latest_that_made_them_one_is_taken_back() -> None:
    """1 into 2, 2 into 3: 1 and 2 told apart leaves 2 with 3, 2 and 3 told apart leaves 1 with 2."""
    for pair, left in ((("1", "2"), {"1": "1", "2": "3", "3": "3"}), (("2", "3"), {"1": "2", "2": "2", "3": "3"})):
        world = World()
        for value in "123":
            world.message(value)
        world.message("2", mrg=("1",))
        world.message("3", mrg=("2",))
        world.message(pair[0], apart=(pair[1],))
        assert world.owners() == {link(k): link(v) for k, v in left.items()}


def test_who_was_told_apart_can_be_merged_again_the_other_way_round() -> None:
    world = World()
    world.message("1")
    world.message("2")
    world.message("2", mrg=("1",))
    world.message("1", apart=("2",))
    world.message("1", mrg=("2",))
    assert set(world.owners().values()) == {link("1")}
    world.message("2", apart=("1",))
    assert world.owners() == {link("1"): link("1"), link("2"): link("2")}


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 3)), min_size=1, max_size=8),
    st.permutations("abcd"),
    st.lists(st.sampled_from("abcd"), max_size=4),
    st.sampled_from([1, -1]),
)
def test_a_merge_and_its_unmerge_leave_every_identifier_and_lock_where_it_was(
    said: list[tuple[str, int]], order: list[str], merged_before: list[str], turn: int
) -> None:
    """Whatever was known of four people, whoever of them was merged before, and whatever they were told apart by."""
    world = World()
    for who, count in said:
        world.message(*(f"{who}{n}" for n in range(1, count + 1)))
    for who in (f"{p}1" for p in "abcd"):
        world.message(who)
    for other in merged_before:
        if other not in order[:2]:
            world.message(f"{order[0]}1", mrg=(f"{other}1",))
    before = (world.owners(), world.locks())
    world.message(f"{order[0]}1", mrg=(f"{order[1]}1",))
    assert len({world.known.owners[link(f"{p}1")] for p in order[:2]}) == 1
    one, other = (f"{order[0]}1", f"{order[1]}1")[::turn]
    world.message(one, apart=(other,))
    assert (world.owners(), world.locks()) == before
