"""One frozen model of every setting, read once at start: environment variables over the configuration file over defaults.

Environment: ``HUB_<FIELD>`` (``HUB_KAFKA``, ``HUB_SCHEMA_REGISTRY``, ``HUB_DATABASE_URL``, ``HUB_DATA``, ``HUB_SECRET`` ...).
File (TOML): a table ``[hub]`` with the same names in lower case, and the ``[[provider]]`` / ``[[subscription]]`` entries.
"""

from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretBytes
from pydantic_core import PydanticCustomError

from hub.boundaries import ConsentLimits, Limits
from hub.numbers import PersonNumbers

FRAME_BYTES_MAX: Final = 4 * 1024 * 1024
PORT_MAX: Final = 65_535


def is_port(text: str) -> bool:
    """Whether this is the number of a TCP port; 0 means any."""
    return text.isascii() and text.isdigit() and int(text) <= PORT_MAX


def is_address(text: str) -> bool:
    """Whether this is HOST:PORT, an IPv6 host in brackets."""
    host, colon, port = text.rpartition(":")
    return bool(colon) and is_port(port) and (":" not in host or host.startswith("["))


def _address(text: str) -> str:
    if not is_address(text):
        raise PydanticCustomError("address", "is not HOST:PORT, such as 127.0.0.1:2575 or [::1]:2575")
    return text


def _proxy(text: str) -> str:
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        raise PydanticCustomError("proxy", "is not an address or a network, such as 10.0.0.7 or 10.0.0.0/24") from None


def _http(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise PydanticCustomError(
            "url", "is not a URL: write http://HOST:PORT or https://HOST:PORT, with the path of the API if it has one"
        )
    return text


def _level(text: str) -> str:
    if text.upper() not in _LEVELS:
        raise PydanticCustomError("level", "is not DEBUG, INFO, WARNING or ERROR")
    return text.upper()


_LEVELS: Final = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})
_Level = Annotated[str, AfterValidator(_level)]
_Address = Annotated[str, AfterValidator(_address)]
_Proxy = Annotated[str, AfterValidator(_proxy)]
_Http = Annotated[str, AfterValidator(_http)]
# Where a process that runs alone tells its metrics; `hub web` tells its own on its --http address.
METRICS_PORTS: Final = MappingProxyType({"gateway": 9101, "transit": 9102, "delivery": 9103, "pathway": 9104})


class Settings(BaseModel):
    """Every setting of every process. Units are the last word of a name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # where the servers are
    kafka: str = "127.0.0.1:9092"
    schema_registry: _Http = ""  # URL; "" = Avro single-object encoding, no registry
    database_url: str = ""
    topic_prefix: str = ""  # before every topic and group name: several hubs on one broker
    partitions: int = 12
    replication_factor: int = 1
    data: Path = Path(".hub")
    secret: SecretBytes = SecretBytes(b"")  # keys the patient pseudonyms; made at first start of the local stack
    promise: bool = True  # refuse to start on a broker that can lose an acknowledged message
    person_numbers: PersonNumbers = PersonNumbers.ANY  # "real" refuses synthetic person numbers, "synthetic" refuses real ones

    # the doors
    mllp: _Address = "127.0.0.1:2575"
    http: _Address = "127.0.0.1:8080"
    metrics: str = ""  # HOST:PORT of this process's own metrics; "" = loopback, METRICS_PORTS or the next free one; "none" = none
    open_metrics: bool = False  # said aloud: figures and the operator's page for whoever reaches ``http``, not this machine and admins only
    trusted_proxies: tuple[
        _Proxy, ...
    ] = ()  # reverse proxies (addresses, networks) whose X-Forwarded-For says who asks; of others it says nothing
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""  # set = mutual TLS: a client certificate is required
    insecure_plaintext: bool = False  # said aloud: MLLP or HTTP without TLS on an address that is not loopback
    frame_bytes_max: int = FRAME_BYTES_MAX
    held_bytes_max: int = 48 * 1024 * 1024  # of messages begun or not yet answered in one gateway; beyond it no more is read for a while
    segments_max: int = 20_000
    connections_max: int = 2_000
    header_seconds_max: float = 10.0  # a connection that has started a frame must finish its header in this time
    frame_seconds_max: float = 30.0
    idle_seconds_max: float = 300.0
    undeclared_encoding: str = "utf-8"  # of messages whose MSH-18 is empty; per sender in [[provider]] senders' options
    processing_ids: tuple[str, ...] = ("P", "T", "D")

    log_level: _Level = "INFO"  # DEBUG, INFO, WARNING or ERROR, of the hub's own lines; libraries never go below INFO

    # the patient's page
    web_url: _Http = ""  # where browsers find the hub; "" = the address of ``http``
    oidc_issuer: _Http = ""  # the OpenID provider of patients; "" = nobody can log in
    oidc_client_id: str = "hub"
    oidc_client_secret: SecretBytes = SecretBytes(b"")
    oidc_scopes: str = "openid profile"
    oidc_number_claim: str = "pid"  # holds the national number (ID-porten's name for it); words apart are names inside one another
    oidc_born_claim: str = "birthdate"  # ISO date
    oidc_acr: str = ""  # the level asked for and insisted on, such as idporten-loa-high; "" = the provider's own
    session_idle_minutes: float = 15.0
    session_minutes_max: float = 480.0
    smtp: _Address | Literal[""] = ""  # HOST:PORT of the mail server for notices of access; "" = none
    smtp_from: str = ""
    smtp_user: str = ""
    smtp_password: SecretBytes = SecretBytes(b"")
    smtp_starttls: bool = True
    notice_minutes: float = 10.0  # how often it is looked whether a patient who wants to know has something to be told
    notice_private_hosts: bool = False  # webhooks in private networks too: only where patients cannot reach anything by it

    # the broker
    delivery_timeout_ms: int = 20_000
    batch_messages_max: int = 200
    instance: str = ""  # this process's own name in its group: started again under it, its partitions are its own at once; "" = none

    keep_days: int = 0  # how long topic events and the mailboxes keep what is in them; 0 = for ever: a replay and a reader may come late

    keep_message_days: int = 0  # how old a message is before `hub retention` lets its bytes go, 30 or more; 0 = never. The record stays

    # delivery
    ack_seconds_max: float = 20.0
    connect_seconds_max: float = 5.0
    retry_first_seconds: float = 0.5
    retry_seconds_max: float = 60.0
    claim_seconds_max: float = 0.25  # a delivery that was asked about must begin within this, or it is asked again
    revocation_wait_seconds_max: float = 2.0  # how long the answer to a lock waits for sends under way

    # consent
    consent: Limits = ConsentLimits()  # ages, hours and duties that decide; a table of its own
    release_on_unlock: bool = False  # what a lock kept back is delivered when the patient lifts it; False = only what comes later
    sensitive_codes: str = ""  # a TOML file of [[label]]: codes that are sensitive in themselves; "default" = the hub's own; "" = none

    # the record
    audit_checkpoint_seconds: float = 60.0  # how often the ends of the audit chain are signed, if anything was added; 0 = never

    # pathway
    notice_hours_max: float = 24.0  # a municipality must be told within this of an admission (forskrift 2011-11-18-1115 section 8)
    deadline_check_seconds: float = 5.0
