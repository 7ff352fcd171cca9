"""Languages: table 0296, which is the user's own and in practice ISO 639, as BCP 47, which R4 demands of whom one speaks with.

Patient.communication.language and RelatedPerson.communication.language: required (maximum) binding to all languages of BCP 47, where a
language with a code of two letters goes by that one (RFC 5646, 2.2.1).
"""

from typing import Final

from hub.adapters.hl7v2.mappings import codes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, coding_of, cwe, remembered

BCP_47: Final = "urn:ietf:bcp:47"
_LETTERS: Final = 3
# ISO 639-2, terminological and bibliographic -> ISO 639-1
_SHORT: Final = dict(
    pair.split(":")
    for pair in (  # noqa: SIM905 - a table of pairs reads better as words
        "aar:aa abk:ab afr:af aka:ak alb:sq amh:am ara:ar arg:an arm:hy asm:as ava:av ave:ae aym:ay aze:az bak:ba bam:bm baq:eu bel:be "
        "ben:bn bih:bh bis:bi bod:bo bos:bs bre:br bul:bg bur:my cat:ca ces:cs cha:ch che:ce chi:zh chu:cu chv:cv cor:kw cos:co cre:cr "
        "cym:cy cze:cs dan:da deu:de div:dv dut:nl dzo:dz ell:el eng:en epo:eo est:et eus:eu ewe:ee fao:fo fas:fa fij:fj fin:fi fra:fr "
        "fre:fr fry:fy ful:ff geo:ka ger:de gla:gd gle:ga glg:gl glv:gv gre:el grn:gn guj:gu hat:ht hau:ha hbs:sh heb:he her:hz hin:hi "
        "hmo:ho hrv:hr hun:hu hye:hy ibo:ig ice:is ido:io iii:ii iku:iu ile:ie ina:ia ind:id ipk:ik isl:is ita:it jav:jv jpn:ja kal:kl "
        "kan:kn kas:ks kat:ka kau:kr kaz:kk khm:km kik:ki kin:rw kir:ky kom:kv kon:kg kor:ko kua:kj kur:ku lao:lo lat:la lav:lv lim:li "
        "lin:ln lit:lt ltz:lb lub:lu lug:lg mac:mk mah:mh mal:ml mao:mi mar:mr may:ms mkd:mk mlg:mg mlt:mt mon:mn mri:mi msa:ms mya:my "
        "nau:na nav:nv nbl:nr nde:nd ndo:ng nep:ne nld:nl nno:nn nob:nb nor:no nya:ny oci:oc oji:oj ori:or orm:om oss:os pan:pa per:fa "
        "pli:pi pol:pl por:pt pus:ps que:qu roh:rm ron:ro rum:ro run:rn rus:ru sag:sg san:sa sin:si slk:sk slo:sk slv:sl sme:se smo:sm "
        "sna:sn snd:sd som:so sot:st spa:es sqi:sq srd:sc srp:sr ssw:ss sun:su swa:sw swe:sv tah:ty tam:ta tat:tt tel:te tgk:tg tgl:tl "
        "tha:th tib:bo tir:ti ton:to tsn:tn tso:ts tuk:tk tur:tr twi:tw uig:ug ukr:uk urd:ur uzb:uz ven:ve vie:vi vol:vo wel:cy wln:wa "
        "wol:wo xho:xh yid:yi yor:yo zha:za zho:zh zul:zu"
    ).split()
)
_TABLE: Final = f"{codes.TERMINOLOGY}v2-0296"
_TABLES: Final = frozenset({_TABLE, f"{codes.TERMINOLOGY}v2-0657"})
_TWO: Final = frozenset(_SHORT.values())


def tag(code: str) -> str:
    """The BCP 47 tag of an ISO 639 code; "" for what is none that is known."""
    low = code.lower()
    return _SHORT.get(low, low if low in _TWO else "")


def _concept(raw: str, t: Text) -> Json:
    made = cwe(raw, t, BCP_47)
    found: list[Json] = []  # as they came, and then in BCP 47
    tagged: list[Json] = []
    for given in made.get("coding", ()):
        code, system = given["code"], given.get("system")
        known = tag(code)
        is_longer = system == BCP_47 and len(code) == _LETTERS  # by default: it is of the table, and there is a shorter one
        if known and (system in _TABLES or is_longer):
            tagged.append(coding_of(BCP_47, known, given.get("display", "")))
        found.append(given | {"system": _TABLE} if known and is_longer else given)
    return made | {"coding": found + tagged} if found else made


# CWE -> CodeableConcept: each code of table 0296 as BCP 47 too
language: Final = remembered(_concept)
