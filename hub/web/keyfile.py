"""A private Ed25519 key in a file of the data folder, made at first start and readable by its owner only."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.config import ConfigError


def load_key(path: Path, without: str) -> Ed25519PrivateKey:
    """The key in a file, made there (mode 0600) when there is none. Raises OSError, or ConfigError for a damaged file.

    without: what is lost with the key.
    """
    try:
        return read_key(path, without)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path)
        return read_key(path, without)


def read_key(path: Path, without: str) -> Ed25519PrivateKey:
    """As ``load_key``, without making one. Raises FileNotFoundError too."""
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # not PEM; behind a password; of a kind unknown here
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigError([f"{path}: damaged, it holds no Ed25519 key: restore it, or delete it, and {without}"])
    return private


def _make(path: Path) -> None:
    """Write a new key whole and then give it its name: two processes starting together end with one and the same."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # refuses to replace, unlike rename
    except FileExistsError:
        pass  # the other process was first: its key is the key
    finally:
        temporary.unlink()
