"""Signing in and out."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData

from gateway import logs
from gateway.api.console.access import (
    COOKIE,
    LANGUAGE_COOKIE,
    ROOT,
    START,
    Fields,
    Looks,
    begin,
    password_way,
    said,
    set_cookie,
)
from gateway.api.console.acts import did
from gateway.api.console.languages import LANGUAGES
from gateway.api.console.rendering import render, see_other
from gateway.api.console.terms import terms_of
from gateway.api.console.throttle import LoginThrottle
from gateway.api.public.client_rates import ClientRates
from gateway.api.using import services
from gateway.store.console import console_sessions

log = logs.get("console")
_LONGEST_NAME, _LONGEST_PASSWORD = 200, 1000


def router(throttle: LoginThrottle, rates: ClientRates) -> APIRouter:
    """Build the routes of signing in and out."""
    routes = APIRouter()

    @routes.get("/login")
    async def show_login(
        request: Request, target: Annotated[str, Query(alias="next")] = ""
    ) -> Response:
        if request.state.user is not None:
            return await see_other(request, within(target))
        return await _login_page(request, target=target)

    @routes.post("/login")
    async def sign_in(request: Request, form: Fields) -> Response:
        name, password = _text(form, "user").strip(), _text(form, "password")
        target = _text(form, "next")
        who = (name, rates.client(request))
        seconds = throttle.seconds_left(*who)
        if seconds > 0:
            why = said(
                request,
                "Too many attempts. Try again in {seconds} seconds.",
                seconds=round(seconds),
            )
            page = await _login_page(request, target=target, name=name, why=why, status=429)
            page.headers["retry-after"] = str(round(seconds) + 1)
            return page
        using = services(request)
        login = None
        if 0 < len(name) <= _LONGEST_NAME and 0 < len(password) <= _LONGEST_PASSWORD:
            throttle.failed(*who)  # Before the hash is worked out: attempts may come at once.
            login = await terms_of(request).users.verify(name, password)
        if login is None:
            log.info("console_login_failed")
            why = said(request, "The name or the password is wrong.")
            return await _login_page(request, target=target, name=name, why=why, status=401)
        throttle.succeeded(*who)
        user, secret = await begin(
            using, terms_of(request), name, login.roles, way=password_way(login)
        )
        await did(request, user, "login")
        request.state.user = user
        response = await see_other(request, within(target))
        set_cookie(response, request, secret)
        return response

    @routes.post("/logout")
    async def sign_out(request: Request, user: Looks) -> Response:
        digest = user.session.digest
        await services(request).database.write(
            lambda connection: console_sessions.end(connection, digest)
        )
        return _signed_out(await see_other(request, f"{ROOT}/login"))

    @routes.post("/logout-everywhere")
    async def sign_out_everywhere(request: Request, user: Looks) -> Response:
        await did(request, user, "logout.everywhere")
        await services(request).database.write(
            lambda connection: console_sessions.end_all(connection, user.name)
        )
        return _signed_out(await see_other(request, f"{ROOT}/login"))

    @routes.post("/language")
    async def choose_language(request: Request, form: Fields) -> Response:
        response = await see_other(request, within(_text(form, "next")))
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


def within(target: str) -> str:
    """Return where a browser is led after a login: a page of the console, wherever it asked."""
    parts = urlsplit(target)
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(f"{ROOT}/")
    if not is_ours or "\\" in target or not target.isprintable() or parts.path == f"{ROOT}/login":
        return START
    return target


async def _login_page(
    request: Request, *, target: str, name: str = "", why: str = "", status: int = 200
) -> Response:
    terms = terms_of(request)
    return await render(
        request,
        "login.html",
        {
            "target": target,
            "name": name,
            "why": why,
            "has_users": bool(terms.users.all()),
            "has_oidc": terms.oidc is not None,
        },
        status=status,
    )


def _signed_out(response: Response) -> Response:
    response.delete_cookie(COOKIE, path=ROOT, httponly=True, samesite="lax")
    return response


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""
