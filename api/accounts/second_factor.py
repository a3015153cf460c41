"""Routes for the second factor: enroll, confirm, remove."""

import base64
import secrets
from functools import partial
from typing import Annotated

from litestar import get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.accounts.authentication import SignIn
from api.accounts.security_log import caller_of
from api.accounts.totp import new_secret, otpauth, shown
from api.http.bodies import AnyRequest, json_body
from api.http.client_address import address_of
from api.http.context import context_of, person_of
from api.http.tokens import digest_of
from inspections.accounts.actions.second_factor import begin_factor, confirm_factor, remove_factor, take_factor
from inspections.accounts.policy import scope
from inspections.accounts.second_factor import RECOVERY_CODES, SecondFactor, Shown
from inspections.accounts.security_log import Event

_RECOVERY_BYTES = 10

Code = Annotated[str, Meta(min_length=6, max_length=32, description="six digits of the app, or a recovery code")]


class TotpView(Struct, frozen=True):
    """The state of the second factor. `recovery_left`: the number of unused recovery codes."""

    enrolled: bool
    recovery_left: int


class TotpBegun(Struct, frozen=True):
    """The data for an authenticator app: `uri` (otpauth), the same as a QR code (SVG), and the secret to type in."""

    secret: str
    uri: str
    qr: str


class RecoveryCodes(Struct, frozen=True):
    """The recovery codes, returned once; only digests are stored."""

    recovery_codes: list[str]


class OwnPassword(Struct, frozen=True, forbid_unknown_fields=True):
    password: Annotated[str, Meta(min_length=1, max_length=1024)]


class TotpCode(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code


class TotpRemoval(Struct, frozen=True, forbid_unknown_fields=True):
    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    code: Code


@get("/me/totp", opt={"action": "me"})
async def my_totp(request: AnyRequest) -> TotpView:
    username = person_of(request).username
    factor = await context_of(request).database.read(lambda repository: repository.kept(SecondFactor, username))
    confirmed = factor is not None and factor.confirmed_at is not None
    return TotpView(confirmed, len(factor.recovery) if factor else 0)


@post("/me/totp", opt={"action": "me", "body": OwnPassword}, status_code=200)
async def begin(request: AnyRequest) -> TotpBegun:
    """Creates a secret for an authenticator app; it takes effect after a first code is sent to /me/totp/confirm."""
    asked: OwnPassword = await json_body(request, OwnPassword)
    context, person = context_of(request), person_of(request)
    await context.part(SignIn).take_back(
        await context.part(SignIn).check_password(person.username, asked.password, address_of(request))
    )
    action = partial(begin_factor, person=person, secret=new_secret(), now=context.clock())
    begun = await context.database.transact(action)
    uri = otpauth(begun)
    return TotpBegun(begun.secret, uri, _qr(uri))


@post("/me/totp/confirm", opt={"action": "me", "body": TotpCode}, status_code=200)
async def confirm(request: AnyRequest) -> RecoveryCodes:
    """Confirms the second factor: sign-in requires a code from now on. Each recovery code replaces one, once."""
    asked: TotpCode = await json_body(request, TotpCode)
    context, username = context_of(request), person_of(request).username
    codes = [base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    tries = await context.part(SignIn).count_try(username, address_of(request))
    proof = await _proof(request, username, asked.code)
    digests = [digest_of(code) for code in codes]
    action = partial(confirm_factor, username=username, shown=proof, recovery=digests, now=context.clock())
    await context.log.transact(action, Event.FACTOR_CONFIRMED, caller_of(request), username)
    await context.part(SignIn).take_back(tries)
    return RecoveryCodes(["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes])


@post("/me/totp/remove", opt={"action": "me", "body": TotpRemoval}, status_code=204)
async def remove(request: AnyRequest) -> None:
    asked: TotpRemoval = await json_body(request, TotpRemoval)
    context, username = context_of(request), person_of(request).username
    tries = await context.part(SignIn).check_password(username, asked.password, address_of(request))
    proof = await _proof(request, username, asked.code)
    action = partial(remove_factor, username=username, shown=proof)  # a wrong code counts as a failed attempt
    await context.log.transact(action, Event.FACTOR_REMOVED, caller_of(request), username)
    await context.part(SignIn).take_back(tries)


@post("/people/{username:str}/totp/remove", opt={"action": "rights.manage"}, status_code=204)
async def take(request: AnyRequest, username: FromPath[str]) -> None:
    """Removes the second factor of a person who lost it. Ends the account's sessions and linked identities."""
    context, reach = context_of(request), scope(person_of(request), "rights.manage")
    action = partial(take_factor, reach=reach, username=username, now=context.clock())
    await context.log.transact(action, Event.FACTOR_REMOVED, caller_of(request), username)


async def _proof(request: AnyRequest, username: str, code: str) -> Shown:
    context = context_of(request)
    factor = await context.database.read(lambda repository: repository.kept(SecondFactor, username))
    return shown(factor, code, context.clock()) if factor else Shown(None, "")


def _qr(uri: str) -> str:
    import segno  # noqa: PLC0415  # four megabytes, needed only for enrollment

    return segno.make_qr(uri, error="m").svg_inline(scale=4, border=4)


ROUTES = [my_totp, begin, confirm, remove, take]
