"""Whether an answer may differ from item to item of a message: if not, nobody need look at them."""

from hub.consent.labels import NORMAL, level
from hub.consent.question import LABELS
from hub.model import Policy, Provision


def by_items(policy: Policy) -> bool:
    """Whether any consent concerns only some of what a message may hold; one that is not active concerns nothing."""
    return any(c.active and (_is_narrow(c.provision) or any(map(_is_narrow, c.provision.exceptions))) for c in policy.consents)


def by_labels(labels: tuple[str, ...]) -> bool:
    """Whether labels among these restrict anything: some item may bear them and others not."""
    return bool(labels) and (not LABELS.issuperset(labels) or level(labels) > NORMAL)


def _is_narrow(provision: Provision) -> bool:
    return bool(provision.data_period or provision.labels or provision.classes or provision.codes or provision.data)
