"""Servers that are named are used and none started beside them; a test about a server of its own then says aloud that it does not run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.stack import apicurio
from hub.stack.supervise import stop

KAFKA, DATABASE, REGISTRY = "HUB_KAFKA", "HUB_DATABASE_URL", "HUB_SCHEMA_REGISTRY"


def why_not(*settings: str) -> str:
    """Why a server of our own may not be started in place of the one a setting names; "" when none is named."""
    named = [name for name in settings if os.environ.get(name)]
    return f"NOT TESTED: it starts servers of its own, and {' and '.join(named)} said which to use" if named else ""


@contextmanager
def schema_registry(folder: Path) -> Iterator[str]:
    """The URL of the registry that is named, else of one of our own for as long as the block runs."""
    named = os.environ.get(REGISTRY, "")
    if named:
        yield named
        return
    child, url = apicurio.start(folder, print)
    try:
        yield url
    finally:
        stop([child], grace_seconds=10)


def starts(*settings: str) -> pytest.MarkDecorator:
    """Marks what starts the servers that these settings would name."""
    return pytest.mark.skipif(bool(why_not(*settings)), reason=why_not(*settings) or "never")
