"""vaelab dashboard: saved where the user is logged in, written to a file elsewhere."""

import json
from pathlib import Path

import pytest
from commandline import call, start
from tracking_server import TrackingServer


def test_without_an_account_the_definition_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "dashboard", "project=mine", "title=ours") == 0
    assert capsys.readouterr().out.strip() == (
        "you are not logged in to W&B; its definition is in dashboard.json, "
        "and `wandb login` and the same command save it there"
    )
    saved = json.loads((tmp_path / "dashboard.json").read_text())
    assert {view["displayName"] for view in saved.values()} == {"ours"}
    assert set(saved) == {"workspace", "report"}
    assert [path.name for path in tmp_path.iterdir()] == ["dashboard.json"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["projekt=mine"], 2, "no key 'projekt'; did you mean 'project'? (use +projekt=mine to add a new key)"),
        (["run=x"], 1, "a dashboard shows all runs of a project; give project= and leave out run="),
        (["-m", "project=a,b"], 1, "a project has one dashboard; leave out -m"),
        (["project=' '"], 1, "project=  is not the name of a project; give project=<name>"),
    ],
)
def test_mistakes(
    arguments: list[str], status: int, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, "dashboard", *arguments) == status
    assert capsys.readouterr().err.strip().endswith(sentence)
    assert list(tmp_path.iterdir()) == []


def test_help_of_dashboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "dashboard", "--help") == 0
    assert "vaelab dashboard project=vaelab" in capsys.readouterr().out


@pytest.mark.slow
def test_logged_in_both_are_saved(tmp_path: Path) -> None:
    with TrackingServer() as server:
        process = start(tmp_path, "dashboard", "project=mine", "title=ours", **server.variables)
        assert process.wait(120) == 0
        (workspace,), (report,) = server.asked("UpsertView2"), server.asked("upsertView")
    assert (workspace["entityName"], workspace["projectName"], workspace["displayName"]) == ("us", "mine", "ours")
    assert (report["entityName"], report["projectName"], report["displayName"]) == ("us", "mine", "ours")
    assert json.loads(workspace["spec"])["section"]["panelBankConfig"]["sections"][0]["name"] == "Bound"
    said = (tmp_path / "out.txt").read_text().splitlines()
    assert [line.partition(": http")[0] for line in said] == ["workspace", "report"]
    assert not (tmp_path / "dashboard.json").exists()


@pytest.mark.slow
def test_a_server_that_errs(tmp_path: Path) -> None:
    with TrackingServer("broken") as server:
        process = start(tmp_path, "dashboard", "project=mine", "timeout=3", **server.variables)
        assert process.wait(120) == 1
    said = (tmp_path / "err.txt").read_text()
    assert said.count("W&B did not take the dashboard (") == 1
    assert "Traceback" not in said
    assert (tmp_path / "dashboard.json").exists()
