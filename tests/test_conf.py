"""Laws of the folder conf/: targets, headers, and that everything composes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from vaelab.config import LISTED, check
from vaelab.printing import warn_once

CONF = Path(__file__).parents[1] / "conf"
SOURCE = Path(__file__).parents[1] / "src" / "vaelab"
FILES = sorted(CONF.rglob("*.yaml"))
CHOICES = [file for file in FILES if file.parent.parent == CONF and not file.stem.startswith("_")]
OF_HYDRA = sorted((CONF / "hydra").rglob("*.yaml"))
RECIPES = sorted([*(CONF / "experiment").glob("*.yaml"), *(CONF / "sweep").glob("*.yaml")])
THIRD_PARTY = ("trainer", "optimizer", "scheduler")
ELSEWHERE = {"ema": "lightning.pytorch.callbacks.", "csv": "lightning.pytorch.loggers."}
PAPER = re.compile(r"\b(19|20)\d\d\b")

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CONF)))
every_choice = pytest.mark.parametrize("file", CHOICES, ids=lambda file: f"{file.parent.name}={file.stem}")
every_model = pytest.mark.parametrize("file", sorted((CONF / "model").glob("[!_]*.yaml")), ids=lambda file: file.stem)


def outermost_targets(node: object) -> Iterator[str]:
    """The target of a file, or those of its keys; not the parts of a part."""
    if not isinstance(node, dict):
        return
    if "_target_" in node:
        yield node["_target_"]
        return
    for value in node.values():
        yield from outermost_targets(value)


def content(file: Path) -> dict[str, object]:
    return OmegaConf.to_container(OmegaConf.load(file))


def header(file: Path) -> list[str]:
    """The comment lines that a file begins with."""
    lines = file.read_text().splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return [line.removeprefix("#").strip() for line in lines[:end]]


@every_choice
def test_the_targets_of_a_group_are_in_its_folder(file: Path) -> None:
    group = file.parent.name
    for target in outermost_targets(content(file)):
        if group in THIRD_PARTY:
            assert not target.startswith("vaelab.")
        else:
            assert target.startswith(ELSEWHERE.get(file.stem, f"vaelab.{group}."))


def test_choices_of_hydras_groups_are_our_plugins_or_optunas_parts() -> None:
    for file in OF_HYDRA:
        assert content(file)["_target_"].startswith(("hydra_plugins.vaelab.", f"optuna.{file.parent.name}s."))


def test_every_group_has_a_folder() -> None:
    groups = {file.parent.name for file in CHOICES} - {*THIRD_PARTY, "experiment"}
    assert {group for group in groups if not (SOURCE / group).is_dir()} == set()


@pytest.mark.parametrize("group", LISTED)
def test_a_file_of_a_listed_group_holds_one_key_of_its_own_name(group: str) -> None:
    files = sorted((CONF / group).glob("*.yaml"))
    assert [list(content(file)) for file in files] == [[file.stem] for file in files]


@every_file
def test_a_header_says_what_the_file_is(file: Path) -> None:
    said = [line for line in header(file) if not line.startswith("@package")]
    assert said
    assert said[0]


@every_model
def test_a_model_names_its_paper(file: Path) -> None:
    first, *said = header(file)
    assert first == "@package _global_"
    assert PAPER.search(" ".join(said))


@every_model
def test_a_model_chooses_and_never_tunes(file: Path) -> None:
    # The module that trains it, and where its parts come from; a number would be a tuned one.
    assert set(content(file)) <= {"defaults", "model"}
    for key, value in content(file).get("model", {}).items():
        assert key == "_target_" or value == f"${{{key}}}"
    base, *choices = content(file).get("defaults", ["vae"])
    assert base == "vae" or base.startswith("_")
    assert all(key.startswith("override /") for choice in choices if choice != "_self_" for key in choice)


def rounds() -> list[list[str]]:
    """Overrides that take every choice of every group at least once, as many groups as possible at a time."""
    groups = {file.parent.name: [] for file in CHOICES}
    for file in CHOICES:
        groups[file.parent.name].append(file.stem)
    del groups["experiment"], groups["sweep"]  # a recipe tunes the parts that it chooses
    listed = [f"{group}=[{','.join(groups.pop(group))}]" for group in LISTED]
    num_rounds = max(len(stems) for stems in groups.values())
    return [
        [
            *listed,
            *(f"{group}={stems[i % len(stems)]}" for group, stems in groups.items()),
        ]
        for i in range(num_rounds)
    ]


@pytest.mark.parametrize("overrides", rounds(), ids=range(len(rounds())))
def test_every_choice_composes_and_passes_the_check(
    overrides: list[str], composed: Callable[..., DictConfig], caplog: pytest.LogCaptureFixture
) -> None:
    warn_once.cache_clear()
    config = composed(*overrides, "callbacks.early_stopping.patience=1")  # trainer=smoke has two epochs
    for key in missing(OmegaConf.to_container(config), ""):
        OmegaConf.update(config, key, "given")
    check(config, config.choices)
    assert not caplog.records  # nothing in conf/ can hardly be meant


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_every_recipe_composes_and_passes_the_check(file: Path, composed: Callable[..., DictConfig]) -> None:
    config = composed(f"{file.parent.name}={file.stem}")
    check(config, config.choices)
    multirun = "-m " if file.parent.name == "sweep" else ""
    assert f"python train.py {multirun}{file.parent.name}={file.stem}" in " ".join(header(file))


def missing(node: object, path: str) -> Iterator[str]:
    """The dotted keys of what a user must say."""
    for key, value in node.items() if isinstance(node, dict) else ():
        if value == "???":
            yield path + key
        yield from missing(value, f"{path}{key}.")


def test_the_check_covers_chosen_files(composed: Callable[..., DictConfig]) -> None:
    config = composed("+prior.depth=3")
    with pytest.raises(ValueError, match=r"^config has 1 mistake:\n  prior \(conf/prior/standard_normal.yaml\): "):
        check(config, config.choices)
