"""docs/plugins.md is true: its package, its commands and its code, in an empty folder."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vaelab
from vaelab.config import check
from vaelab.config.plugins import use_plugins

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLE = DOCS / "examples" / "my_project"
QUICK = ("trainer=smoke", "logger=csv", "evaluation=reconstruction", "callbacks=[checkpoint,evaluate]")


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the package in it, and a process that does not know the package yet."""
    shutil.copytree(EXAMPLE, tmp_path / "my_project", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # to which the working directory is added
    monkeypatch.setenv("WANDB_MODE", "offline")
    return tmp_path


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), flags=re.S)


def python(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_is_three_files() -> None:
    files = {str(file.relative_to(EXAMPLE)) for file in EXAMPLE.rglob("*") if file.suffix in (".py", ".yaml")}
    assert files == {"__init__.py", "conf/encoder/resnet.yaml", "conf/data/my_array.yaml"}
    assert blocks("plugins.md", "yaml") == [(EXAMPLE / "conf/encoder/resnet.yaml").read_text()]


def test_its_choices_compose_and_are_checked(beside: Path) -> None:
    config = vaelab.compose("plugins=[my_project]", "encoder=resnet", "data=my_array", "model=cvae", *QUICK)
    with use_plugins(["my_project"]):
        check(config, config.choices)
        config.encoder.width = 0
        with pytest.raises(vaelab.UserError, match=r"encoder\.width=0 .* \(my_project/conf/encoder/resnet\.yaml\)"):
            check(config, config.choices)


def test_it_trains_and_loads_in_python(beside: Path) -> None:
    parts = ("plugins=[my_project]", "encoder=resnet", "data=my_array", "model=cvae", *QUICK)
    run = vaelab.train(*parts)
    test = run.data.split("test")
    assert run.encode(test.x, test.y).shape == (100, 8)
    assert run.sample(3, y="left").shape == (3, 1, 12, 20)
    assert run.config.plugins == ["my_project"]
    with pytest.raises(vaelab.UserError, match=r"if you trust it, add plugins=\[my_project\]$"):
        vaelab.load(run.folder)


@pytest.mark.slow
def test_every_command_of_the_page_runs(beside: Path) -> None:
    run = None
    for line in "".join(blocks("plugins.md", "bash")).splitlines():
        words = [word.replace("<run>", str(run)) for word in shlex.split(line)[1:]]
        quick = [] if "--help" in words or run else [one for one in QUICK if one not in words]
        command = [sys.executable, "-m", "vaelab.cli.main", *words, *quick]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, (line, done.stderr)
        (run,) = beside.glob("outputs/vae-my_array/*")
    assert (run / "evaluations").is_dir()
    assert (run / "samples").is_dir()
    assert "max_epochs: 8" in (run / "config.yaml").read_text()
    assert len(list(beside.glob("outputs/sweeps/*/*/results.json"))) == 2
    code = next(block for block in blocks("plugins.md", "python") if "vaelab.load" in block)
    python(code.replace("<run>", str(run)) + "\nassert z.shape == (100, 8)\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "how", [["trainer=ddp_cpu", "trainer.max_epochs=1"], ["-m", "seed=0,1", "hydra/launcher=joblib", "trainer=smoke"]]
)
def test_every_process_finds_the_plugin(beside: Path, how: list[str]) -> None:
    if "hydra/launcher=joblib" in how:
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    words = ["train", "plugins=[my_project]", "encoder=resnet", "data=my_array", *how, *QUICK[1:]]
    done = subprocess.run([sys.executable, "-m", "vaelab.cli.main", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(list(beside.rglob("results.json"))) == (2 if "-m" in how else 1)
