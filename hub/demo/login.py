"""The demonstration's patients at their login service, so that anybody can see the page as one of them."""

from hub import up
from hub.demo.people import PEOPLE
from hub.stack import identity
from hub.up import Up


def start_identity(running: Up) -> None:
    """Start a login service for the patients of the day, unless the settings name one. Raises StackError."""
    settings = running.settings
    if settings.oidc_issuer:
        return
    base = settings.web_url or f"{up.scheme(running.tls)}://{up.reachable(settings.http)}"
    people = [identity.Identity(f"{p.given} {p.family}", p.number, f"{p.given} {p.family}", _date(p.born)) for p in PEOPLE.values()]
    _, provider = identity.start(running.folder.path / "identity", people, base, on_spawn=running.servers.append)
    running.change(web_url=base, **provider.settings())
    running.note()
    running.say(f"login         {provider.issuer}   as one of: {', '.join(p.user for p in people)}")


def _date(born: str) -> str:
    return f"{born[:4]}-{born[4:6]}-{born[6:]}"
