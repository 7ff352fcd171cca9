"""``hub up`` from inside: its own doors over TLS, and what is only starting when it is asked to stop."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from hub import up, wiring
from hub.config import ConfigError
from hub.settings import Settings
from hub.stack import kafka, postgres
from hub.stack.folder import Folder
from tests.local import DATABASE, starts


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"status": "ready"}).encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def door(certificate: Path | None) -> Iterator[str]:
    """A web door that is ready, in plaintext without a certificate; its address."""
    with HTTPServer(("127.0.0.1", 0), _Ready) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def certificate(folder: Path, name: str) -> Path:
    """A certificate for a name, signed by an authority nobody here trusts, with its key."""
    path = folder / f"{name}.pem"
    issued = trustme.CA().issue_cert(name)
    issued.private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


def test_a_door_with_a_certificate_is_asked_by_https_and_only_its_own_is_trusted(tmp_path: Path) -> None:
    own, other = certificate(tmp_path, "hub.example"), certificate(tmp_path, "else.example")
    ours = up.own_tls(Settings(tls_certificate=str(own)))
    assert up.scheme(ours) == "https"
    with door(own) as address:
        assert up.is_ready(address, ours)
        assert not up.is_ready(address)
    with door(other) as address:
        assert not up.is_ready(address, ours)


def test_a_door_without_one_is_asked_by_http() -> None:
    assert up.own_tls(Settings()) is None
    assert up.scheme(None) == "http"
    with door(None) as address:
        assert up.is_ready(address, None)


@pytest.mark.parametrize("content", [None, "not PEM"])
def test_a_certificate_that_cannot_be_used_is_one_line(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "c.pem").write_text(content)
    with pytest.raises(ConfigError, match="tls_certificate") as caught:
        up.own_tls(Settings(tls_certificate=str(tmp_path / "c.pem")))
    assert len(caught.value.lines) == 1


def running(path: Path, **given: str) -> up.Up:
    settings = Settings.model_validate({"data": path, **given})
    return up.Up(Folder.hold(path), wiring.Configuration(settings, (), (), None), lambda _: None)


@starts(DATABASE)
def test_a_server_that_is_only_starting_is_stopped_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise up.Stopped

    monkeypatch.setattr(postgres, "wait_until", stopped)
    one = running(tmp_path / "data", kafka="127.0.0.1:9")
    with pytest.raises(up.Stopped):
        up.start_servers(one)
    (child,) = one.servers
    assert child.code is None
    one.stop()
    assert child.code is not None
    one.folder.release()


def test_every_server_tells_of_itself_before_it_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(kafka.java, "java", lambda: "true")
    monkeypatch.setattr(kafka.java, "kafka_jars", lambda _: tmp_path)
    monkeypatch.setattr(kafka, "_format", lambda *_: None)
    monkeypatch.setattr(kafka, "wait_until", lambda *_: told.append("waited"))
    child, _ = kafka.start(tmp_path / "kafka", print, on_spawn=told.append)
    assert told == [child, "waited"]
    child.wait(10)
