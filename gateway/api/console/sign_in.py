"""Signing in and out."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from gateway import logs
from gateway.api.console.access import (
    COOKIE,
    KEPT,
    LANGUAGE_COOKIE,
    LOGIN,
    ConsoleUser,
    FormFields,
    Looks,
    begin,
    came_from_here,
    is_guests_form,
    password_way,
    posted_form,
    set_cookie,
    text_for,
    too_old,
)
from gateway.api.console.acts import change_store
from gateway.api.console.kept_form import (
    ROOT,
    START,
    KeptForm,
    kept_of,
    page_before,
    safe_target,
    seal,
    unseal,
)
from gateway.api.console.languages import LANGUAGES
from gateway.api.console.rendering import render, see_other
from gateway.api.console.terms import terms_of
from gateway.api.console.throttle import LoginThrottle
from gateway.api.console.users import is_name
from gateway.api.guard import is_bulk
from gateway.api.paths import quoted_path
from gateway.api.public.client_rates import ClientRates
from gateway.api.using import services
from gateway.core.errors import GatewayError
from gateway.store.console import console_sessions

log = logs.get("console")
_LONGEST_PASSWORD = 1000


def router(throttle: LoginThrottle, rates: ClientRates) -> APIRouter:
    """Build the routes for signing in and out."""
    routes = APIRouter()

    @routes.get("/login")
    async def show_login(
        request: Request, target: Annotated[str, Query(alias="next")] = ""
    ) -> Response:
        if request.state.user is not None:
            return await see_other(request, safe_target(target))
        return await _login_page(request, target=target)

    @routes.post("/login")
    async def sign_in(request: Request, form: FormFields) -> Response:
        name, password = _text(form, "user").strip(), _text(form, "password")
        target, kept_form = _text(form, "next"), _carried_form(request, form)
        if not (is_guests_form(request, form) or _is_program(request, form)):
            return await _login_page(
                request,
                target=target,
                name=name,
                why=too_old(request),
                kept_form=kept_form,
                status=403,
            )
        who = (name, rates.client(request))
        seconds = throttle.seconds_left(*who)
        if seconds > 0:
            why = text_for(
                request,
                "Too many attempts. Try again in {seconds} second.|"
                "Too many attempts. Try again in {seconds} seconds.",
                seconds=round(seconds),
            )
            page = await _login_page(
                request, target=target, name=name, why=why, kept_form=kept_form, status=429
            )
            page.headers["retry-after"] = str(round(seconds) + 1)
            return page
        using = services(request)
        login = None
        if is_name(name) and 0 < len(password) <= _LONGEST_PASSWORD:
            throttle.note_failure(
                *who
            )  # Before the hash is computed: attempts may be simultaneous.
            login = await terms_of(request).users.verify(name, password)
        if login is None:
            log.info("console_login_failed")
            why = text_for(request, "The name or the password is wrong.")
            return await _login_page(
                request, target=target, name=name, why=why, kept_form=kept_form, status=401
            )
        throttle.forget_failure(*who)
        before: ConsoleUser | None = request.state.user
        user, secret = await begin(
            *(using, terms_of(request), name, login.roles),
            way=password_way(login),
            instead=None if before is None else before.session,
        )
        request.state.user = user
        if kept_form is None or not kept_form.is_of(name):
            response = await see_other(request, safe_target(target))
        else:
            response = await render(request, "again.html", {"kept": kept_form})
        set_cookie(response, request, secret)
        return response

    @routes.post(KEPT.removeprefix(ROOT))
    async def go_on(request: Request, form: FormFields) -> Response:
        """Show a kept form to its user, after signing in in another tab."""
        kept_form, user = _carried_form(request, form), request.state.user
        if user is None or not is_guests_form(request, form):
            status = 401 if user is None else 403
            return await _login_page(request, target=START, kept_form=kept_form, status=status)
        if kept_form is None or not kept_form.is_of(user.name):
            return await see_other(request, START)
        return await render(request, "again.html", {"kept": kept_form})

    @routes.post("/logout")
    async def sign_out(request: Request, user: Looks) -> Response:
        digest = user.session.digest
        await services(request).database.write(console_sessions.end, digest)
        return _signed_out(await see_other(request, f"{ROOT}/login"))

    @routes.post("/logout-everywhere")
    async def sign_out_everywhere(request: Request, user: Looks) -> Response:
        await change_store(
            *(request, user, "logout.everywhere"),
            lambda connection: console_sessions.end_all(connection, user.name),
            about="",
        )
        return _signed_out(await see_other(request, f"{ROOT}/login"))

    @routes.post("/language")
    async def choose_language(request: Request, form: FormFields) -> Response:
        response = await see_other(request, safe_target(_text(form, "next")))
        language = _text(form, "language")
        if language in LANGUAGES:
            response.set_cookie(
                *(LANGUAGE_COOKIE, language),
                path=ROOT,
                max_age=365 * 86_400,
                httponly=True,
                samesite="lax",
            )
        return response

    return routes


async def lead_to_login(request: Request) -> Response:
    """Redirect to the login, and from there to the requested page.

    A form being sent is kept in the login page.
    """
    is_read = request.method in ("GET", "HEAD")
    if "hx-request" in request.headers:
        # The whole page should go there, not part of it; but not while somebody is typing.
        return Response(status_code=401, headers={"hx-redirect": LOGIN} if is_read else None)
    if is_read:
        target = quoted_path(request.url.path) + (
            f"?{request.url.query}" if request.url.query else ""
        )
        return _see_login(target)
    is_from_page = came_from_here(request) or COOKIE in request.cookies
    kept_form = None
    if is_from_page and not is_bulk(request.scope):  # Before that, nothing of a file is read.
        form = await posted_form(request)
        kept_form = kept_of(request, form)
        await form.close()
    if kept_form is None:
        return _see_login(page_before(request))
    return await _login_page(request, target=kept_form.back, kept_form=kept_form, status=401)


def _see_login(target: str) -> Response:
    is_start = target in (ROOT, f"{ROOT}/", START)
    return RedirectResponse(LOGIN if is_start else f"{LOGIN}?next={quote(target)}", 303)


async def _login_page(
    request: Request,
    *,
    target: str,
    name: str = "",
    why: str = "",
    kept_form: KeptForm | None = None,
    status: int = 200,
) -> Response:
    terms = terms_of(request)
    keys = _form_keys(request) if kept_form is not None else ()
    return await render(
        request,
        "login.html",
        {
            "target": target,
            "name": name,
            "why": why,
            "kept": None if kept_form is None or not keys else seal(kept_form, keys),
            "has_users": bool(terms.users.all()),
            "has_oidc": terms.oidc is not None,
        },
        status=status,
    )


def _is_program(request: Request, form: FormData) -> bool:
    """Whether this is a program signing in without having seen the login page.

    No site can make a program post anything. A browser identifies itself (Fetch Metadata), and has
    the page's token.
    """
    return "csrf" not in form and "sec-fetch-site" not in request.headers


def _carried_form(request: Request, form: FormData) -> KeptForm | None:
    """Return the form the login page carried."""
    text = _text(form, "kept")
    keys = _form_keys(request) if text else ()
    return unseal(text, keys) if keys else None


def _form_keys(request: Request) -> tuple[bytes, ...]:
    """Return the keys for kept forms; none, rather than an error, if their file can't be read."""
    try:
        return terms_of(request).form_keys()
    except GatewayError as error:
        log.warning("console_form_not_kept", reason=str(error))
        return ()


def _signed_out(response: Response) -> Response:
    response.delete_cookie(COOKIE, path=ROOT, httponly=True, samesite="lax")
    return response


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""
