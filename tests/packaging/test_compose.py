import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrypoints.local.containers import POSTGRES_IMAGE, RABBITMQ_IMAGE

Check = Callable[..., subprocess.CompletedProcess[str]]
Services = dict[str, Any]

ONCE = ("migrate", "keys")
OURS = ("worker", "dispatcher", *ONCE)
OTHERS = ("simulator", "rabbitmq", "postgres", "prometheus", "grafana")
EACH = pytest.mark.parametrize("name", [*OURS, *OTHERS])


def test_docker_compose_accepts_the_file(check: Check) -> None:
    done = check("docker-compose", "config", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_file_follows_the_compose_specification(check: Check) -> None:
    done = check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert done.returncode == 0, done.stdout


def test_everything_that_makes_the_service_is_there(services: Services) -> None:
    assert services.keys() == {*OURS, *OTHERS}


@EACH
def test_ports_are_published_on_loopback_only(name: str, services: Services) -> None:
    assert {port["host_ip"] for port in services[name].get("ports", [])} <= {"127.0.0.1"}


@EACH
def test_a_service_is_confined(name: str, services: Services) -> None:
    service = services[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory"} <= service["deploy"]["resources"]["limits"].keys()


@EACH
def test_what_runs_for_long_has_a_health_check(name: str, services: Services) -> None:
    service = services[name]
    if name in ONCE:
        assert service["restart"] == "no"
        assert service["healthcheck"] == {"disable": True}
    else:
        checked_by_image = "build" in service
        assert checked_by_image or service["healthcheck"]["test"][0] == "CMD"


@EACH
def test_foreign_images_are_pinned_to_a_version(name: str, services: Services) -> None:
    service = services[name]
    if "build" not in service:
        assert any(letter.isdigit() for letter in service["image"].split(":")[1])


def test_workers_wait_for_what_they_need(services: Services) -> None:
    for name in ("worker", "dispatcher"):
        conditions = {on: need["condition"] for on, need in services[name]["depends_on"].items()}
        assert conditions == {
            "migrate": "service_completed_successfully",
            "keys": "service_completed_successfully",
            "rabbitmq": "service_healthy",
            "simulator": "service_healthy",
        }


def test_only_the_step_that_makes_keys_can_write_them(services: Services) -> None:
    for name in OURS:
        (keys,) = services[name]["volumes"]
        assert keys.get("read_only", False) == (name != "keys")


def test_xero_is_the_simulator_unless_an_application_is_named(services: Services, check: Check) -> None:
    simulated = services["worker"]["environment"]
    assert simulated["XERO_API_URL"] == simulated["XERO_IDENTITY_URL"] == "http://simulator:8090"
    named = {"XERO_CLIENT_ID": "an-id", "XERO_CLIENT_SECRET": "a-secret"}
    shown = check("docker-compose", "config", "--format", "json", **named).stdout
    real = json.loads(shown)["services"]["worker"]["environment"]
    assert real["XERO_API_URL"] == "https://api.xero.com"
    assert real["XERO_IDENTITY_URL"] == "https://identity.xero.com"
    assert named.items() <= real.items()


def test_a_client_id_without_its_secret_is_refused(check: Check) -> None:
    done = check("docker-compose", "config", "-q", XERO_CLIENT_ID="an-id")
    assert done.returncode == 1
    assert "set XERO_CLIENT_SECRET" in done.stderr


def test_tests_use_the_same_images(services: Services) -> None:
    assert services["postgres"]["image"] == POSTGRES_IMAGE
    assert services["rabbitmq"]["image"] == RABBITMQ_IMAGE


def test_prometheus_scrapes_services_that_exist(services: Services, root: Path) -> None:
    scraped = yaml.safe_load((root / "ops/prometheus/prometheus.yml").read_text())["scrape_configs"]
    by_name = {name for job in scraped for sd in job.get("dns_sd_configs", []) for name in sd["names"]}
    static = {
        target.split(":")[0]
        for job in scraped
        for config in job.get("static_configs", [])
        for target in config["targets"]
    }
    assert by_name == {"worker", "dispatcher"}
    assert static - {"127.0.0.1"} <= services.keys()


def test_grafana_finds_its_data_and_dashboards(services: Services, root: Path) -> None:
    provisioning = root / "ops/grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((provisioning / "dashboards/allie-xero.yml").read_text())["providers"]
    mounted = {volume["target"] for volume in services["grafana"]["volumes"]}
    assert provider["options"]["path"] in mounted
