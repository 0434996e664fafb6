"""
Checking the simulator against Xero's published descriptions.

Takes a folder with the description files (https://github.com/XeroAPI/Xero-OpenAPI), asks a running
simulator for every GET path in them, with every id it meets on the way, and checks each reply against
the schema: types, enums, required fields, date forms, and that no field is sent that is not described.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from simulator.caller import Caller, connected
from simulator.contradictions import ENVELOPE, excused, not_served
from simulator.server import running

_QUERY = {"LeaveType": "Sick", "USI": "CAR0100AU"}
_MS_DATE = re.compile(r"/Date\(-?\d+([+-]\d{4})?\)/")
_MOST_IDS = 40  # of each kind


@dataclass(frozen=True, slots=True)
class Api:
    """A description file, and where and for which region the simulator serves it."""

    file: str
    base: str
    region: str


APIS = (
    Api("xero-identity.yaml", "", "AU"),
    Api("xero_accounting.yaml", "/api.xro/2.0", "AU"),
    Api("xero-payroll-au.yaml", "/payroll.xro/1.0", "AU"),
    Api("xero-payroll-au-v2.yaml", "/payroll.xro/2.0", "AU"),
    Api("xero-payroll-nz.yaml", "/payroll.xro/2.0", "NZ"),
    Api("xero-payroll-uk.yaml", "/payroll.xro/2.0", "UK"),
)


@dataclass(slots=True)
class Verdict:
    """What was found of one path: how many replies were checked, or why it is not served."""

    api: str
    path: str
    replies: int = 0
    not_served: str | None = None
    violations: list[str] = field(default_factory=list)
    excuses: set[str] = field(default_factory=set)

    @property
    def passed(self) -> bool:
        """Whether it is served without a violation, or rightly not served."""
        return not self.violations and bool(self.replies or self.not_served)


def check_folder(folder: Path) -> list[Verdict]:
    """
    The verdicts on every GET path of the descriptions in `folder`.

    Raises:
        FileNotFoundError: A description file is not there.
    """
    missing = [api.file for api in APIS if not (folder / api.file).is_file()]
    if missing:
        raise FileNotFoundError(f"not in {folder}: {', '.join(missing)}")
    verdicts = []
    with running(limits=False, leave_v2_modified_since_fails=False) as simulator:
        callers = {}
        for region in ("AU", "NZ", "UK"):
            calendars = ["fortnightly", "monthly"]
            clinic = simulator.control.create_organisation(region=region, runs=4, calendars=calendars)
            callers[region] = connected(simulator.control, clinic)
        for api in APIS:
            description = yaml.load((folder / api.file).read_text("utf-8"), Loader=yaml.CSafeLoader)
            verdicts += _Checker(api, description, callers[api.region]).check()
    return verdicts


class _Checker:
    def __init__(self, api: Api, description: dict[str, Any], caller: Caller) -> None:
        self._api = api
        self._components = description["components"]
        self._gets = {path: item["get"] for path, item in description["paths"].items() if "get" in item}
        self._caller = caller
        self._ids: dict[str, dict[str, None]] = {}
        self._first_ids: dict[str, dict[str, None]] = {}

    def check(self) -> list[Verdict]:
        """Lists come first, for they yield the ids that other paths need."""
        verdicts = {path: Verdict(self._api.file, path) for path in self._gets}
        for path in sorted(self._gets, key=lambda path: (path.count("{"), path)):
            verdict = verdicts[path]
            verdict.not_served = not_served(self._api.file, path)
            if verdict.not_served is None:
                content = self._gets[path]["responses"]["200"]["content"]["application/json"]
                schema = {**content["schema"], "components": self._components}
                validator = OAS30Validator(schema, format_checker=oas30_format_checker)
                for address in self._addresses(path):
                    self._check_reply(path, address, validator, verdict)
                if not verdict.replies and not verdict.violations:
                    verdict.violations.append("no id was met to ask for")
        return list(verdicts.values())

    def _check_reply(self, path: str, address: str, validator: OAS30Validator, verdict: Verdict) -> None:
        answer = self._caller.get(self._api.base + address)
        if answer.status == HTTPStatus.NOT_FOUND and path.count("{") > 1:
            return  # two ids that do not belong together
        if answer.status != HTTPStatus.OK:
            verdict.violations.append(f"{address}: status {answer.status}")
            return
        verdict.replies += 1
        body = answer.json()
        self._gather(path, body)
        for where, rule, message in self._faults(validator, body):
            excuse = excused(self._api.file, where, rule)
            if excuse:
                verdict.excuses.add(excuse)
            else:
                verdict.violations.append(f"{address}: {where}: {message}")

    def _faults(self, validator: OAS30Validator, body: Any) -> Iterator[tuple[str, str, str]]:
        """Where a reply differs from the description, by which rule, and how."""
        for error in validator.iter_errors(body):
            where = "/".join("*" if isinstance(part, int) else part for part in error.absolute_path)
            rule = "null" if error.instance is None else str(error.validator)
            yield where, rule, error.message[:200]
        yield from self._undescribed(validator.schema, body, "")

    def _undescribed(self, schema: dict[str, Any], value: Any, where: str) -> Iterator[tuple[str, str, str]]:
        while "$ref" in schema:
            schema = self._components["schemas"][schema["$ref"].rpartition("/")[2]]
        if isinstance(value, list):
            for item in value:
                yield from self._undescribed(schema.get("items", {}), item, f"{where}/*")
        elif isinstance(value, dict):
            described = schema.get("properties", {})
            for key, inner in value.items():
                if key in described:
                    yield from self._undescribed(described[key], inner, f"{where}/{key}")
                elif not (where == "" and key in ENVELOPE):
                    yield f"{where}/{key}".lstrip("/"), "undescribed", "not in the description"
        elif {"x-is-msdate", "x-is-msdate-time"} & set(schema) and not _MS_DATE.fullmatch(str(value)):
            yield where.lstrip("/"), "msdate", f"{value!r} is not a /Date()/"

    def _addresses(self, path: str) -> list[str]:
        """The path with every id met so far, and with the query it needs."""
        names = re.findall(r"{(\w+)}", path)
        parameters = self._gets[path].get("parameters", [])
        query = ""
        for parameter in parameters:
            name = parameter.get("name")
            if name in _QUERY:
                query = f"?{name}={_QUERY[name]}"
            elif parameter.get("required") and parameter["in"] == "query":
                return [f"{path}?{name}={value}" for value in self._known(path, name)]
        addresses = [path]
        for name in names:
            addresses = [
                address.replace(f"{{{name}}}", value)
                for address in addresses
                for value in self._known(path.partition(f"/{{{name}}}")[0], name)
            ]
        return [address + query for address in addresses]

    def _known(self, parent: str, name: str) -> list[str]:
        """Ids that a parameter may take: those of the list it hangs below, and those of the same name."""
        named = {} if name == "id" else self._ids.get(name.lower(), {})
        return list({**self._first_ids.get(parent, {}), **named})[:_MOST_IDS]

    def _gather(self, path: str, body: Any) -> None:
        """Remember the ids of a reply, by name, and by the list they came from."""
        for key, value in _walk(body):
            if key.lower().endswith("id") and isinstance(value, str):
                self._ids.setdefault(key.lower(), {})[value] = None
        rows = next((v for v in body.values() if isinstance(v, list)), []) if isinstance(body, dict) else body
        for row in rows:
            for key in [key for key in row if key.lower().endswith("id")][:1]:
                self._first_ids.setdefault(path, {})[row[key]] = None


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _walk(inner)
