"""Builds what a checked config describes: the only file that knows Hydra's instantiate."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from vaelab.config.plain import map_texts
from vaelab.config.text import escape_references
from vaelab.errors import UNUSABLE, UserError

log = logging.getLogger(__name__)
WHERE = re.compile(r"Error in call to target '(?P<target>[^']+)'[\s\S]*?(?:full_key: (?P<key>\S+))?$")


def build(node: DictConfig | ListConfig, supplied: Mapping[str, Any] | None = None) -> Any:
    """What a node describes: its `_target_` called with its arguments, inner nodes first.

    Interpolations resolve through the whole config that the node belongs to; lists arrive as Python lists. `supplied`
    are arguments that no config knows.

    Raises:
        UserError: a constructor refused its arguments, whatever it raised.
    """
    try:
        return instantiate(_resolve(node), _convert_="all", **_escape(dict(supplied or {})))
    except InstantiationException as error:
        innermost: BaseException = error
        while isinstance(innermost.__cause__, InstantiationException):  # of the nodes around it
            innermost = innermost.__cause__
        cause = innermost.__cause__
        if isinstance(cause, UserError) or (isinstance(cause, OSError) and cause.errno in UNUSABLE):
            raise cause from None
        if cause is None or isinstance(cause, AssertionError):  # our mistake
            raise
        log.debug("a constructor refused its arguments", exc_info=cause)  # hydra.verbose=true shows where
        raise UserError(_refusal(str(innermost), cause)) from error


def _resolve(node: DictConfig | ListConfig) -> DictConfig | ListConfig:
    """The node with its values in the place of references, as Hydra reads it after it has resolved it itself.

    Hydra resolves what it has resolved once more, so that text which looks like a reference would become one.
    """
    plain: Any = OmegaConf.to_container(node, resolve=True)
    resolved: DictConfig | ListConfig = OmegaConf.create(_escape(plain))
    resolved._set_parent(node._get_parent())  # of which errors say the place
    resolved._set_key(node._key())
    return resolved


def _escape(plain: Any) -> Any:
    return map_texts(plain, lambda text: escape_references(escape_references(text)))


def _refusal(text: str, cause: BaseException) -> str:
    """`place: Class refuses its arguments: reason`, from Hydra's text about it."""
    found = WHERE.match(text)
    name = found["target"].rpartition(".")[2] if found else "a constructor"
    place = f"{found['key']}: " if found and found["key"] else ""
    reason = next(iter(str(cause).strip().splitlines()), "") or "no reason given"
    return f"{place}{name} refuses its arguments: {type(cause).__name__}: {reason}"
