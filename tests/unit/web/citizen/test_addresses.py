"""Where browsers find the page, and whether its cookies can be secure."""

import pytest

from hub.settings import Settings
from hub.web.citizen.sessions import base_url, is_secure


@pytest.mark.parametrize(
    ("given", "expected", "secure"),
    [
        ({"http": "127.0.0.1:8080"}, "http://127.0.0.1:8080", False),
        ({"http": "0.0.0.0:8443", "tls_certificate": "x.pem"}, "https://0.0.0.0:8443", True),
        ({"web_url": "https://hub.example/"}, "https://hub.example", True),
        ({"web_url": "http://localhost:8080"}, "http://localhost:8080", False),
    ],
)
def test_the_base_of_every_address(given: dict[str, str], expected: str, *, secure: bool) -> None:
    settings = Settings(**given)  # type: ignore[arg-type]
    assert (base_url(settings), is_secure(settings)) == (expected, secure)
