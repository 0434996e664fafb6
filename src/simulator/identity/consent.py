"""The consent page: what an app asks for, in plain words, and a choice of organisation."""

from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import parse_qsl, urlencode

from simulator.identity.registry import User
from simulator.identity.service import AuthorizeError
from simulator.replies import Headers, Reply, Request
from simulator.world import World

_PAGE = Template(files("simulator.identity").joinpath("consent.html").read_text("utf-8"))
_HEADERS: Headers = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
]
_MOST_USERS = 50


def page(world: World, request: Request, _: str) -> Reply:
    """`GET /identity/connect/authorize`."""
    query = request.query
    try:
        app = world.identity.check(query)
    except AuthorizeError as error:
        return _refused(str(error))
    fields = "".join(
        f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in query.items()
    )
    several = world.settings.several_organisations_per_consent
    choices = [_choices(world, user, "checkbox" if several else "radio") for user in _users(world, query)]
    body = f"""
<h1>{escape(app.name)} wants to read your payroll</h1>
<p>If you allow it, {escape(app.name)} can <strong>read</strong> these seven kinds of data of the
organisation you choose. It cannot change anything.</p>
<ul>
<li>Employees</li><li>Pay runs</li><li>Payslips</li><li>Payroll settings</li><li>Timesheets</li>
<li>Organisation settings</li><li>User account information</li>
</ul>
<details><summary>Permissions asked for</summary>
<ul>{"".join(f"<li><code>{escape(scope)}</code></li>" for scope in query["scope"].split())}</ul></details>
<form method="post" action="/identity/connect/authorize">{fields}
{"".join(choices) or "<p role='alert'>Nobody here may connect an organisation.</p>"}
<p class="actions">
<button name="decision" value="allow">Allow access</button>
<button name="decision" value="deny" class="quiet" formnovalidate>Deny</button>
</p></form>"""
    return Reply(200, _html(f"Connect {app.name}", body), list(_HEADERS))


def decision(world: World, request: Request, _: str) -> Reply:
    """`POST /identity/connect/authorize`: back to the app with a code, or with access_denied."""
    fields = parse_qsl(request.body.decode("utf-8"), keep_blank_values=True)
    query = dict(fields)
    chosen = [tuple(value.split(":", 1)) for name, value in fields if name == "choice"]
    if len(chosen) > 1 and not world.settings.several_organisations_per_consent:
        return _refused("one organisation at a time")
    try:
        world.identity.check(query)
        if query.get("decision") != "allow":
            return _back(query, error="access_denied")
        user = chosen[0][0] if chosen else ""
        code = consented(world, query, user, [tenant for owner, tenant in chosen if owner == user])
    except AuthorizeError as error:
        return _refused(str(error))
    return _back(query, code=code)


def consented(world: World, query: dict[str, str], user: str, tenants: list[str]) -> str:
    """The code for a consent given; raise AuthorizeError."""
    mine = {clinic.organisation.id for clinic in world.may_connect(user)}
    if not tenants or not mine.issuperset(tenants):
        raise AuthorizeError("access_denied")
    return world.identity.consent(query, user, tenants, world.clock())


def _users(world: World, query: dict[str, str]) -> list[User]:
    """Those who may connect something; `login_hint` narrows it down to one."""
    hint = query.get("login_hint")
    users = [u for u in world.identity.users.values() if hint in (None, u.email, u.id)]
    return [user for user in users if world.may_connect(user.id)][:_MOST_USERS]


def _choices(world: World, user: User, kind: str) -> str:
    options = "".join(
        f'<label><input type="{kind}" name="choice" value="{user.id}:{clinic.organisation.id}"'
        f"{' required' if kind == 'radio' else ''}> {escape(clinic.organisation.name)}"
        f" <small>({escape(clinic.organisation.region)})</small></label>"
        for clinic in world.may_connect(user.id)
    )
    name = f"{user.first_name} {user.last_name}"
    return f"<fieldset><legend>As {escape(name)} ({escape(user.email)})</legend>{options}</fieldset>"


def _back(query: dict[str, str], **answer: str) -> Reply:
    address = query["redirect_uri"]
    if "state" in query:
        answer["state"] = query["state"]
    joint = "&" if "?" in address else "?"
    location = f"{address}{joint}{urlencode(answer)}"
    return Reply(302, b"", [(b"location", location.encode("ascii", "replace"))])


def _refused(reason: str) -> Reply:
    body = f"<h1>Sorry, that did not work</h1><p role='alert'>Error: <code>{escape(reason)}</code></p>"
    return Reply(400, _html("Error", body), list(_HEADERS))


def _html(title: str, body: str) -> bytes:
    return _PAGE.substitute(title=escape(title), body=body).encode()
