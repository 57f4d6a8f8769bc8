"""Help and mistakes are answered before torch is imported, which takes seconds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = Path(__file__).parents[2] / "train.py"


def answer(folder: Path, *arguments: str) -> tuple[int, str, str, set[str]]:
    """Exit status, what was said, and the libraries that were imported for it."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if line.startswith("import time:")}
    said = "\n".join(line for line in lines if not line.startswith("import time:"))
    return done.returncode, done.stdout, said, imported


HEAVY = {"torch", "lightning", "wandb", "torchmetrics", "matplotlib"}


def test_help_shows_examples_and_every_choice(tmp_path: Path) -> None:
    status, out, said, imported = answer(tmp_path, str(TRAIN), "--help")
    assert (status, said) == (0, "")
    assert not imported & HEAVY
    assert "python train.py model=cvae data=fashion_mnist" in out
    folders = (TRAIN.parent / "conf").iterdir()
    groups = {folder.name for folder in folders if folder.is_dir() and any(folder.iterdir())} - {"hydra"}
    assert set(re.findall(r"^(\w+): ", out, flags=re.MULTILINE)) == groups
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["evaluate", "sample"])
def test_help_of_the_other_commands(tmp_path: Path, command: str) -> None:
    status, out, said, imported = answer(tmp_path, "-m", "vaelab.cli.main", command, "--help")
    assert (status, said) == (0, "")
    assert not imported & HEAVY
    assert f"vaelab {command} run=outputs/" in out
    assert "ckpt: best" in out
    assert not list(tmp_path.iterdir())


def test_a_mistake_on_the_command_line(tmp_path: Path) -> None:
    status, out, said, imported = answer(tmp_path, str(TRAIN), "data=digits", "objective.x=1")
    assert (status, out) == (2, "")
    assert said.startswith("no key 'objective.x'")
    assert not imported & HEAVY
    assert not list(tmp_path.glob("outputs/*"))
