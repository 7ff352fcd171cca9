"""The local broker's own arrangements, without starting it."""

from base64 import urlsafe_b64decode
from pathlib import Path

from hub.stack.kafka import cluster_id


def test_no_cluster_id_looks_like_an_option() -> None:
    """One folder in 64 gave an id that begins with a dash, and the tool that prepares the folder refused it."""
    ids = [cluster_id(Path(f"/data/{n}")) for n in range(2_000)]
    assert not any(i.startswith("-") for i in ids)
    assert all(len(urlsafe_b64decode(i + "==")) == 16 for i in ids)
    assert len(set(ids)) == len(ids)
