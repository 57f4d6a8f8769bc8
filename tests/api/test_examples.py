"""The examples in public docstrings are correct."""

import doctest
from importlib import import_module

import pytest

MODULES = (
    "vaelab.api.compose",
    "vaelab.api.build",
    "vaelab.data.array",
    "vaelab.data.plain_loader",
    "vaelab.metric.moments",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed, tried = doctest.testmod(import_module(name))
    assert tried
    assert not failed
