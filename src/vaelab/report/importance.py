"""How much each setting mattered for a figure."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from vaelab.errors import UserError
from vaelab.report.chart import SERIES, as_spec, rows
from vaelab.report.comparison import Comparison, as_number
from vaelab.report.direction import more_is_better
from vaelab.storage.summary import Summary

MIN_RUNS = 8
NUM_BEST = 5  # runs at least that count as good, or a tenth of all
MAX_CATEGORIES = 10  # of numbers; more are treated as a continuous range


def importances(comparison: Comparison, figure: str) -> dict[str, float]:
    """The share of each varying key in reaching the best runs by PED-ANOVA, the most important first.

    Watanabe et al. 2023, arXiv:2304.10255, as Optuna computes it. The shares add up to 1. The seed is among the keys:
    what matters less than the seed does not matter.

    Raises:
        UserError: there are too few runs or keys, or Optuna is not installed.
    """
    runs = [run for run in comparison.runs if figure in run.figures]
    keys = [key for key in comparison.keys if len({comparison.setting(run, key) for run in runs}) > 1]
    if len(runs) < MIN_RUNS or len(keys) < 2:
        raise UserError(
            f"it needs {MIN_RUNS} finished runs and 2 settings that vary, here are {len(runs)} and {len(keys)}"
        )
    if len({run.figures[figure] for run in runs}) < 2:
        raise UserError("all runs have the same value")
    try:
        import optuna
        from optuna.importance import PedAnovaImportanceEvaluator
    except ImportError:
        raise UserError("it needs Optuna 4.9 or later: pip install 'vaelab[sweeps]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize")
    study.add_trials(trials(comparison, runs, keys, figure))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=min(0.5, max(0.1, NUM_BEST / len(runs))))
    found = evaluator.evaluate(study)
    total = sum(found.values())
    return {key: value / total for key, value in found.items()} if total else dict.fromkeys(keys, 1 / len(keys))


def trials(comparison: Comparison, runs: Sequence[Summary], keys: Sequence[str], figure: str) -> list[Any]:
    """Each run as a trial that minimises."""
    from optuna.trial import create_trial

    sign = -1.0 if more_is_better(figure) else 1.0
    columns = {key: column([comparison.setting(run, key) for run in runs]) for key in keys}
    distributions = {key: distribution for key, (distribution, _) in columns.items()}
    return [
        create_trial(
            params={key: values[number] for key, (_, values) in columns.items()},
            distributions=distributions,
            value=sign * run.figures[figure],
        )
        for number, run in enumerate(runs)
    ]


def column(values: Sequence[str]) -> tuple[Any, list[Any]]:
    """The distribution of a setting, and its values: a range for many numbers, else categories."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    numbers = [number for value in values if (number := as_number(value)) is not None]
    if len(numbers) < len(values) or len(set(numbers)) <= MAX_CATEGORIES:
        return CategoricalDistribution(sorted(set(values))), list(values)
    low, high = min(numbers), max(numbers)
    return FloatDistribution(low, high, log=low > 0 and high / low > 100), numbers


def importance_chart(shares: dict[str, float]) -> dict[str, Any]:
    """Bars, the most important key first."""
    values = [{"key": key, "share": share} for key, share in shares.items()]
    chart = (
        alt.Chart(rows(values), height=max(50, 26 * len(values)), width="container")
        .mark_bar(color=SERIES[0], cornerRadiusEnd=3, height={"band": 0.6})
        .encode(
            x=alt.X("share:Q", title="share", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=4)),
            y=alt.Y("key:N", title=None, sort=list(shares), axis=alt.Axis(labelLimit=170, ticks=False, domain=False)),
            tooltip=[alt.Tooltip("key:N"), alt.Tooltip("share:Q", format=".1%")],
        )
    )
    return as_spec(chart)
