"""Whether a recorded message is one patient's and nobody else's."""

from hub.model import Message
from hub.web.state import State


def is_theirs(state: State, message: Message, keys: frozenset[str]) -> bool:
    """False where any of its identifiers is somebody else's too, or it has none: in doubt it is nobody's. keys: all of the patient's."""
    links = [state.pseudonyms.link(i, message.received.provider) for i in message.received.identifiers]
    return bool(links) and keys.issuperset(links)
