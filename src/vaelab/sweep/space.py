"""Hydra's grammar of sweeps as Optuna's distributions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Transformer

from vaelab.errors import UserError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


class Space(NamedTuple):
    """What a study searches, by key, and the overrides that all of its trials share."""

    distributions: "dict[str, BaseDistribution]"
    fixed: list[str]


def space_of(arguments: Sequence[str]) -> Space:
    """The space of overrides; of two for the same key the later counts.

    Raises:
        UserError: an interval is empty, or nothing varies.
    """
    distributions: dict[str, BaseDistribution] = {}
    fixed: dict[str, str] = {}
    for override in OverridesParser.create().parse_overrides(list(arguments)):
        key = override.get_key_element()
        distributions.pop(key, None)
        fixed.pop(key, None)
        if override.is_sweep_override():
            distributions[key] = distribution_of(override)
        else:
            fixed[key] = str(override.input_line)
    if not distributions:
        raise UserError("a search varies nothing; give a key an interval or several values, as in latent_dim=2,4,8")
    return Space(distributions, list(fixed.values()))


def distribution_of(override: Override) -> "BaseDistribution":
    """The distribution of an override.

    key=a,b,c  choice(a,b,c)             one of them
    range(2,10,2)                        an integer or a number with a step, the end excluded
    interval(0.1,1.0)  interval(1,8)     a number, or an integer if both ends are
    tag(log,interval(1e-4,1e-2))         the same on a logarithmic scale
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            assert value.start is not None
            assert value.end is not None
            log = "log" in value.tags
            if isinstance(value.start, int) and isinstance(value.end, int):
                return IntDistribution(value.start, value.end, log=log)
            return FloatDistribution(value.start, value.end, log=log)
        if isinstance(value, RangeSweep) and not value.shuffle:
            values = [float(one) for one in value.range()]
            step = values[1] - values[0] if len(values) > 1 else 1.0
            if all(isinstance(one, int) for one in value.range()) and step > 0:
                return IntDistribution(int(values[0]), int(values[-1]), step=int(step))
        choices: list[Any] = list(override.sweep_iterator(transformer=Transformer.encode))
        return CategoricalDistribution(choices)
    except (ValueError, IndexError) as error:
        raise UserError(f"{override.input_line} is no space to search: {str(error).partition(chr(10))[0]}") from None
