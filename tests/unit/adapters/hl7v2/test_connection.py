"""A connection on a wire of its own: turns, bounds, deadlines, and the end of one that does not speak or does not listen."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from typing_extensions import override

from hub import telemetry
from hub.adapters.hl7v2.budget import Budget
from hub.adapters.hl7v2.connection import Connection, ConnectionLimits, OnReply
from hub.adapters.hl7v2.framing import Refused, frame
from hub.adapters.hl7v2.receive import Peer

KB, MB = 1024, 1024 * 1024
LIMITS = ConnectionLimits(MB, header_seconds_max=1, frame_seconds_max=5, idle_seconds_max=60, connections_max=9, held_bytes_max=4 * MB)


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.is_reading, self.is_closed, self.is_aborted, self.out = True, False, False, b""

    @override
    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    @override
    def pause_reading(self) -> None:
        self.is_reading = False

    @override
    def resume_reading(self) -> None:
        self.is_reading = True

    @override
    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.out += data

    @override
    def is_closing(self) -> bool:
        return self.is_closed

    @override
    def close(self) -> None:
        self.is_closed = True

    @override
    def abort(self) -> None:
        self.is_closed = self.is_aborted = True


class Desk:
    """Keeps what it is given, or answers at once with its first byte; ``-`` is no message."""

    def __init__(self, *, is_prompt: bool = False) -> None:
        self.is_prompt, self.asked, self.refused = is_prompt, list[tuple[bytes, OnReply]](), list[Refused]()

    def submit(self, raw: bytes, peer: Peer, on_reply: OnReply) -> bool:
        self.asked.append((raw, on_reply))
        if self.is_prompt:
            on_reply(raw[:1])
        return raw[:1] != b"-"

    def refuse(self, refused: Refused, peer: Peer, on_reply: OnReply) -> None:
        self.refused.append(refused)
        on_reply(b"!")


class House:
    def __init__(self, limits: ConnectionLimits = LIMITS, *, is_prompt: bool = False) -> None:
        self.limits, self.desk, self.budget = limits, Desk(is_prompt=is_prompt), Budget(limits.held_bytes_max)

    def joined(self, connection: Connection) -> bool:
        return True

    def left(self, connection: Connection) -> None: ...

    def guest(self) -> tuple[Connection, Wire]:
        connection, wire = Connection(self, self.desk, self.limits), Wire()
        connection.connection_made(wire)
        return connection, wire


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def told() -> None:
        await story()

    asyncio.run(told())


def test_after_so_many_messages_others_have_their_turn() -> None:
    async def story() -> None:
        house = House(is_prompt=True)
        connection, wire = house.guest()
        connection.data_received(frame(b"a") * 100)
        assert len(house.desk.asked) == 32
        assert not wire.is_reading
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(house.desk.asked) >= 64
        for _ in range(5):
            await asyncio.sleep(0)
        assert (len(house.desk.asked), wire.out, wire.is_reading, house.budget.held) == (100, b"a" * 100, True, 0)

    run(story)


def test_one_who_sends_no_message_a_hundred_times_is_shown_out() -> None:
    async def story() -> None:
        house = House(is_prompt=True)
        connection, wire = house.guest()
        connection.data_received(frame(b"-") * 50 + b"\x0bx" * 30 + frame(b"a") + frame(b"-") * 87_000)
        for _ in range(20):
            await asyncio.sleep(0)
        assert wire.is_closed
        assert 181 <= len(house.desk.asked) + len(house.desk.refused) < 181 + 64
        assert house.budget.held == 0

    run(story)


def test_large_messages_under_way_stop_the_reading() -> None:
    async def story() -> None:
        house = House()
        connection, wire = house.guest()
        for _ in range(4):
            connection.data_received(frame(b"a" * (600 * KB)))
        assert (len(house.desk.asked), wire.is_reading) == (2, False)
        assert house.budget.held < 2.5 * MB
        for _, on_reply in house.desk.asked[:]:
            on_reply(b"")
        await asyncio.sleep(0)
        assert (len(house.desk.asked), wire.is_reading) == (4, True)
        for _, on_reply in house.desk.asked[2:]:
            on_reply(b"")
        assert house.budget.held == 0

    run(story)


def test_all_connections_together_hold_so_much_and_small_messages_pass() -> None:
    async def story() -> None:
        house = House()
        large = [house.guest() for _ in range(20)]
        for _ in range(30):  # half frames: 900 KB each, if they were let
            for connection, wire in large:
                if wire.is_reading:
                    connection.data_received(b"\x0b" + b"a" * (30 * KB) if not connection.is_partial else b"a" * (30 * KB))
        assert house.budget.held < 5 * MB
        assert not any(wire.is_reading for _, wire in large)
        connection, wire = house.guest()
        connection.data_received(frame(b"b" * 1000))
        assert [raw[:1] for raw, _ in house.desk.asked] == [b"b"]
        house.budget.sweep()
        assert sum(wire.is_reading for _, wire in large) == 1  # it may end its frame
        for connection, _ in large:
            connection.connection_lost(None)
        house.desk.asked[0][1](b"")
        assert house.budget.held == 0

    run(story)


def test_a_connection_that_ends_gives_back_what_it_held() -> None:
    async def story() -> None:
        house = House()
        connection, _ = house.guest()
        connection.data_received(frame(b"a" * 1000) * 70 + b"\x0bhalf")
        connection.connection_lost(None)
        assert len(house.desk.asked) == 32
        for _, on_reply in house.desk.asked:
            on_reply(b"late")
        await asyncio.sleep(0)
        assert (len(house.desk.asked), house.budget.held) == (32, 0)

    run(story)


def test_one_who_takes_no_answers_is_not_waited_for() -> None:
    async def story() -> None:
        house = House(is_prompt=True)
        connection, wire = house.guest()
        now = asyncio.get_running_loop().time()
        connection.pause_writing()
        connection.data_received(frame(b"a") * 5)
        assert (len(house.desk.asked), wire.is_reading) == (0, False)  # nor is more made for it to take
        connection.check_deadlines(now + 4)
        assert not wire.is_aborted
        connection.resume_writing()
        await asyncio.sleep(0)
        assert (wire.out, wire.is_reading) == (b"aaaaa", True)
        connection.check_deadlines(now + 7)
        assert not wire.is_aborted
        connection.pause_writing()
        connection.check_deadlines(now + 7)
        assert wire.is_aborted

    run(story)


def test_one_who_does_not_take_its_last_answers_is_let_go() -> None:
    async def story() -> None:
        house = House()
        connection, wire = house.guest()
        connection.data_received(frame(b"a"))
        connection.close()
        now = asyncio.get_running_loop().time()
        connection.check_deadlines(now + 9)
        assert not wire.is_closed  # the hub owes it an answer
        house.desk.asked[0][1](b"x")
        assert (wire.out, wire.is_closed, wire.is_aborted) == (b"x", True, False)
        connection.check_deadlines(now + 9)
        assert wire.is_aborted

    run(story)


def test_what_cannot_be_told_is_told_by_the_end_after_the_answers_before() -> None:
    async def story() -> None:
        house = House()
        connection, wire = house.guest()
        connection.data_received(frame(b"a") + frame(b"b") + frame(b"c"))
        house.desk.asked[1][1](None)
        house.desk.asked[2][1](b"3")
        assert not wire.is_closed
        house.desk.asked[0][1](b"1")
        assert (wire.out, wire.is_closed, house.budget.held) == (b"1", True, 0)

    run(story)


def test_garbage_is_counted_and_forgiven_by_the_next_message() -> None:
    async def story() -> None:
        house = House(replace(LIMITS, frame_bytes_max=1000), is_prompt=True)
        connection, wire = house.guest()
        before = telemetry.GARBAGE._value.get()
        for _ in range(20):
            connection.data_received(b"x" * 100 + frame(b"a"))
        assert telemetry.GARBAGE._value.get() - before == 2000
        assert not wire.is_closed
        for _ in range(11):
            connection.data_received(b"x" * 100)
        assert wire.is_closed

    run(story)


def test_a_message_without_its_start_block_is_answered() -> None:
    async def story() -> None:
        house = House(is_prompt=True)
        connection, wire = house.guest()
        connection.data_received(b"MSH|^~\\&|A\r\x1c\r")
        assert ([r.head for r in house.desk.refused], wire.out) == ([b"MSH|^~\\&|A\r"], b"!")

    run(story)
