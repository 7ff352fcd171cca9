"""The day, live: one readable line for what came in, one for each who got it or was kept out and why, and a table at the end."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.demo.check import Fate, differences, messages
from hub.demo.day import DAWN, DAY, EXPECTED, PROVIDERS, Link, Lock, Message
from hub.demo.play import Player

_LOOK_SECONDS: Final = 0.05
_SOON_SECONDS: Final = 15.0
_SETTLE_SECONDS: Final = 60.0
_DETAIL: Final = {"full": "all of it", "minimal": "patient and encounter only", "notice": "that it happened, to whom"}


@dataclass(frozen=True)
class Sight:
    """How the day looks at the hub from outside: the ledger's word on a control id, and what each provider's system got."""

    fate: Callable[[str, bool], Fate]  # control id, whether the repeat of it is meant
    inboxes: Callable[[], Mapping[str, Sequence[bytes]]]
    names: Mapping[str, str]


def play(player: Player, sight: Sight, say: Callable[[str], None]) -> list[str]:
    """Play the whole day; one line for each thing that is not as the table of expectations says. Raises DemoError, Faulted."""
    say(f"A day in the region: day {player.played.day}")
    for lock in DAWN:
        player.lock(lock)
        say(f"  lock     {lock.story}")
    told: dict[str, set[str]] = {}
    wrong: list[str] = []
    for step in DAY:
        if isinstance(step, Message):
            wrong += _send(step, player, sight, say, told)
        elif isinstance(step, Lock):
            player.lock(step)
            say(f"  lock     {step.story}")
        else:
            _link(step, player, say)
    fates = _settled(player, sight)
    for step in messages():
        _tell(step, fates[step.key], sight, say, told, is_late=True)
    inboxes = sight.inboxes()
    for step in messages():
        wrong += differences(step, fates[step.key], player.played.control_ids[step.key], inboxes)
    return wrong


def _link(step: Link, player: Player, say: Callable[[str], None]) -> None:
    player.link(step)
    say(f"  line     {step.story}")


def _send(step: Message, player: Player, sight: Sight, say: Callable[[str], None], told: dict[str, set[str]]) -> Iterator[str]:
    code = player.send(step)
    trigger = "^".join(step.type.split("^")[:2])
    say(f"  in       {step.story} ({trigger} from {step.sender}) -> {code}")
    if code != step.answer:
        yield f"{step.key}: answered {code}, expected {step.answer}"
    until = time.monotonic() + _SOON_SECONDS
    found = sight.fate(player.played.control_ids[step.key], bool(step.repeat_of))
    while not _is_shown(found, player) and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
        found = sight.fate(player.played.control_ids[step.key], bool(step.repeat_of))
    _tell(step, found, sight, say, told)


def _is_shown(found: Fate, player: Player) -> bool:
    """Settled as far as it can be now: those whose line is down wait."""
    return bool(found.outcome) and all(w != "waits" or p in player.down for p, w in found.words.items())


def _tell(
    step: Message, found: Fate, sight: Sight, say: Callable[[str], None], told: dict[str, set[str]], *, is_late: bool = False
) -> None:
    """Lines for everything that is known of a message now and was not told before."""
    known = told.setdefault(step.key, set())
    after = f" (of: {step.story})" if is_late else ""
    for provider, word in sorted(found.words.items()):
        if f"{provider} {word}" not in known:
            known.add(f"{provider} {word}")
            say(f"    {_line(sight.names.get(provider, provider), word, found.rules.get(provider, ''))}{after}")
    if not found.words and found.outcome and "nobody" not in known:
        known.add("nobody")
        say(f"    {_nobody(found.outcome)}")


def _line(name: str, word: str, rule: str) -> str:
    if word in _DETAIL:
        return f"got it     {name}: {_DETAIL[word]}"
    if word == "withheld":
        return f"kept out   {name}: the patient has locked it out (rule {rule})"
    if word == "stopped":
        return f"kept out   {name}: locked out before it could be sent (rule {rule})"
    if word == "waits":
        return f"waits      {name}: not there now, tried again until it is"
    return f"{word:10} {name} (rule {rule})"


def _nobody(outcome: str) -> str:
    return {
        "no_recipient": "nobody     no provider has asked to be told of this",
        "repeat": "nobody     already taken: answered again, delivered once",
        "quarantined": "nobody     refused, kept in quarantine for the operator (hub quarantine list)",
    }.get(outcome, f"nobody     {outcome}")


def _settled(player: Player, sight: Sight) -> dict[str, Fate]:
    """Every message's fate once nothing is left to happen, or when patience ends."""
    until = time.monotonic() + _SETTLE_SECONDS
    fates: dict[str, Fate] = {}
    open_ = list(messages())
    while open_ and time.monotonic() < until:
        fates |= {s.key: sight.fate(player.played.control_ids[s.key], bool(s.repeat_of)) for s in open_}
        open_ = [s for s in open_ if not fates[s.key].is_settled]
        time.sleep(_LOOK_SECONDS)
    return fates


def table(wrong: Sequence[str]) -> Iterator[str]:
    """The day as a table, each row with whether it held."""
    width = max(len(key) for key in EXPECTED)
    yield ""
    yield f"  {'message':{width}}  {'  '.join(f'{p:9}' for p in PROVIDERS)}  held"
    for key, row in EXPECTED.items():
        held = "NO" if any(line.startswith(f"{key}:") for line in wrong) else "yes"
        yield f"  {key:{width}}  {'  '.join(f'{w:9}' for w in row)}  {held}"
    yield ""
    yield from (f"  not as expected: {line}" for line in wrong)
    yield f"  {len(EXPECTED)} messages, {len(wrong)} differences"
