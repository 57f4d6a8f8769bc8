"""Packages of a user's own: found without being imported, seen everywhere, and trusted only where they are named."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from vaelab.config import groups, plugins
from vaelab.config.paths import CONF
from vaelab.config.plugins import pop_plugins, search_path, use_plugins
from vaelab.config.run_config import load_config
from vaelab.config.targets import permitted
from vaelab.errors import UserError

ENCODER = "# Mine\n_target_: own_parts.Own\n_partial_: true\nshape: ${data.shape}\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in the working directory, which says so when it is imported."""
    folder = tmp_path / "own_parts"
    (folder / "conf" / "encoder").mkdir(parents=True)
    (folder / "conf" / "encoder" / "own.yaml").write_text(ENCODER)
    (folder / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return folder


def test_a_plugin_is_seen_while_it_is_used_and_never_imported(package: Path) -> None:
    assert "own" not in groups.choices("encoder")
    with use_plugins(["own_parts"]):
        assert groups.choices("encoder") == ["conv", "map", "mlp", "own"]
        assert groups.choice_file("encoder", "own") == package / "conf/encoder/own.yaml"
        assert groups.describe_file("encoder", "own") == "own_parts/conf/encoder/own.yaml"
        assert groups.describe_file("encoder", "mlp") == "conf/encoder/mlp.yaml"
    assert "own" not in groups.choices("encoder")
    assert "own_parts" not in sys.modules


def test_hydra_finds_its_configs(package: Path) -> None:
    with use_plugins(["own_parts"]), initialize_config_dir(str(CONF), version_base="1.3"):
        assert compose("train", search_path(["encoder=own", "name=x"])).encoder._target_ == "own_parts.Own"


def test_a_search_path_of_the_user_stays(package: Path) -> None:
    (given,) = search_path(["hydra.searchpath=[file:///mine]"])
    assert given == "hydra.searchpath=[file:///mine]"
    with use_plugins(["own_parts"]):
        *_, given = search_path(["hydra.searchpath=[file:///mine]"])
    assert given == f"hydra.searchpath=['file://{package}/conf',file:///mine]"


def test_an_entry_point_needs_no_name(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("anything", "own_parts", plugins.GROUP)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points if group == plugins.GROUP else [])
    plugins.installed_plugins.cache_clear()
    try:
        assert "own" in groups.choices("encoder")
        assert permitted("own_parts.Own", [])
        assert plugins.plugins_of(OmegaConf.create({"choices": {"encoder": "own"}})) == ["own_parts"]
        assert plugins.plugins_of(OmegaConf.create({"encoder": {"_target_": "own_parts.Own"}})) == ["own_parts"]
        assert plugins.plugins_of(OmegaConf.create({"choices": {"encoder": "mlp"}})) == []
        with use_plugins(["own_parts"]):  # named as well
            assert groups.choices("encoder").count("own") == 1
    finally:
        plugins.installed_plugins.cache_clear()


def test_an_entry_point_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("lost", "nowhere_at_all", plugins.GROUP)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    plugins.installed_plugins.cache_clear()
    with pytest.raises(UserError, match=r"^the installed plugin 'lost' is broken: .*; or uninstall it$"):
        groups.groups()


def test_only_a_plugin_that_is_named_is_trusted(package: Path) -> None:
    (package / "conf" / "encoder" / "other.yaml").write_text("# Mine\n_target_: elsewhere.net.ResNet\n")
    assert not permitted("elsewhere.net.ResNet", [])
    with use_plugins(["own_parts"]):
        assert permitted("elsewhere.net.ResNet", ["own_parts"])
        assert not permitted("elsewhere.net.Other", ["own_parts"])


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("nowhere_at_all", "plugins=[nowhere_at_all]: no module 'nowhere_at_all'"),
        ("os", "plugins=[os] names a library"),
        ("torch", "plugins=[torch] names a library"),
        ("my-project", "plugins=[my-project] must name packages, as in plugins=[my_project]"),
        ("../x", "plugins=[../x] must name packages"),
    ],
)
def test_mistakes(named: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught, use_plugins([named]):
        pass
    assert str(caught.value).startswith(sentence)


def test_a_config_that_hydra_would_ignore(package: Path) -> None:
    (package / "conf" / "encoder" / "mlp.yaml").write_text(ENCODER)
    with (
        pytest.raises(UserError, match=r"own_parts/conf/encoder/mlp\.yaml has the name of .* rename it"),
        use_plugins(["own_parts"]),
    ):
        pass


def test_plugins_on_the_command_line() -> None:
    assert pop_plugins(["a=1", "plugins=[x, 'y']"]) == (["x", "y"], ["a=1"])
    assert pop_plugins(["plugins=x"]) == (["x"], [])
    assert pop_plugins(["plugins=[]", "b=2"]) == ([], ["b=2"])


def test_a_saved_run_says_which_plugins_it_needs(tmp_path: Path, small: Any) -> None:
    from vaelab.storage.run import Run  # which needs torch

    config = small("logger=csv")
    config.encoder._target_ = "other_library.Net"
    config.plugins = ["own_parts", "os"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(plain(config)))
    with pytest.raises(UserError, match=r"if you trust it, add plugins=\[own_parts\]$"):
        load_config(Run.open(tmp_path))
    with pytest.raises(UserError, match=r"if you trust it, add plugins=\[own_parts,other_library\]$"):
        load_config(Run.open(tmp_path), ["own_parts"])


def plain(config: Any) -> Any:
    config.sweep_name, config.group = "x", "x"
    return OmegaConf.to_container(config)


def test_help_lists_a_plugin_and_imports_neither_it_nor_torch(package: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "vaelab.cli.main", "train", "plugins=[own_parts]", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "encoder: conv, map, mlp, own" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"torch", "lightning", "own_parts"}
