"""The content models of KITH's XML: which elements, in which order, how many, of which type. A table of the hub's own, one row an element.

Sources: the XML schemas MsgHead v1.2 (2006-05-24), AppRec v1.0 (2004-11-21) and v1.1 (2012-02-15), Dialogmelding v1.0 (2006-10-11) and
v1.1 (2013-01-23), felleskomponent1 and Base64Container. The tests hold this table to those schemas wherever they are at hand.

A model is a list of names as in a DTD: ``Name`` once, ``Name?`` at most once, ``Name*`` any number, ``Name+`` at least once; ``A|B`` is one
or the other (and as many of the one chosen as its mark allows); ``prefix:Name`` is in another namespace. A leading ``~`` lets the element
be empty. ``#string`` and its like are types of text and of the attributes V, S, DN and OT; ``#any`` is not looked into.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MSGHEAD: Final = "http://www.kith.no/xmlstds/msghead/2006-05-24"
APPREC_1_0: Final = "http://www.kith.no/xmlstds/apprec/2004-11-21"
APPREC_1_1: Final = "http://www.kith.no/xmlstds/apprec/2012-02-15"
DIALOG_1_0: Final = "http://www.kith.no/xmlstds/dialog/2006-10-11"
DIALOG_1_1: Final = "http://www.kith.no/xmlstds/dialog/2013-01-23"
FK1: Final = "http://www.kith.no/xmlstds/felleskomponent1"
BASE64: Final = "http://www.kith.no/xmlstds/base64container"
SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"

PREFIXES: Final[Mapping[str, str]] = MappingProxyType({"fk1": FK1, "ds": SIGNATURE})

_ADDRESS: Final = {
    "Type": "#CS",
    "StreetAdr": "#string",
    "PostalCode": "#string",
    "City": "#string",
    "Postbox": "#string",
    "County": "#CS",
    "Country": "#CS",
    "TypeTelecom": "#CS",
    "TeleAddress": "#URL",
}
_NAMES: Final = {
    "FamilyName": "#string",
    "MiddleName": "#string",
    "GivenName": "#string",
    "DateOfBirth": "#date",
    "Sex": "#CS",
    "Nationality": "#CS",
}
_ORDERED_NAMES: Final = "FamilyName? MiddleName? GivenName? DateOfBirth? Sex? Nationality?"
_MSGHEAD: Final = {
    "MsgHead": "MsgInfo Document|PatientReport+ ds:Signature?",
    "MsgInfo": "Type MIGversion GenDate MsgId ProcessingStatus? RequestedPriority? Ack? ConversationRef? "
    "Sender Receiver OtherReceiver* Patient?",
    "PatientReport": "DocumentConnection? CaseNo Document+ Patient?",
    "Sender": "ComMethod? Organisation",
    "Receiver": "ComMethod? Organisation",
    "OtherReceiver": "ComMethod? RoleReceiver Organisation|Patient|Person|HealthcareProfessional?",
    "Document": "DocumentConnection? ContentType? ContentDescription? ContentCategory? Consent? Annotation? FromDate? ToDate? OidRef? "
    "EnquiryRefId? RefDoc",
    "RefDoc": "IssueDate? MsgType Id? MimeType? Description? Compression? FileReference|Content?",
    "ConversationRef": "RefToParent RefToConversation",
    "Patient": f"{_ORDERED_NAMES} Ident* Address? TeleCom*",
    "Person": f"{_ORDERED_NAMES} Ident* Address? TeleCom*",
    "Organisation": "~ OrganisationName TypeOrganisation? Ident+ Address? TeleCom* Organisation? HealthcareProfessional?",
    "HealthcareProfessional": f"TypeHealthcareProfessional? RoleToPatient? {_ORDERED_NAMES} Ident+ Address? TeleCom*",
    "Address": "Type? StreetAdr? PostalCode? City? Postbox? County? Country?",
    "TeleCom": "TypeTelecom? TeleAddress",
    "Ident": "Id TypeId",
    **_ADDRESS,
    **_NAMES,
    "MIGversion": "#string",
    "GenDate": "#dateTime",
    "MsgId": "#string",
    "ProcessingStatus": "#CS",
    "RequestedPriority": "#CS",
    "Ack": "#CS",
    "DocumentConnection": "#CS",
    "CaseNo": "#string",
    "ComMethod": "#CS",
    "RoleReceiver": "#CS",
    "ContentType": "#CV",
    "ContentDescription": "#string",
    "ContentCategory": "#CV",
    "Consent": "#CV",
    "Annotation": "#string",
    "FromDate": "#TS",
    "ToDate": "#TS",
    "OidRef": "#oid",
    "EnquiryRefId": "#string",
    "IssueDate": "#TS",
    "MsgType": "#CS",
    "Id": "#string",
    "MimeType": "#string",
    "Description": "#string",
    "Compression": "#CS",
    "FileReference": "#anyURI",
    "Content": "#content",
    "RefToParent": "#string",
    "RefToConversation": "#string",
    "OrganisationName": "#string",
    "TypeOrganisation": "#CV",
    "TypeHealthcareProfessional": "#CS",
    "RoleToPatient": "#CV",
    "TypeId": "#CV",
}
_APPREC: Final = {
    "AppRec": "MsgType MIGversion SoftwareName? SoftwareVersion? GenDate Id Sender Receiver Status Error* OriginalMsgId",
    "Sender": "Role? HCP",
    "Receiver": "Role? HCP",
    "OriginalMsgId": "MsgType IssueDate Id",
    "HCP": "Inst|HCProf MedSpeciality? Address?",
    "HCProf": "Type? Name? Id? TypeId? AdditionalId*",
    "HCPerson": "Name? Id? TypeId? AdditionalId*",
    "Dept": "Type? Name? Id? TypeId? AdditionalId*",
    "Inst": "Name? Id? TypeId? Dept* AdditionalId* HCPerson*",
    "Address": "Type StreetAdr? PostalCode? City? County? Country? CityDistr? TeleAddress*",
    "AdditionalId": "Id Type",
    "MsgType": "#CS",
    "MIGversion": "#string",
    "SoftwareName": "#string",
    "SoftwareVersion": "#string",
    "GenDate": "#dateTime",
    "Id": "#string",
    "Status": "#CS",
    "Error": "#CV",
    "IssueDate": "#dateTime",
    "MedSpeciality": "#CV",
    "Type": "#CS",
    "Name": "#string",
    "TypeId": "#CS",
    "StreetAdr": "#string",
    "PostalCode": "#string",
    "City": "#string",
    "County": "#CS",
    "Country": "#CS",
    "CityDistr": "#CS",
    "TeleAddress": "#URL",
    "Role": "#CS",
}
_DIALOG: Final = {
    "Dialogmelding": "SakstypeKodet? Sakstype? Foresporsel|Notat*",
    "Notat": "TemaKodet Tema? TekstNotatInnhold? Merknad? DokIdNotat? DatoNotat? Foresporsel? RollerRelatertNotat*",
    "HealthcareProfessional": f"TypeHealthcareProfessional? RoleToPatient? {_ORDERED_NAMES} Ident* Address? TeleCom*",
    "Person": "GivenName? MiddleName? FamilyName? DateOfBirth? Sex? Nationality? Ident* Address? TeleCom*",
    "Ident": "fk1:Id fk1:TypeId",
    "Address": "fk1:Type? fk1:StreetAdr? fk1:PostalCode? fk1:City? fk1:Postbox? fk1:County? fk1:Country?",
    "TeleCom": "fk1:TypeTelecom? fk1:TeleAddress",
    **_NAMES,
    "SakstypeKodet": "#CV",
    "Sakstype": "#string",
    "TemaKodet": "#CV",
    "Tema": "#string",
    "TekstNotatInnhold": "#any",
    "Merknad": "#string",
    "DokIdNotat": "#string",
    "DatoNotat": "#date",
    "TypeForesp": "#CV",
    "Formål": "#CV",
    "Begrunnelse": "#string",
    "Hastegrad": "#CS",
    "FraDato": "#date",
    "TilDato": "#date",
    "TypeJournalinfo": "#CV",
    "DokIdForesp": "#string",
    "RolleNotat": "#CV",
    "RoleToPatient": "#CV",
    "TypeHealthcareProfessional": "#CS",
}
_DIALOG_1_0: Final = {
    "Foresporsel": "TypeForesp Sporsmal? Formål? Begrunnelse? Hastegrad? FraDato? TilDato? TypeJournalinfo? DokIdForesp? "
    "RollerRelatertNotat*",
    "Sporsmal": "#string",
    "RollerRelatertNotat": "RolleNotat? RoleToPatient? HealthcareProfessional|Person",
}
_DIALOG_1_1: Final = {
    "Foresporsel": "TypeForesp EmneSporsmal? Sporsmal? Formål? Begrunnelse? Hastegrad? FraDato? TilDato? TypeJournalinfo* KodetOpplysning? "
    "DokIdForesp? RollerRelatertNotat*",
    "EmneSporsmal": "#string",
    "Sporsmal": "#any",
    "KodetOpplysning": "#CV",
    "RollerRelatertNotat": "RolleNotat? RoleToPatient? TilknyttetEnhet? HealthcareProfessional|Person?",
    "TilknyttetEnhet": "Kontaktenhet Merknad? HealthcareProfessional|Person?",
    "Kontaktenhet": "fk1:TypeOrganisation? fk1:OrganisationName fk1:Ident+ fk1:Address? fk1:TeleCom* fk1:Organisation?",
}
_FK1: Final = {
    "Organisation": "TypeOrganisation? OrganisationName Ident+ Address? TeleCom* Organisation?",
    "TypeOrganisation": "#CV",
    "OrganisationName": "#string",
    "Ident": "Id TypeId",
    "Id": "#string",
    "TypeId": "#CV",
    "Address": "Type? StreetAdr? PostalCode? City? Postbox? County? Country?",
    "TeleCom": "TypeTelecom? TeleAddress",
    **_ADDRESS,
}
MODELS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        MSGHEAD: _MSGHEAD,
        APPREC_1_0: _APPREC,
        APPREC_1_1: _APPREC,
        DIALOG_1_0: _DIALOG | _DIALOG_1_0,
        DIALOG_1_1: _DIALOG | _DIALOG_1_1,
        FK1: _FK1,
        BASE64: {"Base64Container": "#base64"},
        SIGNATURE: {"Signature": "#any"},
    }
)
# What may stand in RefDoc/Content under its own model; elements of other namespaces there are carried and not looked into.
PAYLOADS: Final = frozenset({(DIALOG_1_0, "Dialogmelding"), (DIALOG_1_1, "Dialogmelding"), (BASE64, "Base64Container")})
