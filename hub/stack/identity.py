"""A login service for the demonstration: NanoIDP, a test provider that speaks OpenID Connect as it is written (PKCE, nonce, logout).

It asks for no password: whoever is at this machine chooses who to be. So it listens on loopback only, and nothing but the demonstration,
whose patients are synthetic, starts it.
"""

import json
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretBytes

from hub.stack.supervise import Child, OnSpawn, Spec, free_port, spawn, untold, wait_until

NUMBER_CLAIM: Final = "attributes pid"
BORN_CLAIM: Final = "attributes birthdate"
CLIENT: Final = "hub"
_READY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who can log in. born: ISO date, or "" for a provider that does not say."""

    user: str
    number: str
    name: str
    born: str


@dataclass(frozen=True, slots=True)
class Provider:
    """Where the provider is, and what the hub knows itself by to it."""

    issuer: str
    client_secret: str

    def settings(self) -> dict[str, Any]:
        """The hub's settings for it, by name."""
        return {
            "oidc_issuer": self.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SecretBytes(self.client_secret.encode()),
            "oidc_number_claim": NUMBER_CLAIM, "oidc_born_claim": BORN_CLAIM,
        }  # fmt: skip


def start(folder: Path, people: Iterable[Identity], web_url: str, port: int = 0, on_spawn: OnSpawn = untold) -> tuple[Child, Provider]:
    """Start it for these people and a hub at this address; returns when it answers. Raises StackError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = free_port(port)
    provider = Provider(f"http://127.0.0.1:{port}", secrets.token_urlsafe(24))
    (folder / "settings.yaml").write_text(json.dumps(_settings(provider, web_url, port)), "utf-8")  # JSON is YAML
    (folder / "users.yaml").write_text(json.dumps(_users(people), ensure_ascii=False), "utf-8")
    argv = (sys.executable, "-m", "nanoidp", "--config", str(folder), "--strict-config", "--profile", "oauth21")
    child = spawn(Spec("identity", argv, log=folder / "identity.log", cwd=folder))
    on_spawn(child)
    wait_until(lambda: _answers(provider.issuer), child, _READY_SECONDS, f"see {folder / 'identity.log'}")
    return child, provider


def _settings(provider: Provider, web_url: str, port: int) -> Mapping[str, Any]:
    client = {
        "client_id": CLIENT, "client_secret": provider.client_secret, "redirect_uris": [f"{web_url}/me/callback", f"{web_url}/me/welcome"],
    }  # fmt: skip
    return {
        "config_version": 1,
        "server": {"host": "127.0.0.1", "port": port},
        "oauth": {"issuer": provider.issuer, "audience": CLIENT, "token_expiry_minutes": 5, "clients": [client]},
        "login": {"mode": "persona"},
        "jwt": {"keys_dir": "keys"},
        "logging": {"level": "WARNING", "verbose_logging": False, "log_token_requests": False, "log_saml_requests": False},
    }


def _users(people: Iterable[Identity]) -> Mapping[str, Any]:
    return {
        "config_version": 1,
        "users": {
            p.user: {
                "password": secrets.token_urlsafe(24), "email": f"{n}@example.org",
                "attributes": {"pid": p.number, "name": p.name} | ({"birthdate": p.born} if p.born else {}),
            }
            for n, p in enumerate(people)
        },
    }  # fmt: skip


def _answers(issuer: str) -> bool:
    try:
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=1.0) as answer:  # noqa: S310 - our own
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
