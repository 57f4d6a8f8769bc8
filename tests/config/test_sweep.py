"""Names of the jobs of a multirun, as Hydra runs them."""

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from vaelab.config.sweep import keys_that_vary

PROGRAM = """
import hydra
from omegaconf import OmegaConf
import vaelab.config

@hydra.main(version_base="1.3", config_path=".", config_name="config")
def job(config):
    print(config.group, "|", config.title)

job()
"""
CONFIG = """
name: n
seed: 0
beta: 1
fixed: 1
sweep_name: mine
group: ${in_sweep:${sweep_name},${name}}
title: ${name} ${varied:${seed}}
hydra:
  sweep: {dir: swept}
  output_subdir: null
  job_logging: {root: {level: ERROR}}
  hydra_logging: {root: {level: ERROR}}
"""


def run(folder: Path, config: str, *arguments: str) -> list[str]:
    """What the jobs say, in their order."""
    (folder / "program.py").write_text(PROGRAM)
    (folder / "config.yaml").write_text(config)
    ended = subprocess.run([sys.executable, "program.py", *arguments], cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], ["n | n seed=0"]),
        (["seed=3", "beta=2"], ["n | n seed=3"]),
        (["-m", "fixed=5", "beta=1,2"], ["mine | n beta=1", "mine | n beta=2"]),
        (["-m", "seed=range(2)", "+new='a,b','c'", "fixed=5"], None),
        (["-m", "fixed=5"], ["mine | n seed=0"]),
        (["-m", "beta=1,2", "group=ours"], ["ours | n beta=1", "ours | n beta=2"]),
    ],
)
def test_a_job_is_named_after_what_its_multirun_varies(
    arguments: list[str], said: list[str] | None, tmp_path: Path
) -> None:
    lines = run(tmp_path, CONFIG, *arguments)
    if said is None:
        assert len(lines) == 4
        assert all("seed=" in line and "+new=" in line and "fixed" not in line for line in lines)
    else:
        assert lines == said


def test_a_recipe_may_say_what_varies(tmp_path: Path) -> None:
    config = CONFIG + "  sweeper: {params: {beta: '3,4'}}\n"
    assert run(tmp_path, config, "-m", "fixed=5") == ["mine | n beta=3", "mine | n beta=4"]


def test_keys_with_one_value_do_not_vary() -> None:
    overrides = ["a=1", "b=1,2", "c=[1,2]", "d=choice(x,y)", "e='1,2'", "f=range(3)", "+g.h=1,2", "~i"]
    assert keys_that_vary(overrides) == {"b", "d", "f", "+g.h"}


def test_outside_hydra_a_config_resolves() -> None:
    config = OmegaConf.create({"seed": 4, "title": "${varied:${seed}}", "group": "${in_sweep:a,b}"})
    assert (config.title, config.group) == ("seed=4", "b")
