import pytest
import typer

from entrypoints.cli.connect import _tell

CHOICES = [{"tenant_id": "tenant-1", "name": "Harbour [Trust]"}, {"tenant_id": "tenant-2", "name": "Hill"}]
SEVERAL = {
    "status": "incomplete",
    "reason": "choose_organisation",
    "message": "Several Xero organisations were allowed.",
    "choices": CHOICES,
}


def test_where_there_are_several_organisations_it_prints_the_command_for_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as ended:
        _tell("clinic-1", "event-1", SEVERAL)
    assert ended.value.exit_code == 1
    said = capsys.readouterr()
    assert said.err == (
        "clinic-1 is incomplete (choose_organisation): Several Xero organisations were allowed.\n"
    )
    name, command = said.out.splitlines()[:2]
    assert name == "  Harbour [Trust]:"
    assert command == (
        "    allie-xero events publish connect-completed --clinic clinic-1"
        """ --data '{"tenant_id": "tenant-1"}'"""
    )


def test_a_consent_that_could_not_be_used_is_not_called_a_success(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {
        "status": "active",
        "reason": "scope_missing",
        "message": "Please connect again.",
        "choices": [],
    }
    with pytest.raises(typer.Exit):
        _tell("clinic-1", "event-1", answer)
    assert "active (scope_missing): Please connect again." in capsys.readouterr().err


def test_without_an_answer_it_says_what_may_be_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        _tell("clinic-1", "event-1", None)
    assert "Do a worker and a dispatcher run?" in capsys.readouterr().err
