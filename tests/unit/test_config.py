"""The configuration: what is right is read, what is wrong is said in one line that tells what to write instead."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.config import (
    HINTS,
    PATTERNS,
    PURPOSES,
    ConfigError,
    check_together,
    load,
    parse,
    provider_from_dict,
    provider_to_dict,
    remarks,
    subscription_from_dict,
    subscription_to_dict,
)
from hub.consent import question
from hub.model import Channel, Deliver, Detail, Kind, Provider, ProviderKind, Subscription, Where

REGION = """
[hub]
mllp = "127.0.0.1:2600"

[[provider]]
id = "st-olavs"
name = "St. Olavs hospital"
kind = "hospital"
organisation = "974749025"
senders = ["STOLAV"]
deliver = { channel = "mllp", host = "127.0.0.1", port = 2601 }
undeclared_encoding = "latin-1"
supervisor = "mailto:vakt@stolav.example"

[[provider]]
id = "trondheim"
name = "Trondheim kommune"
kind = "municipality"
organisation = "942110464"
senders = ["*"]
certificates = ["AB:CD:%s"]
suspended = true
deliver = { channel = "fhir", url = "https://fhir.example:8443/x", connections = 2, on_refusal = "release", tls_ca = "ca.pem" }

[[provider]]
id = "legene"
name = "Legene på hjørnet"
kind = "gp"

[[subscription]]
provider = "trondheim"
events = ["patient.admitted", "patient.*"]
where = { municipality = "5001", class = "I", ward = "A1", source = "st-olavs", relation = "pathway" }
detail = "full"

[[subscription]]
id = "chosen"
provider = "legene"
events = ["*"]
detail = "notice"
purpose = "COC"

[[subscription]]
provider = "trondheim"
events = ["admission.cancelled"]
detail = "minimal"
""" % ("00" * 30)


def test_the_file_of_the_documentation() -> None:
    providers, subscriptions, hub = parse(REGION)
    assert hub == {"mllp": "127.0.0.1:2600"}
    mllp, fhir = (
        Deliver(Channel.MLLP, "127.0.0.1", 2601),
        Deliver(Channel.FHIR, url="https://fhir.example:8443/x", connections=2, on_refusal="release", tls_ca="ca.pem"),
    )
    assert providers == [
        Provider(
            "st-olavs",
            "St. Olavs hospital",
            ProviderKind.HOSPITAL,
            "974749025",
            ("STOLAV",),
            mllp,
            undeclared_encoding="iso8859-1",
            supervisor="mailto:vakt@stolav.example",
        ),
        Provider("trondheim", "Trondheim kommune", ProviderKind.MUNICIPALITY, "942110464", ("*",), fhir, ("abcd" + "00" * 30,), True),
        Provider("legene", "Legene på hjørnet", ProviderKind.GP, "", (), Deliver(Channel.MAILBOX)),
    ]
    where = Where("5001", "pathway", "A1", "I", "st-olavs")
    assert subscriptions == [
        Subscription("trondheim-1", "trondheim", ("patient.admitted", "patient.*"), where, Detail.FULL),
        Subscription("chosen", "legene", ("*",), Where(), Detail.NOTICE, "COC"),
        Subscription("trondheim-2", "trondheim", ("admission.cancelled",), Where(), Detail.MINIMAL),
    ]


def test_entries_come_back_as_they_were() -> None:
    providers, subscriptions, _ = parse(REGION)
    assert [provider_from_dict(provider_to_dict(p)) for p in providers] == providers
    assert [subscription_from_dict(subscription_to_dict(s)) for s in subscriptions] == subscriptions
    assert subscription_to_dict(subscriptions[0])["where"]["class"] == "I"


def test_an_empty_file_is_a_hub_without_anyone() -> None:
    assert parse("") == ([], [], {})


GOOD = 'id = "a"\nname = "A"\nkind = "gp"\n'
WANTS = 'provider = "a"\nevents = ["*"]\ndetail = "full"\n'


def entries(provider: str = "", subscription: str = "") -> str:
    """A file with one right provider and what is given."""
    text = f"[[provider]]\n{GOOD}"
    text += f'[[provider]]\nid = "b"\nname = "B"\nkind = "gp"\n{provider}\n' if provider else ""
    return text + (f"[[subscription]]\n{subscription}\n" if subscription else "")


B = 'f: [[provider]] 2 "b": '
A1 = 'f: [[subscription]] 1 "a": '
WRONG = {
    "unknown key": (entries("colour = 1"), f"{B}colour: unknown key; write one of id, name, kind, organisation, senders, deliver, "),
    "unknown key inside": (
        entries('deliver = { channel = "mailbox", hots = "x" }'), f"{B}deliver.hots: unknown key; write one of channel, host, port, url, "),
    "unknown condition": (
        entries(subscription=WANTS + "where = { town = 1 }"),
        f"{A1}where.town: unknown key; write one of municipality, relation, ward, class, source"),
    "port too high": (
        entries('deliver = { channel = "mllp", host = "h", port = 65536 }'), f"{B}deliver.port: wrong value; write a whole number from"),
    "port zero": (
        entries('deliver = { channel = "mllp", host = "h", port = 0 }'), f"{B}deliver.port: wrong value; write {HINTS['deliver.port']}"),
    "port in quotes": (
        entries('deliver = { channel = "mllp", host = "h", port = "1" }'), f"{B}deliver.port: wrong value; write {HINTS['deliver.port']}"),
    "mllp without port": (entries('deliver = { channel = "mllp", host = "h" }'), f'{B}deliver: channel "mllp" takes host and port; write '),
    "mllp with url": (
        entries('deliver = { channel = "mllp", host = "h", port = 1, url = "http://x" }'), f'{B}deliver: channel "mllp" takes host and'),
    "poll with url": (
        entries('deliver = { channel = "poll", url = "http://x" }'), f'{B}deliver: channel "poll" takes neither host, port nor url; write'),
    "fhir without url": (entries('deliver = { channel = "fhir" }'), f'{B}deliver: channel "fhir" takes url; write '),
    "mailbox with host": (
        entries('deliver = { channel = "mailbox", host = "h" }'), f'{B}deliver: channel "mailbox" takes neither host, port nor url; wri'),
    "url scheme": (
        entries('deliver = { channel = "fhir", url = "ftp://x" }'),
        f'{B}deliver.url: wrong value; write an address that starts with "http://" or "https://"'),
    "url without host": (entries('deliver = { channel = "fhir", url = "http://" }'), f"{B}deliver.url: wrong value; write "),
    "host no name can be": (
        entries('deliver = { channel = "mllp", host = "foo..bar", port = 1 }'),
        f"{B}deliver.host: wrong value; write {HINTS['deliver.host']}"),
    "host with a blank": (
        entries('deliver = { channel = "mllp", host = "foo bar", port = 1 }'), f"{B}deliver.host: wrong value; "),
    "no channel": (entries('deliver = { host = "h" }'), f'{B}deliver.channel: missing; write one of "mllp", "fhir", "edi", "poll", "m'),
    "bad channel": (
        entries('deliver = { channel = "pigeon" }'), f'{B}deliver.channel: wrong value; write one of "mllp", "fhir", "edi", "poll", '),
    "no connections": (
        entries('deliver = { channel = "mailbox", connections = 0 }'), f"{B}deliver.connections: wrong value; write a whole number from 1"),
    "on refusal": (
        entries('deliver = { channel = "mailbox", on_refusal = "stop" }'), f'{B}deliver.on_refusal: wrong value; write "hold" or "relea'),
    "deliver that is text": (entries('deliver = "mailbox"'), f"{B}deliver: wrong value; write {{ channel = "),
    "bad kind": (f'[[provider]]\n{GOOD.replace("gp", "clinic")}', f'f: [[provider]] 1 "a": kind: wrong value; write {HINTS["kind"]}'),
    "no name": ('[[provider]]\nid = "a"\nkind = "gp"', 'f: [[provider]] 1 "a": name: missing; write the name people know it by'),
    "no id": ('[[provider]]\nname = "a"\nkind = "gp"', "f: [[provider]] 1: id: missing; write letters, digits, "),
    "id with a space": (f"[[provider]]\n{GOOD.replace('a', 'a b', 1)}", 'f: [[provider]] 1 "a b": id: wrong value; write letters, '),
    "senders that are text": (entries('senders = "B"'), f"{B}senders: wrong value; write a list of the MSH-4 names "),
    "empty sender": (entries('senders = [""]'), f"{B}senders: wrong value; write a list of the MSH-4 names "),
    "certificate": (entries('certificates = ["xyz"]'), f"{B}certificates: wrong value; write a list of SHA-256 fingerprints "),
    "short certificate": (entries(f'certificates = ["{"ab:" * 21}a"]'), f"{B}certificates: wrong value; write a list of SHA-256 "),
    "suspended in quotes": (entries('suspended = "no"'), f"{B}suspended: wrong value; write true or false"),
    "supervisor": (entries('supervisor = "Ola"'), f"{B}supervisor: wrong value; write whom to tell of its emergency access: "),
    "supervisor without a mailbox": (entries('supervisor = "mailto:ola"'), f"{B}supervisor: wrong value; write {HINTS['supervisor']}"),
    "encoding": (entries('undeclared_encoding = "klingon"'), f"{B}undeclared_encoding: is not a character set; write the character set "),
    "same id": (f"[[provider]]\n{GOOD}[[provider]]\n{GOOD}", 'f: provider "a": id: used twice; write another id in one of them'),
    "same sender": (
        f'[[provider]]\n{GOOD}senders = ["X"]\n' + '[[provider]]\nid = "b"\nname = "B"\nkind = "gp"\nsenders = ["Y", "X"]',
        'f: provider "a" and "b": senders: "X" claimed by each of them; write it in one only'),
    "two that take any sender": (
        f'[[provider]]\n{GOOD}senders = ["*"]\n' + '[[provider]]\nid = "b"\nname = "B"\nkind = "gp"\nsenders = ["*"]',
        'f: provider "a" and "b": senders: "*" claimed by each of them; write it in one only'),
    "same certificate": (
        f'[[provider]]\n{GOOD}certificates = ["{"A"*64}"]\n[[provider]]\nid = "b"\nname = "B"\nkind = "gp"\ncertificates = ["{"a"*64}"]',
        'f: provider "a" and "b": certificates: the same one in each of them; write it in one only'),
    "unknown provider": (
        entries(subscription=WANTS.replace('"a"', '"z"')),
        'f: subscription "z-1": provider: there is no provider "z"; write the id of a [[provider]] in quotes'),
    "no provider": (entries(subscription='events = ["*"]\ndetail = "full"'), "f: [[subscription]] 1: provider: missing; write the id of "),
    "unknown source": (
        entries(subscription=WANTS + 'where = { source = "z" }'), 'f: subscription "a-1": where.source: there is no provider "z"; write '),
    "unknown event": (
        entries(subscription=WANTS.replace("*", "patient.admited")), f'{A1}events: "patient.admited" is no event kind; write a list of '),
    "unknown family": (entries(subscription=WANTS.replace("*", "patients.*")), f'{A1}events: "patients.*" is no event kind; write '),
    "no events": (entries(subscription=WANTS.replace('"*"', "")), f"{A1}events: wrong value; write a list of event kinds "),
    "events that are text": (entries(subscription=WANTS.replace('["*"]', '"*"')), f"{A1}events: wrong value; write a list of event kinds "),
    "no detail": (entries(subscription='provider = "a"\nevents = ["*"]'), f'{A1}detail: missing; write one of "full", "minimal", "notice"'),
    "bad detail": (entries(subscription=WANTS.replace("full", "all")), f'{A1}detail: wrong value; write one of "full", "minimal", "noti'),
    "bad relation": (
        entries(subscription=WANTS + 'where = { relation = "friend" }'), f'{A1}where.relation: wrong value; write one of "gp", "address'),
    "bad municipality": (
        entries(subscription=WANTS + 'where = { municipality = "501" }'), f"{A1}where.municipality: wrong value; write a municipality n"),
    "municipality without quotes": (
        entries(subscription=WANTS + "where = { municipality = 5001 }"), f"{A1}where.municipality: wrong value; write a municipality nu"),
    "break-glass": (entries(subscription=WANTS + 'purpose = "BTG"'), f'{A1}purpose: wrong value; write one of "TREAT", "CAREMGT", '),
    "same subscription id": (
        entries(subscription=WANTS + f'[[subscription]]\nid = "a-1"\n{WANTS}'),
        'f: subscription "a-1": id: used twice; write another id in one of them'),
    "unknown table": ("[[providers]]\nid = 1", "f: providers: unknown table; write [hub], [[provider]] or [[subscription]]"),
    "hub that is a value": ("hub = 1", "f: hub: wrong value; write [hub] above the settings"),
    "one bracket too few": (f"[provider]\n{GOOD}", "f: provider: wrong value; write [[provider]] above each entry"),
    "list of words": ('subscription = ["x"]', "f: subscription: wrong value; write [[subscription]] above each entry"),
    "not TOML": ("id = ", "f: not TOML: "),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_one_line_that_says_what_to_write(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        parse(text, "f")
    assert len(wrong.value.lines) == 1
    assert wrong.value.lines[0].startswith(line)
    assert str(wrong.value) == wrong.value.lines[0]


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as wrong:
        parse(f"[hubb]\n{entries('suspended = 1', WANTS.replace('full', 'x'))}", "f")
    assert [line.split(": ")[1] for line in wrong.value.lines] == ["hubb", '[[provider]] 2 "b"', '[[subscription]] 1 "a"']


def test_a_body_of_the_admin_interface_is_judged_the_same() -> None:
    with pytest.raises(ConfigError) as wrong:
        provider_from_dict({"id": "a", "name": "A", "kind": "gp", "suspended": 1})
    assert str(wrong.value) == "provider: suspended: wrong value; write true or false"
    with pytest.raises(ConfigError) as wrong:
        subscription_from_dict({"provider": "a", "events": ["*"], "detail": "full"})
    assert str(wrong.value).startswith("subscription: id: missing; write letters")
    with pytest.raises(ConfigError, match="wrong value; write a table"):
        provider_from_dict([])  # type: ignore[arg-type]


def test_a_provider_may_repeat_itself() -> None:
    twice = provider_from_dict({"id": "a", "name": "A", "kind": "gp", "senders": ["X", "X"], "certificates": ["ab" * 32] * 2})
    check_together([twice], [])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory; write the path of a TOML file"):
        load(tmp_path / "none.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes("name = 'ø'".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8; save the file as UTF-8"):
        load(latin)
    marked = tmp_path / "marked.toml"
    marked.write_text(REGION, "utf-8-sig")
    assert load(marked) == parse(REGION)


@pytest.mark.parametrize(
    ("organisation", "doubtful"),
    [
        ("974749025", False), ("942110464", False), ("974749026", True), ("urn:oid:2.16.578.1.12.4.1.4.101|974749026", True),
        ("4711", False), ("", False), ("HER|4711", False), ("97474902X", False), ("123456789", True), ("974749025 ", False),
    ],
)  # fmt: skip
def test_an_organisation_number_that_does_not_hold_is_only_remarked_on(organisation: str, *, doubtful: bool) -> None:
    found = provider_from_dict({"id": "a", "name": "A", "kind": "gp", "organisation": organisation})
    lines = remarks([found])
    assert bool(lines) is doubtful
    if doubtful:
        number = organisation.rpartition("|")[2]
        assert lines == [f'provider "a": organisation: the check digit of "{number}" does not hold; look the number up again']


def test_the_vocabularies_agree() -> None:
    assert set(Kind) < PATTERNS
    families = "patient admission preadmission transfer discharge leave encounter allergies observation document referral order medication"
    families += " immunization problem appointment account charge pathway"
    assert PATTERNS - set(Kind) == {"*"} | {f"{family}.*" for family in families.split()}
    assert set(PURPOSES) == question.PURPOSES - {"ETREAT", "BTG"}


words = st.text("abcæ ", max_size=4)


@pytest.mark.parametrize(
    "url",
    ["http://h:99999/fhir", "http://h:x/", "http://h:0/", "http://foo..bar/", "http://.h/", f"http://{64 * 'a'}.no/",
     "http://[::1/", "http://a b/",
     "http://[h]/", "http:///fhir", "http://h\0st/"],
)  # fmt: skip
def test_an_address_nothing_can_be_sent_to_is_refused(url: str) -> None:
    body = {"id": "a", "name": "A", "kind": "gp", "deliver": {"channel": "fhir", "url": url}}
    with pytest.raises(ConfigError) as caught:
        provider_from_dict(body)
    assert caught.value.lines == (f"provider: deliver.url: wrong value; write {HINTS['deliver.url']}",)


@pytest.mark.parametrize(
    "url", ["http://h", "https://h:8443/x", "http://[::1]:1/y", "https://æøå.no/x", "http://a_b.no./", "http://10.0.0.1:65535"]
)
def test_an_address_that_can_be_is_taken(url: str) -> None:
    provider = provider_from_dict({"id": "a", "name": "A", "kind": "gp", "deliver": {"channel": "fhir", "url": url}})
    assert provider.deliver.url == url


subscriptions = st.builds(
    Subscription,
    st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,9}\Z"),
    words.filter(bool),
    st.lists(st.sampled_from(sorted(PATTERNS)), min_size=1, max_size=3).map(tuple),
    st.builds(Where, st.sampled_from(["", "5001"]), st.sampled_from(["", "gp", "addressed", "pathway"]), words, words, words),
    st.sampled_from(Detail),
    st.sampled_from(PURPOSES),
)
places = st.one_of(
    st.sampled_from([{"channel": Channel.MAILBOX}, {"channel": Channel.POLL}]),
    st.builds(
        lambda host, port: {"channel": Channel.MLLP, "host": host, "port": port},
        st.text("abcæ", min_size=1, max_size=4),
        st.integers(1, 65535),
    ),
    st.sampled_from([{"channel": Channel.FHIR, "url": "http://x"}, {"channel": Channel.FHIR, "url": "https://[::1]:1/y"}]),
)
delivers = st.builds(
    lambda place, connections, refusal, texts: Deliver(
        **place, connections=connections, on_refusal=refusal, application=texts[0], facility=texts[1], tls_ca=texts[2]
    ),
    places, st.integers(1, 1000), st.sampled_from(["hold", "release"]), st.tuples(words, words, words),
)  # fmt: skip
providers = st.builds(
    Provider,
    st.from_regex(r"\A[A-Za-z0-9][a-z0-9._-]{0,9}\Z"),
    words.filter(bool),
    st.sampled_from(ProviderKind),
    words.map(str.strip),
    st.lists(words.filter(bool), max_size=2).map(tuple),
    delivers,
    st.lists(st.sampled_from(["ab" * 32, "cd" * 32]), max_size=2).map(tuple),
    st.booleans(),
    st.sampled_from(["", "utf-8", "iso8859-1"]),
)


@given(providers, subscriptions)
def test_whatever_the_model_holds_comes_back_from_its_entry(provider: Provider, subscription: Subscription) -> None:
    assert provider_from_dict(provider_to_dict(provider)) == provider
    assert subscription_from_dict(subscription_to_dict(subscription)) == subscription
