"""Every command works with run folders of any name."""

import shutil
from pathlib import Path

import pytest
from commandline import FAST, call
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from vaelab.config.text import escape_references, pop_override, quote

NAMES = (
    "with space",
    " leading and trailing ",
    "it's",
    'say "yes"',
    "'quoted'",
    "a=b",
    "a,b",
    "[a]",
    "[bold]x[/bold]",
    "[/]",
    "{a: b}",
    "(x)",
    "${seed}",
    "${oc.env:HOME}",
    "$HOME",
    "back\\slash",
    "ends in \\",
    "\\'",
    "#1",
    "100%",
    "%(message)s",
    "~tilde",
    "-m",
    "null",
    "1e3",
    "日本 é",
    ":smile:",
    "*?",
    "a\tb",
    "a&b;c|d",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    smoke = (*FAST, "trainer=smoke", "callbacks=[checkpoint,evaluate]", "evaluation=reconstruction")
    assert call(folder, "train", *smoke, "hydra.run.dir=run") == 0
    return folder / "run"


ALL_AT_ONCE = "it's a=[b],{c: d} ${seed} [bold] 100% \\'"
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in NAMES]


@pytest.mark.parametrize("name", [ALL_AT_ONCE, *SLOW])
def test_every_command_works_on_it(
    name: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained, tmp_path / name)
    assert call(tmp_path, "train", f"run={name}", "trainer.max_epochs=3") == 0
    assert f"run folder: {name}\n" in capsys.readouterr().out
    assert call(tmp_path, "evaluate", f"run={name}") == 0
    assert f"run folder: {name}/evaluations/" in capsys.readouterr().out
    assert call(tmp_path, "sample", f"run={name}", "num_samples=2") == 0
    assert f"samples: {name}/samples/" in capsys.readouterr().out
    assert call(tmp_path, "train", f"run={name}") == 0
    assert f"{name} has finished; " in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {name.partition("/")[0]}
    assert (run / "history").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if "/" not in name])
def test_a_second_stage_and_weights_come_from_it(name: str, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / name)
    usual = ("logger=csv", "callbacks=checkpoint", "trainer=smoke")
    assert call(tmp_path, "train", "model=latent_mixture", f"first_stage={name}", *usual, "hydra.run.dir=second") == 0
    assert call(tmp_path, "train", *FAST, "trainer=smoke", f"init_from={name}", "hydra.run.dir=third") == 0
    assert call(tmp_path, "train", "run=second", "trainer.max_epochs=3") == 0


# In the name of a new folder Hydra gives ${...} a meaning of its own.
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in NAMES if "${" not in name])
def test_a_new_run_may_have_it(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = f"outputs/{name}"
    smoke = (*FAST, "trainer=smoke", "callbacks=checkpoint")
    assert call(tmp_path, "train", *smoke, f"hydra.run.dir={quote(folder)}", "logger=[]") == 0
    assert f"run folder: {folder}\n" in capsys.readouterr().out
    assert (tmp_path / folder / "results.json").is_file()


def test_values_are_taken_literally() -> None:
    for name in (*NAMES, "\\${x}", "\\\\${x}", "a\\\\", "''", "\\\\'"):
        value = OverridesParser.create().parse_override(f"k={quote(name)}").value()
        assert OmegaConf.create({"k": value}).k == name
        assert OmegaConf.create({"k": escape_references(name)}).k == name


def test_arguments_of_the_shell_are_taken_literally() -> None:
    assert pop_override(["a=1", "run=x=y,z", "b=2"], "run") == ("x=y,z", ["a=1", "b=2"])
    assert pop_override(["run='x y'"], "run") == ("x y", [])
    assert pop_override(["run=it's"], "run") == ("it's", [])
    assert pop_override(["a=1"], "run") == (None, ["a=1"])
