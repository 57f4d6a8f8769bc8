"""Signatures read from source must be those of the imported objects."""

import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest

from vaelab.errors import did_you_mean
from vaelab.locate import NotFoundError, locate
from vaelab.signature import signature

THIRD_PARTY = [
    "lightning.Trainer",
    "lightning.pytorch.Trainer",
    "lightning.pytorch.callbacks.EMAWeightAveraging",
    "lightning.pytorch.callbacks.LearningRateMonitor",
    "lightning.pytorch.callbacks.ModelCheckpoint",
    "lightning.pytorch.callbacks.RichProgressBar",
    "lightning.pytorch.loggers.CSVLogger",
    "lightning.pytorch.loggers.WandbLogger",
    "lightning.pytorch.strategies.DDPStrategy",
    "torch.distributions.Independent",
    "torch.nn.Linear",
    "torch.nn.SiLU",
    "torch.nn.functional.relu",
    "torch.optim.Adam",
    "torch.optim.AdamW",
    "torch.optim.lr_scheduler.CosineAnnealingLR",
    "torchmetrics.Accuracy",
    "torchmetrics.image.fid.FrechetInceptionDistance",
    "torchvision.models.resnet18",
    "torchvision.transforms.Resize",
    "zuko.flows.NSF",
]

PACKAGE = {
    "__init__.py": "from .parts import Plain as Renamed\nfrom .parts import *\nfrom .missing import Gone\n",
    "parts.py": """
import dataclasses
import enum
from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar, Generic, NamedTuple, TypeVar

import torch.nn as nn

T = TypeVar("T")

try:
    from collections import OrderedDict
except ImportError:
    OrderedDict = None

class Empty: ...
class Plain:
    def __init__(self, a, /, b, c=1, *args, d, e=None, **kwargs): ...
class Inherits(Generic[T], Plain): ...
class Shared: 
    def __init__(self, far): ...
class Left(Shared): ...
class Right(Shared):
    def __init__(self, near): ...
class Diamond(Left, Right): ...
class Made:
    def __new__(cls, made): ...
@dataclass
class Record:
    constant: ClassVar[int] = 3
    first: int
    second: list = field(default_factory=list)
    hidden: int = field(default=0, init=False)
@dataclasses.dataclass()
class Longer(Record):
    third: float = 0.0
    _: KW_ONLY
    named: int
class Pair(NamedTuple):
    left: int
    right: int = 2
class Alone(Record): ...
def function(x, *, y=2): ...
async def waits(x): ...
Alias = Plain
constant = 3
class Layer(nn.Module): ...
class Unreadable(dict): ...
if True:
    class Branch:
        def __init__(self, chosen): ...
else:
    class Branch:
        def __init__(self, other): ...
""",
}
NAMES = "Empty Plain Inherits Diamond Made Record Longer Pair Alone function waits Alias Branch Renamed"
OWN = re.findall(r"\w+", NAMES)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = "package_for_signatures"
    (tmp_path / name).mkdir()
    for file, text in PACKAGE.items():
        (tmp_path / name / file).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def shape(arguments: inspect.Signature | None) -> list[tuple[str, object, bool]]:
    assert arguments is not None
    return [(one.name, one.kind, one.default is one.empty) for one in arguments.parameters.values()]


def imported(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("name", THIRD_PARTY)
def test_third_party_signatures_are_the_imported_ones(name: str) -> None:
    assert shape(signature(locate(name))) == shape(inspect.signature(imported(name)))


def test_every_way_to_write_a_signature_is_read(package: str) -> None:
    read = {name: shape(signature(locate(f"{package}.{name}"))) for name in OWN}
    (Path(sys.path[0]) / package / "__init__.py").write_text(PACKAGE["__init__.py"].replace("from .missing", "#"))
    try:
        assert read == {name: shape(inspect.signature(imported(f"{package}.{name}"))) for name in OWN}
    finally:
        for module in (package, f"{package}.parts"):
            sys.modules.pop(module, None)


def test_a_module_without_constructor_takes_nothing(package: str) -> None:
    assert shape(signature(locate(f"{package}.Layer"))) == []


def test_an_unreadable_base_leaves_the_signature_open(package: str) -> None:
    assert signature(locate(f"{package}.Unreadable")) is None


def test_the_definition_is_named_by_where_it_stands(package: str) -> None:
    assert locate(f"{package}.Alias").full_name == f"{package}.parts.Plain"
    assert locate("torch.nn.SiLU").full_name == "torch.nn.modules.activation.SiLU"
    assert locate("torch.os.system").full_name == "os.system"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.at.All", "no module 'nowhere'"),
        ("torch.optm.Adam", "no 'optm' in torch; did you mean 'optim'?"),
        ("torch.optim.Adm", "no 'Adm' in torch.optim; did you mean 'Adam'?"),
        ("zuko.flows", "zuko.flows is a module, not a class or function"),
        (
            "vaelab.terms.Terms.log_weight",
            "vaelab.terms.Terms.log_weight is not a class or function at the top level of a module",
        ),
        ("torch..nn", "no '' in torch"),
    ],
)
def test_a_name_that_leads_nowhere(name: str, message: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        locate(name)
    assert str(caught.value) == message


def test_a_name_imported_from_nowhere(package: str) -> None:
    with pytest.raises(NotFoundError, match="no 'missing' in"):
        locate(f"{package}.Gone")


@pytest.mark.parametrize(
    ("word", "answer"), [("Adm", "; did you mean 'Adam'?"), ("adm", "; did you mean 'adam'?"), ("xyz", "")]
)
def test_suggestions_prefer_the_same_case(word: str, answer: str) -> None:
    assert did_you_mean(word, ["adam", "Adam", "SGD"]) == answer
