"""
Every switch of the simulator, with its default.

Switches marked U stand for facts about Xero that could not be verified; the default is the likelier value.
"""

from typing import Literal

import msgspec

Policy = Literal["grace-all", "grace-latest", "strict"]


class TenantLimits(msgspec.Struct, forbid_unknown_fields=True):
    """One organisation's own limits; None keeps the general one."""

    concurrent: int | None = None
    minute: int | None = None
    day: int | None = None


class Denial(msgspec.Struct, forbid_unknown_fields=True):
    """How the gateway refuses: a status and the `Detail` of its usual body, or a body of its own."""

    status: int
    detail: str = ""
    body: str | None = None


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All switches; change them while it runs with `PATCH /_sim/settings`."""

    # limits
    limits: bool = True
    limit_scale: float = 1.0  # how many times faster the windows pass: at 60 a minute lasts a second
    concurrent_limit: int = 5
    minute_limit: int = 60
    day_limit: int = 5_000  # 1,000 on Xero's Starter tier
    app_minute_limit: int = 10_000
    tenant_limits: dict[str, TenantLimits] = {}
    retry_after: str = "seconds"  # seconds (real ones), date, absent, or a text to send as it is
    latency: float = 0.0  # seconds every answer takes at least, so that requests overlap
    token_latency: float = 0.0  # the same at the token endpoint

    # identity
    rotation_policy: Policy = "grace-latest"  # U
    grace_seconds: int = 1_800
    access_token_seconds: int = 1_800
    refresh_token_seconds: int = 60 * 86_400
    code_seconds: int = 300
    cumulative_scopes: bool = True
    reconnect_keeps_connection_id: bool = True  # U
    consent_ends_older_tokens: bool = False  # U
    revocation_ends_all_tokens: bool = False  # U: the connections always go
    several_organisations_per_consent: bool = False  # bulk consent is for the Advanced tier

    # answers
    gzip: bool = True  # U for api.xero.com
    not_modified: Literal["empty", "304"] = "empty"  # U
    modified_since_inclusive: bool = False  # U
    page_size_without_page: int = 100  # U: AU lists when `page` is not given
    pay_items_ignore_page: bool = True
    pay_runs_newest_first: bool = True  # U
    employee_list_shows_group: bool = False  # U
    payslip_shows_all_totals: bool = False  # the example carries only Tax and NetPay
    uk_unedited_payslips_lack_stamps: bool = True  # U: `lastEdited` is null in the example
    days_in_payroll_year_is_text: bool = True  # the schema says integer, the example shows text
    leave_v2_modified_since_fails: bool = True  # XeroAPI/xero-node#644
    refuse_where: tuple[str, ...] = ()  # U: list names, such as PayRuns, that answer 400 to `where`
    refuse_order: tuple[str, ...] = ()  # U

    # at the source
    payslip_edit_moves_run_stamp: bool = True  # U
    rehire_keeps_employee_id: bool = True  # U

    # refusals
    payroll_not_set_up: Denial = msgspec.field(default_factory=lambda: Denial(403, "Forbidden"))  # U
    not_payroll_admin: Denial = msgspec.field(
        default_factory=lambda: Denial(401, "AuthorizationUnsuccessful")
    )  # U
    wrong_region: Denial = msgspec.field(default_factory=lambda: Denial(404, "NotFound"))  # U

    # memory
    ledger_size: int = 100_000
    content_bytes: int = 64_000_000


def patched(settings: Settings, changes: object) -> Settings:
    """The settings with some changed; raises `msgspec.ValidationError` naming what does not fit."""
    if not isinstance(changes, dict):
        raise msgspec.ValidationError("expected an object of switches")
    return msgspec.convert({**msgspec.to_builtins(settings), **changes}, Settings)
