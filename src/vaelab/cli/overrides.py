"""What Hydra's grammar allows on a command line, and then drops without a word."""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from vaelab.config import LISTED
from vaelab.config.groups import choices, is_group
from vaelab.errors import UserError


def check_options(arguments: Sequence[str]) -> None:
    """Raises UserError for words with dashes that Hydra does not take, where its own parser prints a page."""

    def refuse(message: str) -> NoReturn:
        raise UserError(f"{message}; python train.py --hydra-help lists the options")

    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign]
    found, left = parser.parse_known_args(list(arguments))
    modes = [name for name in ("run", "multirun", "cfg", "info", "shell_completion") if getattr(found, name, None)]
    if len(modes) > 1:
        raise UserError(f"--{modes[0]} and --{modes[1]} are given together; leave one of them out")
    # Overrides after an option are left too, since Hydra's parser takes no option between two of them.
    for option in (one for one in left if one.startswith("-")):
        key, _, value = option.lstrip("-").partition("=")
        after = [*arguments, ""][[*arguments, option].index(option) + 1]
        value = value or ("..." if "=" in after or after.startswith("-") else after) or "..."
        raise UserError(f"no option '{option}'; a value is set without dashes, as in {key}={value}")


def check_overrides(arguments: Sequence[str]) -> None:
    """Raises UserError for overrides of which only some would count; what Hydra refuses is left to it."""
    seen: dict[str, str] = {}
    for override in parse_overrides(arguments):
        text, key = str(override.input_line), override.key_or_group
        if not key:
            raise UserError(f"cannot read '{text}'; write key=value")
        if key in seen and not key.startswith("hydra") and seen[key] != text:
            way_out = f"; give one list, {key}=[...]" if key in LISTED else ""
            raise UserError(f"{key} is given twice, {seen[key]} and {text}, and only one would count{way_out}")
        seen[key] = text
        takes_choice = is_group(key) or key.startswith("hydra/")
        if takes_choice and not override.is_sweep_override() and not override.is_delete():
            check_choice(text, key, override.value())


def check_choice(text: str, group: str, value: Any) -> None:
    """Raises UserError for a list of choices of a group that takes one, and for what names no choice."""
    if not isinstance(value, str | list | dict):
        raise UserError(f"{text}: a group takes the name of a choice; to leave it out, give " + removal_override(group))
    if isinstance(value, list) and group not in LISTED:
        raise UserError(f"{text}: {group} takes one choice, not a list; give {group}={value[0] if value else '...'}")
    if isinstance(value, list) and not all(isinstance(each, str | int | float) for each in value):
        raise UserError(f"{text}: a list of choices holds names, as in {group}=[{first_choice(group)}]")


def removal_override(group: str) -> str:
    return f"{group}=[]" if group in LISTED else f"~{group}"


def first_choice(group: str) -> str:
    return choices(group)[0]


def parse_overrides(arguments: Sequence[str]) -> Iterator[Override]:
    """The overrides among the arguments that can be read."""
    parser = OverridesParser.create()
    for argument in arguments:
        try:
            yield from parser.parse_overrides([argument])
        except HydraException:
            continue
