"""Whose address it is: the peer's, or, of a proxy that is trusted, the last one it tells of that is no such proxy's."""

import pytest

from hub.web.forwarded import is_proxy, origin

PROXIES = ("10.0.0.0/8", "192.0.2.7", "2001:db8::/32")

# peer | X-Forwarded-For lines || whose
ROWS = [
    ("203.0.113.5", [], "203.0.113.5"),
    ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),  # it is no proxy: whatever it writes
    ("203.0.113.5", ["10.0.0.1"], "203.0.113.5"),
    ("10.0.0.1", [], "10.0.0.1"),
    ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
    ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # the first was written by whoever asked
    ("10.0.0.1", ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
    ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),  # several lines are one list (RFC 9110, 5.3)
    ("10.0.0.1", ["198.51.100.1, 10.9.9.9, 192.0.2.7"], "198.51.100.1"),
    ("10.0.0.1", ["198.51.100.1,10.9.9.9 ,\t192.0.2.7"], "198.51.100.1"),
    ("10.0.0.1", ["198.51.100.1, 192.0.2.8"], "192.0.2.8"),
    ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),  # everybody is trusted
    ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),  # who it was nobody says: no further than that
    ("10.0.0.1", ["198.51.100.1, _hidden, 10.0.0.2"], "10.0.0.2"),
    ("10.0.0.1", ["198.51.100.1, "], "10.0.0.1"),
    ("10.0.0.1", [""], "10.0.0.1"),
    ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),  # with a port, as some proxies write it
    ("10.0.0.1", ["[2001:dead::1]:4711"], "2001:dead::1"),
    ("10.0.0.1", ["[2001:dead::1]"], "2001:dead::1"),
    ("10.0.0.1", ["2001:DEAD:0::1"], "2001:dead::1"),
    ("10.0.0.1", ["198.51.100.1:x"], "10.0.0.1"),
    ("10.0.0.1", ["198.51.100.300"], "10.0.0.1"),
    ("2001:db8::9", ["198.51.100.1"], "198.51.100.1"),
    ("fe80::1%eth0", ["198.51.100.1"], "fe80::1"),
    ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),  # IPv4 at a socket of both
    ("::ffff:203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
    ("10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
    ("10.0.0.1", ["::ffff:10.0.0.2"], "10.0.0.2"),
    ("", ["198.51.100.1"], ""),
    ("/run/hub.sock", ["198.51.100.1"], ""),
]


@pytest.mark.parametrize(("peer", "lines", "whose"), ROWS)
def test_whose_address(peer: str, lines: list[str], whose: str) -> None:
    assert origin(peer, lines, PROXIES) == whose


@pytest.mark.parametrize("peer", ["10.0.0.1", "192.0.2.7", "127.0.0.1"])
def test_nobody_is_trusted_unless_it_is_said(peer: str) -> None:
    assert origin(peer, ["198.51.100.1"], ()) == peer
    assert not is_proxy(peer, ())


@pytest.mark.parametrize(("peer", "expected"), [("10.255.0.1", True), ("192.0.2.7", True), ("192.0.2.8", False), ("", False), ("x", False)])
def test_who_is_a_proxy(peer: str, *, expected: bool) -> None:
    assert is_proxy(peer, PROXIES) is expected
