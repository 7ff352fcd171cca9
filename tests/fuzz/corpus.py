"""Messages to begin from, made by our own builders, and large hostile ones, each made to cost a careless reader dear."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.receive import Peer, receive
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.adapters.kith.reply import acknowledge, verdict
from hub.errors import Reason, Rejected
from hub.model import Channel, Deliver, Detail, Form, Provider, ProviderKind, Received, Refusal
from tests.fuzz.door import DOOR

RECIPIENT = Provider("trondheim", "Trondheim kommune", ProviderKind.MUNICIPALITY, "942110464", ("TRD",), Deliver(Channel.MAILBOX))
HEAD = "MSH|^~\\&|DIPS|STOLAV|HUB|REGION|20261120083015+0100||{type}|C-1|P|2.5.1||||||UNICODE UTF-8"
PID = (
    'PID|1|B77^^^STOLAV|13116900216^^^&2.16.578.1.12.4.1.4.1&ISO^FNR~A77^^^STOLAV^MR||Bjørnstad^Åse^Ødegård^^^^L~""^x||19691113|F|||'
    'Søndre gate 12^^Trondheim^^7011^NOR^H^^5001||90000001^PRN^CP~""|73000000^WPN^PH|no|M||||||||N|||NOR|||N'
)
PV1 = (
    "PV1|1|I|MED3^301^2^STOLAV|E|||9144889^Lund\\T\\Co^Kari^^^Dr.|||MED|||||||||V77^^^STOLAV|||||||||||||||||||||||||"
    "20261120082500|20261125120000+0100"
)
# one of every segment that says something, for whichever message it comes in
SEGMENTS = (
    "EVN|A01|20261120083015+0100||01|77^Lund^Kari|20261120082500",
    "PD1|||Legekontoret^^999001025^^^&1.2.3&ISO|9144889^Lund^Kari",
    "NK1|1|Berg^Ole|SPO^Spouse^HL70063|Veien 1^^Oslo|22222222",
    PV1,
    "PV2|||^Why|||||20261120||3||||||||||||R",
    "MRG|B88^^^STOLAV^MR~A99",
    "AL1|1|DA|N5840^Penicillin^L|SV|Rash\\.br\\and more|20200101",
    "DG1|1||I21.9^Infarction^I10||20261120|W",
    "PR1|1||FNG00^Angiography^L||20261120",
    "IN1|1|P1^Plan^L|C9|Company",
    "ORC|NW|P1^DIPS|F1^LAB||IP||||20261120|||77^Lund^Kari",
    "OBR|1|P1^DIPS|F1^LAB|24323-8^Panel^LN|||20261120||||||||BLD|77^Lund^Kari||||||20261120||LAB|F",
    "OBX|1|NM|2951-2^Sodium^LN||140.50|mmol/L^^UCUM|135-145|N|||F|||20261120",
    "OBX|2|SN|X^Titer^L||>^1^:^64||||||F",
    "OBX|3|ED|18842-5^Note^LN||^AP^PDF^Base64^JVBERi0xLjQK||||||F",
    "OBX|4|FT|18748-4^X-ray^LN||line\\.br\\\\H\\bold\\N\\ \\X0D0A\\ \\Zx\\||||||F",
    'OBX|5|TX|1^A^L||one~two~""||||||P',
    "NTE|1|L|Remark\\F\\with\\S\\all\\T\\of\\R\\them\\E\\",
    "TXA|1|DS^Summary|TX|20261120|||||||D1^STOLAV||||F.pdf|AU||R",
    "SCH|P1|F1||||RTN^Routine|||30|min|^^30^20261201090000+0100^20261201093000+0100|||||77^Lund||||||||BOOKED",
    "RGS|1|A",
    "AIS|1|A|CHK^Check^L|20261201",
    "AIL|1|A|POLI^2^^STOLAV",
    "AIP|1|A|77^Lund^Kari",
    "RF1|P|R|MED||X1|X2|20261120",
    "PRD|RP|Berg^Aud|Gt 1|||||999^ENH",
    "RXO|1234^Drug^L|10||mg",
    "RXE|^^^20261120|1234^Drug^L|10||mg",
    "RXR|IM^Intramuscular^HL70162",
    "RXD|1|1234^Drug^L|20261120|10",
    "RXA|0|1|20261120||08^HepB^CVX|1|mL",
    "TQ1|1|10|BID",
    "SPM|1|P1&DIPS^F1&LAB||BLD",
    "FT1|1|||20261120||CG|A1^Charge^L",
    "GT1|1||Berg^Ole",
    "ACC|20261120|T",
    "ROL|1|AD|PP|77^Lund^Kari",
    "PRB|AD|20261120|J18.9^Pneumonia^ICD10|I1",
    "ZPI|1|local^thing",
)


def message(kind: str, *segments: str, encoding: str = "utf-8", end: str = "\r") -> bytes:
    """A message of an event, with the patient and these segments."""
    return "".join(f"{s}{end}" for s in (HEAD.format(type=kind), PID, *segments)).encode(encoding)


@cache
def v2() -> tuple[bytes, ...]:
    """Messages of every event the hub carries, and the ways in which senders write them."""
    every = [message(kind, *SEGMENTS) for kind in KINDS]
    some = message("ADT^A01^ADT_A01", PV1)
    other = (
        some.replace(b"|", b"!").replace(b"^~\\&", b"*$%@").replace(b"^", b"*").replace(b"~", b"$").replace(b"&", b"@").replace(b"\\", b"%")
    )
    latin = some.decode().replace("UNICODE UTF-8", "8859/1").encode("latin-1")
    forms = [
        some,
        other,
        latin,
        some.replace(b"\r", b"\n"),
        some.replace(b"\r", b"\r\n"),
        b"\xef\xbb\xbf" + some,
        some.replace(b"^~\\&|", b"^~\\&#|", 1).replace(b"2.5.1", b"2.8"),
        some.replace(b"UNICODE UTF-8", b""),
        PID.encode(),
        *(message(kind, PV1, "PID|2||88^^^STOLAV^MR||Dahl^Ola", PV1) for kind in ("ADT^A17", "ADT^A24", "ORU^R01", "SIU^S12")),
        message("ADT^A40", "MRG|B88^^^STOLAV^MR", "PID|2||89^^^STOLAV^MR", "MRG|B89^^^STOLAV^MR"),
    ]
    return (*every, *forms)


@cache
def batches() -> tuple[bytes, ...]:
    """Batches and files of messages."""
    one = message("ADT^A01^ADT_A01", PV1)
    return (b"FHS|^~\\&|\rBHS|^~\\&|\r" + one + one + b"BTS|2\rFTS|1\r", b"BHS|^~\\&|A\r" + one + b"BTS|1\r", b"BHS|^~\\&|\rBTS|0\r")


@cache
def fhir() -> tuple[bytes, ...]:
    """What the hub itself makes of those messages: it must be able to read it."""
    made = []
    for raw in v2():
        seen = receive(raw, peek(raw), Peer(), DOOR, 0)
        if isinstance(seen, Received) and seen.refusal is None:
            try:
                made.append(Hl7v2Message(seen).render(Form.FHIR, Detail.FULL, RECIPIENT))
            except Rejected:
                continue
    return tuple(made)


def submissions() -> tuple[bytes, ...]:
    """The same resources as a FHIR server would push them: each alone, and together as a transaction, a batch and a collection."""
    made = []
    for raw in fhir()[-3:]:
        entries = [e for e in json.loads(raw)["entry"] if e["resource"]["resourceType"] not in {"MessageHeader", "Provenance"}]
        made += [json.dumps(e["resource"]).encode() for e in entries[:3]]
        for shape in ("transaction", "batch", "collection"):
            written = [e | {"request": {"method": "PUT", "url": f"{e['resource']['resourceType']}/1"}} for e in entries]
            made.append(json.dumps({"resourceType": "Bundle", "type": shape, "entry": written}).encode())
    return tuple(made)


_KITH = """<?xml version="1.0" encoding="{encoding}"?>
<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24"><MsgInfo>
<Type V="{type}"/><MIGversion>v1.2 2006-05-24</MIGversion><GenDate>2026-11-20T08:30:15</GenDate><MsgId>m-1</MsgId>
<Sender><Organisation><OrganisationName>St. Olavs</OrganisationName><Ident><Id>974749025</Id><TypeId V="ENH"/></Ident>
<Organisation><OrganisationName>Østmarka</OrganisationName><Ident><Id>8094866</Id><TypeId V="HER"/></Ident></Organisation></Organisation>
</Sender>
<Receiver><Organisation><OrganisationName>Trondheim</OrganisationName><Ident><Id>942110464</Id><TypeId V="ENH"/></Ident></Organisation>
</Receiver>
<Patient><FamilyName>Bjørnstad</FamilyName><GivenName>Åse</GivenName><DateOfBirth>1969-11-13</DateOfBirth><Sex V="2"/>
<Ident><Id>13116900216</Id><TypeId V="FNR"/></Ident><Address><StreetAdr>Gt 1</StreetAdr><County V="5001"/></Address></Patient>
</MsgInfo>{document}</MsgHead>"""
_DOCUMENT = '<Document><RefDoc><MsgType V="XML"/><Content>{}</Content></RefDoc></Document>'
_READY = """<p:Pasientlogistikk xmlns:p="http://www.kith.no/xmlstds/po/Pasientlogistikk/2012-04-01"
xmlns="http://www.kith.no/xmlstds/po/poKomponent/2012-04-01">
<InformasjonOmForsendelsen><Forsendelsesstatus V="N"/></InformasjonOmForsendelsen>
<p:MeldingUtskrivningsklarPasient><TidsfestetHendelse><Hendelsekode V="3"/><TidspunktForHendelse V="2026-11-20T08:25:00"/>
<StedForHendelse><StedHendelse>Sengepost 3</StedHendelse></StedForHendelse></TidsfestetHendelse></p:MeldingUtskrivningsklarPasient>
</p:Pasientlogistikk>"""
_DIALOG = """<Dialogmelding xmlns="http://www.kith.no/xmlstds/dialog/2013-01-23"><Notat><TemaKodet V="6" S="2.16.578.1.12.4.1.1.7322"/>
<TekstNotatInnhold>Hører gjerne &amp; snart</TekstNotatInnhold></Notat></Dialogmelding>"""


def kith() -> tuple[bytes, ...]:
    """Norwegian messages, and the receipts that answer them."""
    made = [
        _KITH.format(type=kind, encoding=name, document=_DOCUMENT.format(payload)).encode(name)
        for kind, payload in (("LOG_UTSKRIVNINGSKLAR", _READY), ("DIALOG_HELSEFAGLIG", _DIALOG))
        for name in ("UTF-8", "ISO-8859-1")
    ]
    made.append(made[-1].replace(b'S="2.16', b'S="2.s6'))  # refused at an attribute
    receipts = [acknowledge(raw, verdict(refusal, taken=True), 0) for raw in made for refusal in (None, Refusal(Reason.BAD_XML, "MsgHead"))]
    return (*made, *receipts)


def _segments(size: int, *parts: str) -> bytes:
    """An observation message that is filled up to a size with these segments in turn."""
    head = message("ORU^R01", PV1, "OBR|1|P1|F1|1^A^L").decode()
    out, room = [head], size - len(head)
    while room > 0:
        for part in parts:
            out.append(part + "\r")
            room -= len(part) + 1
    return "".join(out).encode()


def _field(size: int, piece: str, segment: str = "OBX|1|TX|1^A^L||{}||||||F") -> bytes:
    """One field filled with a piece."""
    return message("ORU^R01", PV1, "OBR|1|P1|F1|1^A^L", segment.format(piece * (size // len(piece))))


# name -> a message of about so many bytes
HOSTILE_V2: Mapping[str, Callable[[int], bytes]] = {
    "results": lambda n: _segments(n, "OBX|1|NM|2951-2^Sodium^LN||140.50|mmol/L^^UCUM|135-145|N|||F|||20261120"),
    "orders": lambda n: _segments(n, "ORC|NW|P1^DIPS|F1^LAB", "OBR|1|P1^DIPS|F1^LAB|24323-8^Panel^LN", "OBX|1|ST|1^A^L||x||||||F"),
    "tiny segments": lambda n: _segments(min(n, 70_000), "OBX"),
    "empty observations": lambda n: _segments(min(n, 110_000), "OBX|1"),
    "notes": lambda n: _segments(min(n, 110_000), "NTE||"),
    "local segments": lambda n: _segments(n, "ZZZ|1|x^y^z"),
    "repetitions": lambda n: _field(min(n, 39_000), "x~"),
    "empty repetitions": lambda n: _field(min(n, 19_000), "~"),
    "components": lambda n: _field(n, "^"),
    "subcomponents": lambda n: _field(n, "a&"),
    "fields": lambda n: _field(n, "|"),
    "escapes": lambda n: _field(n, "\\T\\"),
    "unfinished escapes": lambda n: _field(n, "\\"),
    "unknown escapes": lambda n: _field(n, "\\Zx\\a"),
    "hexadecimal": lambda n: _field(n, "\\X41\\"),
    "blanks": lambda n: _field(min(n, 100_000), "\\.sp80\\"),
    "letters beyond ASCII": lambda n: _field(n, "å"),
    "base64": lambda n: _field(n, "QUJD", "OBX|1|ED|1^A^L||^AP^PDF^Base64^{}||||||F"),
    "hexadecimal document": lambda n: _field(n, "41", "OBX|1|ED|1^A^L||^AP^PDF^Hex^{}||||||F"),
    "base64 with blanks": lambda n: _field(n, "QU JD", "OBX|1|ED|1^A^L||^AP^PDF^Base64^{}||||||F"),
    "a long number": lambda n: _field(n, "9", "OBX|1|NM|1^A^L||{}||||||F"),
    "a long time": lambda n: _field(n, "1", "OBX|1|DTM|1^A^L||{}||||||F"),
    "a structured number": lambda n: _field(n, "1^", "OBX|1|SN|1^A^L||>^{}||||||F"),
    "codes": lambda n: _field(min(n, 100_000), "A^B^C~", "OBX|1|CWE|1^A^L||{}||||||F"),
    "identifiers": lambda n: message("ADT^A01", PV1).replace(
        b"B77^^^STOLAV|", b"B77^^^STOLAV|" + b"~".join(b"%d^^^S" % i for i in range(n // 10)) + b"~"
    ),
    "names": lambda n: message("ADT^A01", PV1).replace(b"||Bj", b"||" + b"Berg^Ole~" * min(n // 9, 19_000) + b"Bj"),
    "kin": lambda n: _segments(n, "NK1|1|Berg^Ole|SPO^Spouse^HL70063|Veien 1^^Oslo|22222222").replace(b"ORU^R01", b"ADT^A01"),
    "diagnoses": lambda n: _segments(n, "DG1|1||I21.9^Infarction^I10||20261120|W").replace(b"ORU^R01", b"ADT^A01"),
    "insurances": lambda n: _segments(n, "IN1|1|P1^Plan^L|C9|Company").replace(b"ORU^R01", b"BAR^P01"),
    "roles": lambda n: _segments(n, "ROL|1|AD|PP|77^Lund^Kari").replace(b"ORU^R01", b"ADT^A01"),
    "patients": lambda n: _segments(n, PID).replace(b"ORU^R01", b"ADT^A40"),
    "different patients": lambda n: _segments(min(n, 5_000), *(f"PID|1||{m}^^^STOLAV" for m in range(1, 250))),
    "too many patients": lambda n: _segments(n, *(f"PID|1||{m}^^^STOLAV" for m in range(1, 1_001))),
    "merges": lambda n: _segments(n, "MRG|B88^^^STOLAV^MR").replace(b"ORU^R01", b"ADT^A40"),
    "merged identifiers": lambda n: _field(min(n, 100_000), "B8^^~", "MRG|{}").replace(b"ORU^R01", b"ADT^A40"),
    "appointments": lambda n: _segments(n, "RGS|1|A", "AIS|1|A|CHK^Check^L|20261201", "AIP|1|A|77^Lund^Kari").replace(
        b"ORU^R01", b"SIU^S12"
    ),
    "documents": lambda n: _segments(n, "OBX|1|TX|1^A^L||a line of a text||||||F").replace(b"ORU^R01", b"MDM^T02"),
    "medicines": lambda n: _segments(n, "ORC|NW|P1|F1", "RXE|^^^20261120|1234^Drug^L|10||mg", "RXR|IM").replace(b"ORU^R01", b"RDE^O11"),
    "vaccines": lambda n: _segments(n, "ORC|RE|P1|F1", "RXA|0|1|20261120||08^HepB^CVX|1|mL", "OBX|1|ST|1^A^L||x").replace(
        b"ORU^R01", b"VXU^V04"
    ),
    "problems": lambda n: _segments(n, "PRB|AD|20261120|J18.9^Pneumonia^ICD10|I1").replace(b"ORU^R01", b"PPR^PC1"),
    "specimens": lambda n: _segments(n, "SPM|1|P1&DIPS^F1&LAB||BLD", "OBR|1|P1|F1|1^A^L", "OBX|1|ST|1^A^L||x").replace(
        b"ORU^R01", b"OUL^R22"
    ),
    "a long header": lambda n: b"MSH|^~\\&|" + b"A" * n,
    "header fields": lambda n: b"MSH|^~\\&" + b"|" * n,
    "no header": lambda n: b"\r\n" * (n // 2),
    "line ends": lambda n: message("ADT^A01", PV1) + b"\r\n" * (n // 2),
    "control bytes": lambda n: message("ADT^A01", PV1) + b"\x01" * n,
    "batch": lambda n: b"BHS|^~\\&|\r" + message("ADT^A01", PV1) * (n // 500) + b"BTS|1\r",
    "empty batch": lambda n: b"BHS|^~\\&|\r" * (n // 10),
}


def _bundle(**changed: Any) -> dict[str, Any]:
    return json.loads(fhir()[0]) | changed


def _with_entries(n: int, resource: dict[str, Any]) -> bytes:
    made = _bundle()
    each = len(json.dumps(resource)) + 60
    made["entry"] += [{"fullUrl": f"urn:uuid:{i}", "resource": resource} for i in range(n // each)]
    return json.dumps(made).encode()


def _with_patient(n: int, key: str, value: Any) -> bytes:
    made = _bundle()
    patient = next(e["resource"] for e in made["entry"] if e["resource"]["resourceType"] == "Patient")
    patient[key] = [value] * (n // (len(json.dumps(value)) + 2))
    return json.dumps(made).encode()


HOSTILE_FHIR: Mapping[str, Callable[[int], bytes]] = {
    "depth of lists": lambda n: b"[" * n,
    "depth of objects": lambda n: b'{"a":' * (n // 5),
    "closed depth": lambda n: b"[" * (n // 2) + b"]" * (n // 2),
    "a long number": lambda n: b'{"a":' + b"9" * n + b"}",
    "a long fraction": lambda n: b'{"a":0.' + b"9" * n + b"}",
    "a large exponent": lambda n: b'{"a":1e' + b"9" * n + b"}",
    "numbers": lambda n: b'{"a":[' + b"1e9," * (n // 4) + b"1]}",
    "escapes": lambda n: b'{"a":"' + b"\\u0041" * (n // 6) + b'"}',
    "half pairs": lambda n: b'{"a":"' + b"\\ud800" * (n // 6) + b'"}',
    "keys": lambda n: ("{" + ",".join(f'"k{i}":0' for i in range(n // 10)) + "}").encode(),
    "the same key": lambda n: b"{" + b'"a":0,' * (n // 6) + b'"a":0}',
    "blanks": lambda n: b" " * n + b"{}",
    "open text": lambda n: b'{"a":"' + b"x" * n,
    "empty entries": lambda n: json.dumps(_bundle(entry=[{}] * min(n // 4, 10_001))).encode(),
    "encounters": lambda n: _with_entries(n, {"resourceType": "Encounter", "status": "planned", "class": {"code": "IMP"}}),
    "places": lambda n: _with_entries(n, {"resourceType": "Location", "name": "A", "partOf": {"reference": "urn:uuid:0"}}),
    "patients": lambda n: _with_entries(n, {"resourceType": "Patient", "link": [{"type": "replaced-by"}], "identifier": [{"value": "1"}]}),
    "identifiers": lambda n: _with_patient(n, "identifier", {"system": "urn:a", "value": "1"}),
    "names": lambda n: _with_patient(n, "name", {"family": "Berg", "given": ["Ole"]}),
    "addresses": lambda n: _with_patient(n, "address", {"line": ["Gt 1"], "district": "5001"}),
    "telephones": lambda n: _with_patient(n, "telecom", {"system": "phone", "value": "1"}),
    "labels": lambda n: json.dumps(_bundle(meta={"security": [{"code": "R"}] * (n // 15)})).encode(),
    "a long reference": lambda n: _with_entries(200, {"resourceType": "Encounter", "subject": {"reference": "http://" + "a/" * (n // 2)}}),
}


def _xml(n: int, document: str) -> bytes:
    return _KITH.format(type="DIALOG_HELSEFAGLIG", encoding="UTF-8", document=document).encode()[: n + 3_000]


HOSTILE_KITH: Mapping[str, Callable[[int], bytes]] = {
    "depth": lambda n: _xml(n, _DOCUMENT.format("<a>" * (n // 7) + "</a>" * (n // 7))),
    "open depth": lambda n: b"<a>" * (n // 3),
    "elements": lambda n: _xml(n, _DOCUMENT.format("<a/>" * (n // 4 - 100))),
    "attributes": lambda n: _xml(n, _DOCUMENT.format("<a " + " ".join(f'a{i}="1"' for i in range(n // 12)) + "/>")),
    "the same attribute": lambda n: b"<a " + b'a="1" ' * (n // 6) + b"/>",
    "namespaces": lambda n: _xml(n, _DOCUMENT.format("".join(f'<x{i}:a xmlns:x{i}="u{i}"/>' for i in range(n // 26)))),
    "references": lambda n: _xml(n, _DOCUMENT.format("&#65;" * (n // 5))),
    "comments": lambda n: _xml(n, _DOCUMENT.format("<!---->" * (n // 7))),
    "a long text": lambda n: _xml(n, _DOCUMENT.format(_DIALOG.replace("snart", "x" * n))),
    "a long name": lambda n: b"<" + b"a" * n + b"/>",
    "a document type": lambda n: b"<!DOCTYPE a [" + b'<!ENTITY a "aaaaaaaaaa">' * (n // 25) + b"]><a>&a;</a>",
    "blanks": lambda n: b" " * n + b"<a/>",
    "documents": lambda n: _xml(n, _DOCUMENT.format(_DIALOG) * (n // 400)),
}
