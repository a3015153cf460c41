"""Routes for the second factor: enroll, confirm, remove."""

import base64
import secrets
from functools import partial
from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.accounts.admin_requests import PENDING, pending_response
from api.accounts.security_log import current_caller
from api.accounts.sign_in.authentication import Authenticator
from api.accounts.sign_in.totp import match_code, new_secret, otpauth_uri
from api.http.bodies import AnyRequest, json_body
from api.http.client_address import client_address
from api.http.context import app_context, current_person
from api.http.tokens import hash_token
from inspections.accounts.actions.admin_requests import request_factor_reset
from inspections.accounts.actions.people import admin_scopes, find_managed_person
from inspections.accounts.actions.second_factor import (
    begin_factor_enrollment,
    confirm_factor,
    remove_factor,
    reset_factor,
)
from inspections.accounts.second_factor import RECOVERY_CODES, SecondFactor, SubmittedCode
from inspections.accounts.security_log import Event

_RECOVERY_BYTES = 10

Code = Annotated[str, Meta(min_length=6, max_length=32, description="six digits of the app, or a recovery code")]


class TotpView(Struct, frozen=True):
    """The state of the second factor. `recovery_left`: the number of unused recovery codes."""

    enrolled: bool
    recovery_left: int


class TotpEnrollment(Struct, frozen=True):
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
async def get_totp_status(request: AnyRequest) -> TotpView:
    """Tells whether a second factor is set up."""
    username = current_person(request).username
    factor = await app_context(request).database.read(lambda repository: repository.get(SecondFactor, username))
    confirmed = factor is not None and factor.confirmed_at is not None
    return TotpView(confirmed, len(factor.recovery) if factor else 0)


@post("/me/totp", opt={"action": "me", "body": OwnPassword}, status_code=200)
async def begin_totp(request: AnyRequest) -> TotpEnrollment:
    """Creates a secret for an authenticator app; it takes effect after a first code is sent to /me/totp/confirm."""
    asked: OwnPassword = await json_body(request, OwnPassword)
    context, person = app_context(request), current_person(request)
    await context.part(Authenticator).undo_attempt(
        await context.part(Authenticator).check_password(person.username, asked.password, client_address(request))
    )
    action = partial(begin_factor_enrollment, person=person, secret=new_secret(), now=context.clock())
    begun = await context.database.transact(action)
    uri = otpauth_uri(begun)
    return TotpEnrollment(begun.secret, uri, _qr_svg(uri))


@post("/me/totp/confirm", opt={"action": "me", "body": TotpCode}, status_code=200)
async def confirm_totp(request: AnyRequest) -> RecoveryCodes:
    """Confirms the second factor: sign-in requires a code from now on. Each recovery code replaces one, once."""
    asked: TotpCode = await json_body(request, TotpCode)
    context, username = app_context(request), current_person(request).username
    codes = [base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    tries = await context.part(Authenticator).count_attempt(username)
    proof = await _submitted_code(request, username, asked.code)
    digests = [hash_token(code) for code in codes]
    action = partial(confirm_factor, username=username, shown=proof, recovery=digests, now=context.clock())
    await context.log.transact(action, Event.FACTOR_CONFIRMED, current_caller(request), username)
    await context.part(Authenticator).undo_attempt(tries)
    return RecoveryCodes(["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes])


@post("/me/totp/remove", opt={"action": "me", "body": TotpRemoval}, status_code=204)
async def remove_totp(request: AnyRequest) -> None:
    """Removes one's second factor."""
    asked: TotpRemoval = await json_body(request, TotpRemoval)
    context, username = app_context(request), current_person(request).username
    tries = await context.part(Authenticator).check_password(username, asked.password, client_address(request))
    proof = await _submitted_code(request, username, asked.code)
    action = partial(remove_factor, username=username, shown=proof)  # a wrong code counts as a failed attempt
    await context.log.transact(action, Event.FACTOR_REMOVED, current_caller(request), username)
    await context.part(Authenticator).undo_attempt(tries)


@post("/people/{username:str}/totp/remove", opt={"action": "rights.manage"}, status_code=204, responses=PENDING)
async def reset_person_totp(request: AnyRequest, username: FromPath[str]) -> Response[None]:
    """Removes the second factor of a person who lost it. Ends the account's sessions and linked identities.

    Under the strict profile that of an administrator waits for another one: 202 with the request to confirm.
    """
    context, by = app_context(request), admin_scopes(current_person(request))
    now, profile, caller = context.clock(), context.settings.security_profile, current_caller(request)
    person = await context.database.read(partial(find_managed_person, reach=by.rights, username=username))
    reset = {"by": by, "username": username, "now": now, "profile": profile}
    if profile.protects_factor(person):
        action = partial(request_factor_reset, **reset)
        return pending_response(await context.log.transact(action, Event.ADMIN_REQUESTED, caller, username), now)
    await context.log.transact(partial(reset_factor, **reset), Event.FACTOR_REMOVED, caller, username)
    return Response(None, status_code=204)


async def _submitted_code(request: AnyRequest, username: str, code: str) -> SubmittedCode:
    context = app_context(request)
    factor = await context.database.read(lambda repository: repository.get(SecondFactor, username))
    return match_code(factor, code, context.clock()) if factor else SubmittedCode(None, "")


def _qr_svg(uri: str) -> str:
    import segno  # noqa: PLC0415  # four megabytes, needed only for enrollment

    return segno.make_qr(uri, error="m").svg_inline(scale=4, border=4)


ROUTES = [get_totp_status, begin_totp, confirm_totp, remove_totp, reset_person_totp]
