"""The patients of the day: synthetic identities as Test-Norge makes them (month + 80, both control digits hold); nobody is called this."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

UTF_8: Final = "UNICODE UTF-8"
LATIN_1: Final = "8859/1"
CODECS: Final = MappingProxyType({UTF_8: "utf-8", LATIN_1: "iso-8859-1"})  # MSH-18 -> Python codec


@dataclass(frozen=True, slots=True)
class Person:
    """One synthetic patient. ``charset`` is the MSH-18 her messages are written in; ``gp`` is PD1-3."""

    number: str
    family: str
    given: str
    born: str
    sex: str
    address: str
    municipality: str
    gp: str
    charset: str = UTF_8


_NIDAROS: Final = "Nidaros legesenter^^999001017^^^ENH"
_HOMMELVIK: Final = "Hommelvik legekontor^^999001025^^^ENH"
_TRONDHEIM: Final = "Munkegata 1^^Trondheim^^7013^NOR^H^^5001"
_MALVIK: Final = "Torggata 8^^Hommelvik^^7550^NOR^H^^5031"

PEOPLE: Final = MappingProxyType(
    {
        "åse": Person("14813810310", "Bjørnstad", "Åse", "19380114", "F", _TRONDHEIM, "5001", _NIDAROS),
        "øystein": Person("03905110208", "Næss", "Øystein", "19511003", "M", _MALVIK, "5031", _HOMMELVIK, LATIN_1),
        "kåre": Person("21924410296", "Ødegård", "Kåre", "19441221", "M", _MALVIK, "5031", _HOMMELVIK, LATIN_1),
        "unn": Person("24836310280", "Sæther", "Unn", "19630324", "F", _TRONDHEIM, "5001", _NIDAROS),
        "ingrid": Person("17827210234", "Aaslund Åm", "Ingrid", "19720217", "F", _TRONDHEIM, "5001", _NIDAROS),
        "jørgen": Person("29915910201", "Mæhle", "Jørgen", "19591129", "M", _TRONDHEIM, "5001", _NIDAROS, LATIN_1),
        "bjørg": Person("11878110287", "Åsgård", "Bjørg", "19810711", "F", _TRONDHEIM, "5001", _HOMMELVIK),
        "eirik": Person("08849010388", "Sørbø", "Eirik", "19900408", "M", _MALVIK, "5031", _NIDAROS),
    }
)
