"""Notices of new access: whether and where somebody wants them."""

from typing import Final

from aiohttp import web

from hub.addresses import EMAIL
from hub.ledger.notices import Notice, NoticeChannel, delete_notice, get_notice, put_notice
from hub.web.citizen import sessions
from hub.web.citizen.visit import Visit, enter, submitted
from hub.web.sending import may_be_called

_ADDRESS_CHARS_MAX: Final = 500


async def show(request: web.Request) -> web.Response:
    """``GET /me/notices``."""
    return await _page(await enter(request))


async def _page(visit: Visit, wrong: str = "", *, is_saved: bool = False) -> web.Response:
    found = await visit.state.ledger.run(get_notice, _key(visit))
    every = await sessions.all_of(visit.request, visit.session)
    logins = [(started, seen, id_ == visit.session.id) for id_, started, seen in every]
    return visit.page(
        "notices.html", status=422 if wrong else 200, notice=found, wrong=wrong, is_saved=is_saved, sessions=logins,
        has_mail=bool(visit.state.settings.smtp),
    )  # fmt: skip


def _key(visit: Visit) -> str:
    """Of the one who is logged in, whomever they act for."""
    return visit.state.pseudonyms.link(visit.session.who, "")


async def save(request: web.Request) -> web.Response:
    """``POST /me/notices``: from now on, or no more."""
    visit, form = await submitted(request)
    channel, address = form.get("channel", ""), form.get("address", "").strip()
    if channel == "none":
        await visit.state.ledger.run(delete_notice, _key(visit))
        return await _page(visit, is_saved=True)
    wrong = _wrong(visit, channel, address)
    if wrong:
        return await _page(visit, wrong)
    notice = Notice(_key(visit), NoticeChannel(channel), address, visit.language.value, visit.now_us)
    await visit.state.ledger.run(put_notice, notice, visit.now_us)
    return await _page(visit, is_saved=True)


def _wrong(visit: Visit, channel: str, address: str) -> str:
    """What is wrong with it: a word for people's sentence, "" = nothing."""
    settings = visit.state.settings
    if channel == NoticeChannel.EMAIL and settings.smtp:
        return "" if EMAIL.fullmatch(address) else "email"
    if channel == NoticeChannel.WEBHOOK:
        is_good = len(address) <= _ADDRESS_CHARS_MAX and address.isascii() and address.isprintable() and may_be_called(address, settings)
        return "" if is_good else "webhook"
    return "channel"
