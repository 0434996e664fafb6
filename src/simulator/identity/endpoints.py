"""The identity service's endpoints, apart from the consent page."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote

from simulator.identity import signing
from simulator.identity.registry import App, Connection
from simulator.identity.service import ISSUER, Access
from simulator.identity.tokens import InvalidGrant
from simulator.replies import Reply, Request, json_reply, refusal
from simulator.world import World

_NO_STORE = (b"cache-control", b"no-store, no-cache, max-age=0")
Handler = Callable[[World, Request, str], Reply]


def _error(name: str) -> Reply:
    return json_reply(400, {"error": name}, [_NO_STORE])


def client_of(world: World, request: Request) -> App | None:
    """The app that asks, proven by header or form; None if it is not."""
    header, form = request.header(b"authorization") or "", request.form
    client_id, secret = form.get("client_id", ""), form.get("client_secret")
    if header.startswith("Basic "):
        try:
            pair = base64.b64decode(header[6:], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        client_id, _, secret = (unquote(part) for part in pair.partition(":"))
    app = world.identity.apps.get(client_id)
    return app if app and app.client_secret == secret else None


def token(world: World, request: Request, _: str) -> Reply:
    """`POST /connect/token`."""
    form, now, identity = request.form, world.clock(), world.identity
    app = client_of(world, request)
    if app is None:
        return _error("invalid_client")
    try:
        match form.get("grant_type"):
            case "authorization_code":
                answer = identity.exchange(app, form, now)
            case "refresh_token":
                answer = identity.refresh(app, form.get("refresh_token", ""), now)
            case "client_credentials":
                scope = form.get("scope") or "app.connections"
                if app.client_secret is None or scope != "app.connections":
                    return _error("invalid_scope")
                answer = identity.client_credentials(app, scope, now)
            case _:
                return _error("unsupported_grant_type")
    except InvalidGrant:
        return _error("invalid_grant")
    return json_reply(200, answer, [_NO_STORE])


def revocation(world: World, request: Request, _: str) -> Reply:
    """`POST /connect/revocation`: 200 and nothing, whatever the token was."""
    app = client_of(world, request)
    if app is None:
        return _error("invalid_client")
    world.identity.revoke(app, request.form.get("token", ""))
    return Reply(200)


def _bearer(world: World, request: Request) -> Access:
    return world.identity.authenticate(request.header(b"authorization") or "", world.clock())


def connections(world: World, request: Request, _: str) -> Reply:
    """`GET /connections`: all that the user ever connected to the app and that still live."""
    access = _bearer(world, request)
    found = world.identity.connections.live(app=access.client_id, user=access.user_id)
    if event := request.query.get("authEventId"):
        found = [connection for connection in found if connection.event_id == event.lower()]
    return json_reply(200, [_connection(world, connection) for connection in found])


def _connection(world: World, connection: Connection) -> dict[str, str | None]:
    clinic = world.clinics.get(connection.tenant_id)
    return {
        "id": connection.id,
        "authEventId": connection.event_id,
        "tenantId": connection.tenant_id,
        "tenantType": "ORGANISATION",
        "tenantName": clinic.organisation.name if clinic else None,
        "createdDateUtc": _seven_decimals(connection.created_at),
        "updatedDateUtc": _seven_decimals(connection.updated_at),
    }


def _seven_decimals(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"


def delete_connection(world: World, request: Request, instance: str) -> Reply:
    """`DELETE /connections/{id}`: 204; 404 if there is none; 403 for an organisation's id."""
    access, wanted = _bearer(world, request), request.path.rstrip("/").rpartition("/")[2].lower()
    if wanted in world.clinics:
        return refusal(403, "AuthenticationUnsuccessful", instance)
    for connection in world.identity.connections.live(app=access.client_id, user=access.user_id):
        if connection.id == wanted:
            world.identity.connections.drop(connection)
            return Reply(204)
    return refusal(404, "NotFound", instance)


def user_info(world: World, request: Request, instance: str) -> Reply:
    """`GET /connect/userinfo`."""
    access = _bearer(world, request)
    if access.user_id is None:
        return refusal(401, "AuthenticationUnsuccessful", instance)
    user = world.identity.users[access.user_id]
    return json_reply(200, {"sub": user.id, **world.identity.profile(user, access.scopes)})


def key_set(_: World, __: Request, ___: str) -> Reply:
    """`GET /.well-known/openid-configuration/jwks`."""
    return json_reply(200, signing.key_set())


def configuration(_: World, request: Request, __: str) -> Reply:
    """`GET /.well-known/openid-configuration`."""
    base = f"http://{request.header(b'host')}"
    document = {
        "issuer": ISSUER,
        "jwks_uri": f"{base}/.well-known/openid-configuration/jwks",
        "authorization_endpoint": f"{base}/identity/connect/authorize",
        "token_endpoint": f"{base}/connect/token",
        "userinfo_endpoint": f"{base}/connect/userinfo",
        "revocation_endpoint": f"{base}/connect/revocation",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    return json_reply(200, document)
