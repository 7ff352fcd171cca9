"""KITH messages of invented people, to be changed by the tests, and the official schemas where they are."""

import copy
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hub.adapters.fhir.translate import FhirMessage
from hub.adapters.kith.message import envelope
from hub.adapters.kith.translate import KithMessage
from hub.identity import event_id
from hub.model import Adapter, Received
from tests.unit.adapters.made import RECEIVED_US, SAMPLES

FNR = "13116900216"
PO = "http://www.kith.no/xmlstds/po"
HEAD = """<?xml version="1.0" encoding="{encoding}"?>
<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24">
  <MsgInfo>
    <Type V="{type}" DN="Melding"/>
    <MIGversion>v1.2 2006-05-24</MIGversion>
    <GenDate>2026-11-20T08:30:15</GenDate>
    <MsgId>m-1</MsgId>
    {status}
    {conversation}
    <Sender>
      <Organisation>
        <OrganisationName>St. Olavs hospital HF</OrganisationName>
        <Ident><Id>974749025</Id><TypeId V="ENH" S="2.16.578.1.12.4.1.1.9051" DN="Organisasjonsnummeret i Enhetsregisteret"/></Ident>
        <Address><StreetAdr>Prinsesse Kristinas gate 3</StreetAdr><PostalCode>7030</PostalCode><City>Trondheim</City></Address>
        <TeleCom><TeleAddress V="tel:72573000"/></TeleCom>
        <Organisation>
          <OrganisationName>Medisinsk avdeling, Østmarka</OrganisationName>
          <Ident><Id>8094866</Id><TypeId V="HER" S="2.16.578.1.12.4.1.1.9051" DN="HER-id"/></Ident>
          <HealthcareProfessional>
            <RoleToPatient V="{role}" S="2.16.578.1.12.4.1.1.9034"/>
            <FamilyName>Lund</FamilyName><GivenName>Kåre</GivenName>
            <Ident><Id>9144889</Id><TypeId V="HPR" S="2.16.578.1.12.4.1.1.8116" DN="HPR-nummer"/></Ident>
          </HealthcareProfessional>
        </Organisation>
      </Organisation>
    </Sender>
    <Receiver>
      <Organisation>
        <OrganisationName>Trondheim kommune</OrganisationName>
        <Ident><Id>942110464</Id><TypeId V="ENH" S="2.16.578.1.12.4.1.1.9051"/></Ident>
        <Organisation>
          <OrganisationName>Saksbehandling</OrganisationName>
          <Ident><Id>8143060</Id><TypeId V="HER" S="2.16.578.1.12.4.1.1.9051"/></Ident>
        </Organisation>
      </Organisation>
    </Receiver>
    <Patient>
      <FamilyName>Bjørnstad</FamilyName><MiddleName>Ødegård</MiddleName><GivenName>Åse</GivenName>
      <DateOfBirth>1969-11-13</DateOfBirth><Sex V="2" DN="Kvinne"/>
      <Ident><Id>{patient}</Id><TypeId V="FNR" S="2.16.578.1.12.4.1.1.8116" DN="Fødselsnummer"/></Ident>
      <Address>
        <StreetAdr>Søndre gate 12</StreetAdr><PostalCode>7011</PostalCode><City>Trondheim</City><County V="5001" DN="Trondheim"/>
      </Address>
      <TeleCom><TypeTelecom V="MC"/><TeleAddress V="tel:90000001"/></TeleCom>
    </Patient>
  </MsgInfo>
  {documents}
</MsgHead>
"""
DOCUMENT = '<Document><RefDoc><MsgType V="XML" DN="XML-instans"/><Content>{0}</Content></RefDoc></Document>'
LOGISTICS = """
<p:Pasientlogistikk xmlns:p="{po}/Pasientlogistikk/{version}" xmlns="{po}/poKomponent/{version}">
  <InformasjonOmForsendelsen><Forsendelsesstatus V="{status}"/></InformasjonOmForsendelsen>
  <p:{element}>
    {extra}
    <TidsfestetHendelse>
      <Hendelsekode V="{code}" S="2.16.578.1.12.4.1.1.9121"/>
      <TidspunktForHendelse V="2026-11-20T08:25:00"/>
      <StedForHendelse><StedHendelse>Medisinsk sengepost 3, Nordøst</StedHendelse></StedForHendelse>
    </TidsfestetHendelse>
  </p:{element}>
</p:Pasientlogistikk>"""
TO = '<UtskrevetTil><UtTil V="1" S="2.16.578.1.12.4.1.1.8408" DN="Hjem"/><Uttilstand V="{0}" S="2.16.578.1.12.4.1.1.8431"/></UtskrevetTil>'
ELEMENTS = {
    "LOG_INNLAGT": ("MeldingInnlagtPasient", "1"),
    "LOG_UTSKRIVNINGSKLAR": ("MeldingUtskrivningsklarPasient", "3"),
    "LOG_AVMELDING": ("AvmeldingUtskrivningsklarPasient", "4"),
    "LOG_UTSKREVET": ("MeldingOmUtskrevetPasient", "2"),
    "LOG_DOD": ("OrienteringOmDod", "13"),
    "LOG_TILBAKEMELDING": ("TilbakemeldingUtskrivningsklarPasient", "3"),
}
DIALOG = """<Dialogmelding xmlns="http://www.kith.no/xmlstds/dialog/2013-01-23" xmlns:fk1="http://www.kith.no/xmlstds/felleskomponent1">
  <Notat>
    <TemaKodet V="{theme}" S="2.16.578.1.12.4.1.1.7322" DN="Tema"/><Tema>Mottak av pasient</Tema>
    <TekstNotatInnhold>{text}</TekstNotatInnhold>
    <RollerRelatertNotat>
      <RoleToPatient V="6" S="2.16.578.1.12.4.1.1.9034" DN="Fastlege"/>
      <HealthcareProfessional>
        <FamilyName>Sæther</FamilyName>
        <Ident><fk1:Id>9144900</fk1:Id><fk1:TypeId V="HPR" S="2.16.578.1.12.4.1.1.8116"/></Ident>
      </HealthcareProfessional>
    </RollerRelatertNotat>
  </Notat>
</Dialogmelding>"""
ATTACHMENT = (
    '<Document><RefDoc><IssueDate V="2026-11-20T08:00:00+01:00"/><MsgType V="A"/><MimeType>application/pdf</MimeType>'
    '<Description>epikrise.pdf</Description><Content><Base64Container xmlns="http://www.kith.no/xmlstds/base64container">{0}'
    "</Base64Container></Content></RefDoc></Document>"
)


def message(type_: str, *documents: str, encoding: str = "UTF-8", **changes: str) -> bytes:
    """A MsgHead around some documents."""
    filled = {"status": "", "conversation": "", "patient": FNR, "role": "4"} | changes
    return HEAD.format(type=type_, documents="".join(documents), encoding=encoding, **filled).encode(encoding)


def logistics(type_: str, status: str = "N", version: str = "2012-04-01", encoding: str = "UTF-8", **changes: str) -> bytes:
    """A Pasientlogistikk message."""
    element, code = ELEMENTS[changes.pop("payload", type_)]
    extra = changes.pop("extra", TO.format("1") if type_ == "LOG_UTSKREVET" else "")
    payload = LOGISTICS.format(po=PO, version=version, status=status, element=element, code=code, extra=extra)
    return message(type_, DOCUMENT.format(payload), encoding=encoding, **changes)


def dialog(type_: str = "DIALOG_HELSEFAGLIG", theme: str = "6", text: str = "Hører gjerne fra dere.", **changes: str) -> bytes:
    """A Dialogmelding 1.1 with a PDF beside it."""
    pdf = ATTACHMENT.format(b64encode(b"%PDF-1.4 ...").decode())
    return message(type_, DOCUMENT.format(DIALOG.format(theme=theme, text=text)), pdf, **changes)


def received(raw: bytes) -> Received:
    """The record a door makes of a message of provider ``st-olavs``."""
    seen = envelope(raw)
    return Received(
        event_id=event_id(Adapter.KITH, "st-olavs", seen.application, seen.sender, seen.control_id, raw), adapter=Adapter.KITH,
        provider="st-olavs", application=seen.application, sender=seen.sender, control_id=seen.control_id, trigger=seen.trigger,
        patient_key="0" * 32, identifiers=seen.identifiers, received_us=RECEIVED_US, encoding=seen.encoding, raw=raw, answer="202",
    )  # fmt: skip


def kith(raw: bytes) -> KithMessage:
    return KithMessage(received(raw), FhirMessage)


DRIVER = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:import namespace="http://www.kith.no/xmlstds/msghead/2006-05-24" schemaLocation="MsgHead-v1_2.xsd"/>
<xs:import namespace="http://www.kith.no/xmlstds/apprec/2004-11-21" schemaLocation="apprec-v1.0.xsd"/>
<xs:import namespace="http://www.kith.no/xmlstds/apprec/2012-02-15" schemaLocation="apprec-v1.1.xsd"/>
<xs:import namespace="http://www.kith.no/xmlstds/dialog/2006-10-11" schemaLocation="dialogmelding-v1.0.xsd"/>
<xs:import namespace="http://www.kith.no/xmlstds/dialog/2013-01-23" schemaLocation="dialogmelding-v1.1.xsd"/>
<xs:import namespace="http://www.kith.no/xmlstds/base64container" schemaLocation="kith-base64.xsd"/>
</xs:schema>"""


class Xsd:
    """The official schemas together. What has no schema, the payload of patient logistics, is taken out before the rest is judged."""

    def __init__(self, folder: Path, etree: Any) -> None:
        self._etree = etree
        parser = etree.XMLParser(no_network=True, resolve_entities=False)
        self._schema = etree.XMLSchema(etree.fromstring(DRIVER.encode(), parser, base_url=f"{folder}/driver.xsd"))

    def faults(self, raw: bytes) -> list[str]:
        """What is wrong with a document; [] when it is valid."""
        tree = copy.deepcopy(self._etree.fromstring(raw, self._etree.XMLParser(no_network=True, resolve_entities=False)))
        for payload in tree.xpath("//*[starts-with(namespace-uri(), $po)][not(ancestor::*[starts-with(namespace-uri(), $po)])]", po=PO):
            payload.getparent().remove(payload)
        return [] if self._schema.validate(tree) else [str(e.message) for e in self._schema.error_log]


@cache
def _xsd() -> Xsd | str:
    folder = SAMPLES.parent / "conformance" / "kith" / "xsd"
    if not folder.is_dir():
        return f"no schemas at {folder}: set HUB_SAMPLES"
    try:
        from lxml import etree  # noqa: PLC0415  of the tests alone
    except ImportError:
        return "lxml is not installed: nothing judges our XML by the official schemas"
    return Xsd(folder, etree)


def xsd() -> Xsd:
    """The judge of XML; the test is skipped, saying so, where the schemas or the library are absent."""
    found = _xsd()
    if isinstance(found, str):
        pytest.skip(found)
    return found
