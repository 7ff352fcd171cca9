"""Acting for others: for whom, and the change to them and back."""

from aiohttp import web

from hub.ledger.representations import find_representation, representations_of
from hub.web.citizen import sessions
from hub.web.citizen.entitled import entitlement
from hub.web.citizen.visit import acted_for, enter, submitted


async def show(request: web.Request) -> web.Response:
    """``GET /me/acting``: whom the one who is logged in may act for now; and those for whom it is not possible here, with the reason."""
    visit = await enter(request)
    key = visit.state.pseudonyms.link(visit.session.who, "")
    found = await visit.state.ledger.run(representations_of, key, visit.now_us)
    others = [(r.id, acted_for(r)) for r in found]
    rows = [(id_, other, (await entitlement(visit.state, other, visit.session.who, visit.now_us)).closed) for id_, other in others]
    return visit.page("acting.html", others=rows)


async def change(request: web.Request) -> web.Response:
    """``POST /me/acting``: act for one of them, or for oneself (an empty id). Raises HTTPForbidden for anybody else."""
    visit, form = await submitted(request)
    wanted = form.get("id", "")
    if wanted:
        key = visit.state.pseudonyms.link(visit.session.who, "")
        found = await visit.state.ledger.run(find_representation, wanted, key, visit.now_us)
        if found is None or (await entitlement(visit.state, acted_for(found), visit.session.who, visit.now_us)).closed:
            raise web.HTTPForbidden
    await sessions.act_as(request, visit.session, wanted)
    return web.Response(status=303, headers={"Location": "/me"})
