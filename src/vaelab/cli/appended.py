"""`+<group>=<choice>`: one more choice of a group that takes a list, as in `+callbacks=early_stopping`."""

from collections.abc import Sequence
from itertools import chain, product
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import ChoiceSweep, Override

from vaelab.cli.compose import compose_or_explain, preserve_hydra
from vaelab.cli.overrides import parse_overrides
from vaelab.config import LISTED
from vaelab.config.groups import is_group
from vaelab.errors import UserError


def merge_appended(arguments: Sequence[str]) -> list[str]:
    """The arguments, with what is given of each list of choices in one argument.

    Hydra appends to the list of a yaml; but of `callbacks=[a] +callbacks=b` it drops b without a word, and it refuses
    `+callbacks=a +callbacks=b`. Here they become `callbacks=[a,b]` and `+callbacks=[a,b]`. Values that a multirun
    varies are combined, each with each.

    Raises:
        UserError: a choice is appended twice, or to a list that names it.
    """
    merged = list(arguments)
    for group in LISTED:
        given = [(text, one) for text in arguments if is_choice(text, group) for one in parse_overrides([text])]
        lists = [one for _, one in given if not one.is_add()]
        appended = [one for _, one in given if one.is_add()]
        combined = [_options(one) for one in (*lists, *appended)]
        if appended and len(given) > 1 and len(lists) <= 1 and all(combined):
            options = [_join(group, list(chain(*parts))) for parts in product(*combined)]
            place = merged.index(given[0][0])
            merged = [text for text in merged if not is_choice(text, group)]
            merged.insert(place, f"{'' if lists else '+'}{group}={','.join(options)}")
    return merged


def is_choice(text: str, group: str) -> bool:
    """Whether an argument chooses of a group: `group=…` or `+group=…`."""
    return text.removeprefix("+").partition("=")[0] == group


def names_in(argument: str) -> list[str]:
    """The names that `<group>=<choice>` or `<group>=[<choice>,<choice>]` gives."""
    return list(chain(*(chain(*_options(override)) for override in parse_overrides([argument]))))


def _options(override: Override) -> list[list[str]]:
    """The list of names that each job gets; [] if these are not names."""
    value = override.value()
    values: list[Any] = list(value.list) if isinstance(value, ChoiceSweep) else [value]
    given = [each if isinstance(each, list) else [each] for each in values]
    return given if all(isinstance(name, str) for names in given for name in names) else []


def _join(group: str, names: list[str]) -> str:
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{group} '{name}' is chosen already; leave out +{group}={name}")
    return f"[{','.join(names)}]"


def check_appended() -> None:
    """Raises UserError if this job appends a choice to a list that has it: its file would reset what others set."""
    hydra = HydraConfig.get()
    overrides = list(parse_overrides(hydra.overrides.task))
    appended = [one for one in overrides if one.is_add() and one.key_or_group in LISTED]
    if not appended:
        return
    chosen = [str(one.input_line) for one in overrides if is_group(one.key_or_group) and one not in appended]
    where = [one for one in hydra.overrides.hydra if one.startswith("hydra.searchpath=")]
    with preserve_hydra():
        before = compose_or_explain(str(hydra.job.config_name), [*where, *chosen])
    for override in appended:
        for name in chain(*_options(override)):
            if name in (before.get(override.key_or_group) or {}):
                group = override.key_or_group
                raise UserError(f"{group} '{name}' is chosen already; leave out +{group}={name}")
