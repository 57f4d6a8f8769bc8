"""A `_target_` may name any class or function that Python can import; what it cannot is said in one sentence."""

import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from vaelab.config import build, check_nodes
from vaelab.config.locate import locate
from vaelab.errors import UserError
from vaelab.signals import Stopped, handle_signals

PROJECT = {
    "__init__.py": "from .net import ResNet as Renamed\nnumber = 3\n",
    "net.py": """
from torch import nn
class ResNet(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
    class Inner:
        pass
    @classmethod
    def small(cls):
        return cls(1)
class _Hidden(ResNet):
    pass
""",
    "broken.py": "import a_package_that_is_not_there\n",
    "wrong.py": "def f(:\n",
    "slow.py": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\ndone = lambda: True\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's package in the folder that a command was started in."""
    name = "project_of_a_user"
    (tmp_path / name).mkdir()
    for file, text in PROJECT.items():
        (tmp_path / name / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    locate.cache_clear()
    return name


@pytest.mark.parametrize("target", ["net.ResNet", "Renamed", "net._Hidden", "net.ResNet.Inner", "net.ResNet.small"])
def test_any_class_of_the_user_is_a_target(project: str, target: str) -> None:
    found = locate(f"{project}.{target}")
    assert found.__module__ == f"{project}.net"


def test_a_users_class_is_checked_and_built(project: str) -> None:
    node = OmegaConf.create({"part": {"_target_": f"{project}.net.ResNet", "width": 3}})
    check_nodes(node, {})
    assert build(node.part).width == 3
    node.part.width = 2.5
    with pytest.raises(UserError, match=r"\n  part\.width=2\.5 must be an integer$"):
        check_nodes(node, {})


@pytest.mark.parametrize("target", ["os.system", "torch.nn.functional.relu", "lightning.Trainer", "builtins.dict"])
def test_any_installed_class_is_a_target(target: str) -> None:
    assert callable(locate(target))
    assert locate("torch.nn.Linear") is torch.nn.Linear


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere_at_all.Thing", "no module 'nowhere_at_all'; install it, or add its folder to PYTHONPATH"),
        ("touch.nn.ReLU", "no module 'touch'; did you mean 'torch'?"),
        ("torch.optm.Adam", "no 'optm' in torch; did you mean 'optim'?"),
        ("torch.optim.Adm", "no 'Adm' in torch.optim; did you mean 'Adam'?"),
        ("torch.nn._ReLU", "no '_ReLU' in torch.nn; did you mean 'ReLU'?"),
        ("vaelab.encoder.conv.Cnv", "no 'Cnv' in vaelab.encoder.conv; did you mean 'Conv'?"),
        ("vaelab.encoder.convs.Conv", "no 'convs' in vaelab.encoder; did you mean 'conv'?"),
        ("zuko.flows", "zuko.flows is a module, not a class or function"),
        ("math.pi", "math.pi is not a class or function, but of type float"),
        ("torch..nn", "'torch..nn' is not the dotted name of a class or function, as in torch.nn.ReLU"),
        ("", "'' is not the dotted name of a class or function, as in torch.nn.ReLU"),
        ("torch.nn.ReLU()", "'torch.nn.ReLU()' is not the dotted name of a class or function, as in torch.nn.ReLU"),
    ],
)
def test_a_name_that_does_not_exist(name: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        locate(name)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("broken.f", "ModuleNotFoundError: No module named 'a_package_that_is_not_there'"),
        ("wrong.f", "SyntaxError: "),
    ],
)
def test_a_module_that_cannot_be_imported(project: str, name: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        locate(f"{project}.{name}")
    assert str(caught.value).startswith(f"cannot import {project}.{name.partition('.')[0]}: {sentence}")


def test_a_signal_waits_for_the_end_of_an_import(project: str) -> None:
    """An import that is broken off would leave half a module."""

    with pytest.raises(Stopped), handle_signals():
        locate(f"{project}.slow.done")
    assert sys.modules[f"{project}.slow"].done()
