"""Basic authentication against the bcrypt hashes of the web config file."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping

import bcrypt
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from exporter.web.watch import WebConfigFile

_Login = tuple[str, bytes, bytes]

_CACHED = 64
_WAITING = 16
_BCRYPT_BYTES = 72  # bcrypt ignores what comes after, and the package refuses to be given it


class Authenticator:
    """Checks passwords one at a time and off the event loop, and remembers the good ones.

    bcrypt is slow on purpose, and a scraper logs in with every scrape.
    """

    def __init__(self) -> None:
        self._accepted: OrderedDict[_Login, None] = OrderedDict()
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def accepts(self, users: Mapping[str, bytes], user: str, password: str) -> bool:
        """Whether this is the password of this user. An unknown user takes as long as a known one.

        Raises HTTPTooManyRequests when too many checks are waiting.
        """
        known = user in users
        stored = users[user] if known else next(iter(users.values()))
        secret = password.encode()
        login = (user, stored, hashlib.sha256(secret).digest())
        if known and login in self._accepted:
            self._accepted.move_to_end(login)
            return True
        if not await self._check(secret, stored) or not known:
            return False
        self._accepted[login] = None
        if len(self._accepted) > _CACHED:
            self._accepted.popitem(last=False)
        return True

    async def _check(self, secret: bytes, stored: bytes) -> bool:
        if self._waiting >= _WAITING:
            raise web.HTTPTooManyRequests(text="too many logins at once\n")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(_matches, secret, stored)
        finally:
            self._waiting -= 1


def _matches(secret: bytes, stored: bytes) -> bool:
    try:
        return bcrypt.checkpw(secret[:_BCRYPT_BYTES], stored)
    except ValueError:
        return False


def basic_auth(
    web_config: WebConfigFile, is_free: Callable[[web.Request], bool] = lambda _: False
) -> Middleware:
    """Middleware that lets nobody pass without a password while users are configured.

    ``is_free`` tells requests that something else protects.
    """
    authenticator = Authenticator()

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        users = web_config.current().users
        if users and not is_free(request) and not await _allowed(authenticator, users, request):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="exporter"'})
        return await handler(request)

    return authenticate


async def _allowed(
    authenticator: Authenticator, users: Mapping[str, bytes], request: web.Request
) -> bool:
    login = _login(request.headers.get("Authorization", ""))
    return login is not None and await authenticator.accepts(users, *login)


def _login(header: str) -> tuple[str, str] | None:
    """User and password of an Authorization header by RFC 7617, or None."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:  # neither base64 nor UTF-8
        return None
    user, colon, password = text.partition(":")
    return (user, password) if colon else None
