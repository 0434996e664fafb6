"""The database's disk is full in the middle of a first sync, and events come: what cannot be kept waits."""

from pathlib import Path

from adapters.postgres.migrate import migrate
from deployment.clinic import CLINIC, connect, is_backfilled, value
from deployment.platform import Platform
from deployment.processes import Deployment, deployed, pids_of, until
from deployment.truth import differences
from entrypoints.local.postgres import PrivatePostgres
from services.disks import database_on, small_disk
from simulator.server import Running

STRANGERS = 400
LINES = "SELECT count(*) FROM allie_xero.pay_line"
FAILED = "SELECT count(*) FROM allie_xero.failure WHERE state = 'failed'"
BACKED_OFF = "SELECT attempts FROM allie_xero.sync_state"


def test_what_a_full_disk_has_no_room_for_waits_and_is_kept_once(
    tmp_path: Path, own_vhost: str, main_platform: Platform, xero: Running
) -> None:
    xero.control.settings(latency=0.05)
    organisation = xero.control.create_organisation(staff=10, runs=14, seed=9)
    with (
        PrivatePostgres() as server,
        small_disk() as disk,
        database_on(disk, server) as url,
    ):
        migrate(url)
        with deployed(tmp_path, url, own_vhost, xero.url) as service:
            service.start_dispatcher()
            service.start_worker()
            pids = [pids_of(one) for one in service.running]
            connect(xero.control, main_platform, organisation)
            until(lambda: value(url, LINES), "the first lines")

            disk.fill()
            asked = [
                main_platform.publish("sync-requested", {"clinic_id": f"nobody-{number}"})
                for number in range(STRANGERS)
            ]
            until(lambda: told(service, "sync.request", "retried"), "events without room")
            until(lambda: value(url, BACKED_OFF), "a slice without room")
            assert 'allie_xero_db_errors_total{kind="full"}' in service.scrape("worker")
            disk.clear()

            until(lambda: is_backfilled(main_platform), "the backfill", patience=150)
            until(lambda: main_platform.replies(asked).keys() == set(asked), "the answers", patience=150)
            assert set(main_platform.replies(asked).values()) == {1}, "one effect of each event"
            assert differences(xero.control.truth(organisation.tenant_id), url, CLINIC) == []
            assert len(main_platform.events("connection-changed", clinic_id=CLINIC)) == 1
            assert value(url, FAILED) == 0
            assert [pids_of(one) for one in service.running] == pids, "nothing was started again"


def told(service: Deployment, actor: str, result: str) -> bool:
    """Whether the worker has counted a message of that actor that ended so."""
    counted = f'allie_xero_messages_total{{actor="{actor}",result="{result}"}} '
    lines = service.scrape("worker").splitlines()
    return any(float(one.removeprefix(counted)) > 0 for one in lines if one.startswith(counted))
