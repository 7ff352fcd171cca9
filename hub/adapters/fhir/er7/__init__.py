"""A FHIR message as HL7 v2.5.1, for recipients that take v2: the tables of HL7 v2-to-FHIR read the other way round.

One file a family of messages (``FAMILIES``) says which segments it has and in what order; the segments that several families share stand
in files of their own, each a table of rows; ``datatypes`` and ``actors`` are the ground they stand on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

from hub.adapters.fhir.er7 import adt, mdm, orders, oru, pharmacy, ppr, ref, siu, vxu
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.detail import shown
from hub.adapters.fhir.er7.header import msh, sft
from hub.adapters.fhir.er7.negation import refuse
from hub.adapters.fhir.er7.triggers import Trigger, trigger_of
from hub.errors import Reason, Rejected

__all__ = ["FAMILIES", "Copy", "body", "head"]

FAMILIES: Final[Mapping[str, Callable[[Copy, Trigger], Iterator[str]]]] = MappingProxyType(  # MSH-9.1 -> what follows MSH
    {
        "ADT": adt.segments,
        "ORU": oru.segments,
        "MDM": mdm.segments,
        "REF": ref.segments,
        "RRI": ref.segments,
        "SIU": siu.segments,
        "ORM": orders.segments,
        "OML": orders.segments,
        "OMG": orders.segments,
        "RDE": pharmacy.segments,
        "RDS": pharmacy.segments,
        "VXU": vxu.segments,
        "PPR": ppr.segments,
    }
)
_WITHOUT_SOFTWARE: Final = frozenset({"SIU", "ORM"})  # HL7 2.5.1: structures without SFT


def head(copy: Copy) -> bytes:
    """MSH, which is all that depends on the recipient. Raises Rejected(NO_TRANSLATION) for what has no v2 form."""
    return _written(shown([msh(copy, trigger_of(copy))], copy.detail))


def body(copy: Copy) -> bytes:
    """What follows MSH, in UTF-8, segments ended by CR. Raises Rejected: NO_TRANSLATION for what has no v2 form, TOO_LARGE."""
    trigger = trigger_of(copy)
    refuse(copy.entries)
    segments: list[str] = []
    size = 0
    software = () if trigger.type in _WITHOUT_SOFTWARE else sft(copy)
    for segment in chain(software, FAMILIES[trigger.type](copy, trigger)):
        segments.append(segment)
        size += len(segment)
        if size > copy.size_max:
            raise Rejected(Reason.TOO_LARGE)
    return _written(shown(segments, copy.detail))


def _written(segments: Iterable[str]) -> bytes:
    return "".join(f"{segment}\r" for segment in segments).encode()
