"""Pages from templates: Jinja's one door. Every value is escaped; there is no script, and no address from anywhere else."""

from collections.abc import Iterable
from functools import cache, partial
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from hub.web.answers import CSP, REFERRER
from hub.web.citizen.times import civil_date, civil_time
from hub.web.citizen.vocabulary import Language, say
from hub.web.citizen.words import WORDS

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'"
)  # fmt: skip
LANGUAGE_COOKIE: Final = "hub-language"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hub.web.citizen"), autoescape=select_autoescape(default=True), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def words(language: Language, key: str, **values: object) -> str:
    """The sentence of a key."""
    return say(WORDS[key], language).format(**values)


def html(language: Language, template: str, **values: Any) -> str:
    """A template as text."""
    return _environment().get_template(template).render(
        lang=language, languages=tuple(Language), t=partial(words, language), say=lambda said: say(said, language),
        day=partial(civil_date, language), moment=partial(civil_time, language), **values,
    )  # fmt: skip


def answer(language: Language, template: str, *, status: int = 200, may_lead_to: Iterable[str] = (), **values: Any) -> web.Response:
    """A page. may_lead_to: origins beside the hub's own that its forms may end at."""
    forms = " ".join(("'self'", *may_lead_to))
    policy = f"{_POLICY}; form-action {forms}"
    text = html(language, template, **values)
    headers = {
        CSP: policy, REFERRER: "same-origin",  # a form that no referrer is sent with has no origin either
        "Content-Language": language.value, "Cross-Origin-Opener-Policy": "same-origin", "Vary": "Cookie",
    }  # fmt: skip
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=headers)


def language_of(request: web.Request) -> Language:
    """The language chosen in this browser, else the first of its own that the page speaks, else Norwegian."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in set(Language):
        return Language(chosen)
    for wanted in request.headers.get("Accept-Language", "").split(","):
        tag = wanted.partition(";")[0].strip().lower().partition("-")[0]
        if tag in ("nb", "no", "nn"):
            return Language.NORWEGIAN
        if tag == "en":
            return Language.ENGLISH
    return Language.NORWEGIAN
