"""What a composed message is made of, and the parts of it that every family asks for."""

from dataclasses import dataclass

from hub.adapters.fhir import facts
from hub.adapters.fhir.document import Entries, Json, objects
from hub.adapters.fhir.message import Message
from hub.errors import Reason, Rejected
from hub.model import Detail, Event, Provider


@dataclass(frozen=True, slots=True)
class Copy:
    """One recipient's copy of a message."""

    message: Message
    event: Event
    detail: Detail
    recipient: Provider
    size_max: int  # characters: what the sender wrote once may be told in many segments, but not without end

    @property
    def entries(self) -> Entries:
        """The resources of the Bundle."""
        return self.message.entries

    @property
    def visit(self) -> Json:
        """The Encounter the message is about; ``{}`` for none."""
        return facts.encounter(self.message)

    def focus(self, *kinds: str) -> list[Json]:
        """The resources of these types the message is about: those in focus, else every one of them."""
        found = [self.entries.target(f) for f in objects(self.message.header.get("focus"))]
        return [r for r in found if r.get("resourceType") in kinds] or [r for r in self.entries.all if r.get("resourceType") in kinds]

    def only(self, kind: str) -> Json:
        """The one resource of this type the message is about. Raises Rejected(NO_TRANSLATION): a v2 message would lose the others."""
        found = self.focus(kind)
        if len(found) != 1:
            raise Rejected(Reason.NO_TRANSLATION, "MessageHeader.focus")
        return found[0]
