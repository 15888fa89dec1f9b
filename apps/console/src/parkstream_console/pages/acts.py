"""The page of an act: what would be done, then a reason, then what came of it."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import Body
from litestar.response import Redirect
from msgspec import Meta, Struct
from parkstream_service.access import Role
from parkstream_service.http import needs

from parkstream_console.acts import versions
from parkstream_console.acts.desk import BusyError, Desk
from parkstream_console.acts.kinds import Kinds
from parkstream_console.acts.work import Preview, Work
from parkstream_console.pages.site import Asked, Site

REASON_LENGTH_MIN: Final = 3
REASON_LENGTH_MAX: Final = 500
REASON_MISSING: Final = f"Say why, in {REASON_LENGTH_MIN} characters or more: the reason is kept in the log."
BUSY: Final = "Something else is being done: look again when it has ended."
SEE_OTHER: Final = 303
OPERATORS: Final = needs(Role.OPERATE)


class Form(Struct):
    """What an operator sends: to what it is done, why, and whether visits that differ are written."""

    what: Annotated[str, Meta(max_length=200)] = ""
    why: Annotated[str, Meta(max_length=REASON_LENGTH_MAX)] = ""
    restates: Annotated[str, Meta(max_length=10)] = ""


Typed = Annotated[Form, Body(media_type=RequestEncodingType.URL_ENCODED)]


class ActPage:
    """Shows one work, and takes the form of it."""

    def __init__(self, site: Site, kinds: Kinds, desk: Desk) -> None:
        self._site = site
        self._kinds = kinds
        self._desk = desk

    async def show(
        self, request: Asked, kind: str, form: Form, *, problem: str = "", status: int = HTTPStatus.OK
    ) -> Response[Any]:
        """Show what would be done; a look that takes a while is asked for first."""
        work = self._kinds.work(kind, form.what)
        return self._site.page(
            request,
            "act.html",
            status=status,
            work=work,
            kind=kind,
            form=form,
            preview=await self._seen(work),
            problem=problem,
            job=self._desk.job,
            back=back_of(kind),
            can_restate=isinstance(work, versions.MakeLive),
        )

    async def look(self, request: Asked, kind: str, form: Form) -> Response[Any]:
        """Look what would be done, and show it when that is known, or how far it is."""
        try:
            await self._desk.look(self._who(request), self._kinds.work(kind, form.what))
        except BusyError:
            return await self.show(request, kind, form, problem=BUSY, status=HTTPStatus.CONFLICT)
        return Redirect(f"/acts/{kind}?{urlencode({'what': form.what})}", status_code=SEE_OTHER)

    async def act(self, request: Asked, kind: str, form: Form) -> Response[Any]:
        """Do it, and lead back to where what came of it is shown."""
        if len(form.why.strip()) < REASON_LENGTH_MIN:
            return await self.show(request, kind, form, problem=REASON_MISSING, status=HTTPStatus.BAD_REQUEST)
        try:
            work = self._kinds.work(kind, form.what, restates=bool(form.restates))
            seen = await self._seen(work)
            if seen is None or not seen.count:
                return await self.show(request, kind, form, problem="Look first: there is nothing to be done.")
            await self._desk.act(self._who(request), form.why, work, seen)
        except BusyError:
            return await self.show(request, kind, form, problem=BUSY, status=HTTPStatus.CONFLICT)
        return Redirect(f"{back_of(kind)}#acts", status_code=SEE_OTHER)

    async def _seen(self, work: Work) -> Preview | None:
        return self._desk.preview(work) if work.is_slow else await work.look(lambda _, __: None)

    def _who(self, request: Asked) -> str:
        viewer = self._site.access.viewer(request)
        assert viewer is not None  # The guard has let an operator in.
        return viewer.name


def act_routes(page: ActPage) -> list[HTTPRouteHandler]:
    """Return the page of each work, and what takes its forms: for operators only."""

    @get("/acts/{kind:str}", opt=OPERATORS, include_in_schema=False)
    async def show_act(request: Asked, kind: str, what: str = "") -> Response[Any]:
        """Show what would be done."""
        return await page.show(request, kind, Form(what=what[:200]))

    @post("/acts/{kind:str}/look", opt=OPERATORS, include_in_schema=False)
    async def look_first(request: Asked, kind: str, data: Typed) -> Response[Any]:
        """Look what would be done."""
        return await page.look(request, kind, data)

    @post("/acts/{kind:str}", opt=OPERATORS, include_in_schema=False)
    async def act(request: Asked, kind: str, data: Typed) -> Response[Any]:
        """Do it."""
        return await page.act(request, kind, data)

    return [show_act, look_first, act]


def back_of(kind: str) -> str:
    """Return the page from which a work of that *kind* is chosen."""
    return "/running" if kind in {versions.SWITCH, versions.ROLLBACK} else "/todo"
