"""Whether an actor is a provider: in doubt a lock matches and a permit does not."""

from dataclasses import replace

import pytest

from hub.consent.actors import actor_is, actor_matches
from hub.identity import ENH, HER, HPR, HUB_PROVIDER, RESH
from hub.model import Channel, Deliver, Identifier, Provider, ProviderKind

HOSPITAL = Provider("st-olavs", "St. Olavs", ProviderKind.HOSPITAL, "974749025", ("STOLAV",), Deliver(Channel.MAILBOX))
QUALIFIED = replace(HOSPITAL, organisation=f"{HER}|4711")
ELSEWHERE = replace(HOSPITAL, organisation="https://example.org/orgs|7")
MUNICIPALITY = replace(HOSPITAL, id="town", kind=ProviderKind.MUNICIPALITY, organisation=f"{ENH}|942110464")
BY_WORD = replace(HOSPITAL, organisation="HER|4711")
NAMELESS = replace(HOSPITAL, organisation="")

# provider | actor's system | actor's value || a lock matches | a permit matches
ROWS = [
    (HOSPITAL, HUB_PROVIDER, "st-olavs", True, True),
    (HOSPITAL, HUB_PROVIDER, " st-olavs ", True, True),
    (HOSPITAL, HUB_PROVIDER, "st-olav", False, False),
    (HOSPITAL, HUB_PROVIDER, "974749025", False, False),
    (HOSPITAL, ENH, "974749025", True, True),
    (HOSPITAL, ENH, "974 749 025", True, True),
    (HOSPITAL, ENH, "974749026", False, False),
    (HOSPITAL, ENH, "st-olavs", False, False),
    (HOSPITAL, HER, "974749025", True, True),
    (HOSPITAL, "https://example.org/orgs", "974749025", True, False),
    (HOSPITAL, HPR, "974749025", True, False),
    (HOSPITAL, "RSH", "974749025", True, False),
    (HOSPITAL, "", "974749025", True, False),
    (HOSPITAL, "", "st-olavs", True, False),
    (HOSPITAL, "", "STOLAV", False, False),
    (QUALIFIED, HER, "4711", True, True),
    (QUALIFIED, ENH, "4711", False, False),
    (QUALIFIED, "", "4711", True, False),
    (QUALIFIED, "", f"{HER}|4711", False, False),
    (QUALIFIED, HUB_PROVIDER, "st-olavs", True, True),
    (ELSEWHERE, "https://example.org/orgs", "7", True, True),
    (ELSEWHERE, "https://example.org/other", "7", True, False),  # two unknown systems may be one
    (ELSEWHERE, ENH, "7", True, False),
    (MUNICIPALITY, ENH, "942110464", True, True),
    (MUNICIPALITY, f" {ENH} ", "942110464", True, True),
    (MUNICIPALITY, "ENH", "942110464", True, True),  # the national system by its word
    (MUNICIPALITY, "https://example.org/orgs", "942110464", True, False),
    (MUNICIPALITY, HER, "942110464", False, False),  # both national, and not the same
    (MUNICIPALITY, HPR, "942110464", False, False),
    (MUNICIPALITY, RESH, "942110464", False, False),
    (MUNICIPALITY, "", "942110464", True, False),
    (MUNICIPALITY, " urn:hub:provider", "town", True, True),
    (MUNICIPALITY, "urn:hub:providers", "town", True, False),
    (BY_WORD, HER, "4711", True, True),
    (BY_WORD, ENH, "4711", False, False),
    (NAMELESS, HUB_PROVIDER, "st-olavs", True, True),
    (NAMELESS, "", "st-olavs", True, False),
    (NAMELESS, ENH, "", False, False),
    (NAMELESS, "", "", False, False),
]


@pytest.mark.parametrize(("provider", "system", "value", "lock", "permit"), ROWS)
def test_who_is_meant(provider: Provider, system: str, value: str, *, lock: bool, permit: bool) -> None:
    actor = Identifier(system, value)
    assert (actor_matches(actor, provider), actor_is(actor, provider)) == (lock, permit)
