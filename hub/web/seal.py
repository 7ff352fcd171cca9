"""The signature on a checkpoint of the audit chain: Ed25519 over one line of JSON, so that it can be checked anywhere the public key is.

A line is a JSON object with sorted keys and no spaces: the checkpoint's body, ``key`` (the public key's thumbprint) and ``signature``
(hex), which is over the same line without itself.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.config import ConfigError
from hub.ledger.checkpoints import Checkpoint
from hub.web.keyfile import load_key, read_key

KEY_FILE: Final = "audit.key"
PUBLIC_FILE: Final = "audit.pub"
CHECKPOINT_FILE: Final = "audit-checkpoints.jsonl"
_WITHOUT: Final = "checkpoints from then on are signed by another: keep audit.pub, or those made so far cannot be checked"

Trusted = Mapping[str, Ed25519PublicKey]
"""Thumbprint -> a public key whose signatures are believed."""


class UnsealedError(Exception):
    """A line is no checkpoint, or not as it was signed, or signed by a key nobody trusts."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What signs checkpoints."""

    private: Ed25519PrivateKey = field(repr=False)

    def line(self, body: Mapping[str, Any]) -> str:
        """A body as a signed line."""
        said = {**body, "key": thumbprint(self.private.public_key())}
        return _canonical(said | {"signature": self.private.sign(_canonical(said).encode()).hex()})


def load_seal(data: Path) -> Seal:
    """The key of a data folder, made there when there is none, its public half beside it. Raises OSError, ConfigError."""
    private = load_key(data / KEY_FILE, _WITHOUT)
    public = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path = data / PUBLIC_FILE
    if not path.exists() or path.read_bytes() != public:
        path.write_bytes(public)
    return Seal(private)


def trusted(data: Path, others: list[Path]) -> dict[str, Ed25519PublicKey]:
    """The keys in the named files (PEM), and that of the data folder when none is named. Raises OSError, ConfigError."""
    keys = [_public(path) for path in others]
    if not others and (data / KEY_FILE).exists():
        keys = [read_key(data / KEY_FILE, _WITHOUT).public_key()]
    elif not others and (data / PUBLIC_FILE).exists():
        keys = [_public(data / PUBLIC_FILE)]
    return {thumbprint(key): key for key in keys}


def _public(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError([f"{path}: it holds no public Ed25519 key: give the {PUBLIC_FILE} of the hub's data folder"])
    return key


def thumbprint(key: Ed25519PublicKey) -> str:
    """What a checkpoint calls a key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]


def opened(line: str, keys: Trusted) -> Checkpoint:
    """The checkpoint that a line is. Raises UnsealedError."""
    try:
        said: dict[str, Any] = json.loads(line)
        signature = bytes.fromhex(said.pop("signature"))
        keys[said["key"]].verify(signature, _canonical(said).encode())
        return Checkpoint.parse(said)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidSignature):
        raise UnsealedError from None


def _canonical(said: Mapping[str, Any]) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"))
