"""The origin of a request: the network of the client, and the account that is signed in on the device."""

from contextlib import suppress

from api.accounts.guard import read_token
from api.accounts.sign_in.authentication import Authenticator
from api.http.bodies import AnyRequest
from api.http.client_address import address_to_limit
from api.http.context import app_context
from api.photos.signing_key import SigningKey
from inspections.errors import Refusal
from inspections.remediation.fix_origins import RequestOrigin


async def request_origin(request: AnyRequest, account: str | None) -> RequestOrigin:
    """Returns the origin of a request by `account`. The network is unknown behind a proxy that does not forward it."""
    secret = await app_context(request).part(SigningKey).secret()
    return RequestOrigin(secret.value, address_to_limit(request), account)


async def signed_in_account(request: AnyRequest) -> str | None:
    """Returns the account whose token comes with a request that needs none, such as the cookie of our own pages."""
    with suppress(Refusal):
        person = await app_context(request).part(Authenticator).authenticate(read_token(request), "me")
        return person.username
    return None
