"""Text from a user, such as the name of a folder, as a value in Hydra's grammar."""

import re
from collections.abc import Sequence
from pathlib import Path

from vaelab.errors import UserError


def quote(text: str) -> str:
    """The value of an override that means exactly `text`.

    In Hydra's quotes a backslash escapes only a quote, or other backslashes before a quote.
    """
    doubled = re.sub(r"(\\+)(?='|$)", r"\1\1", escape_references(text)).replace("'", "\\'")
    return f"'{doubled}'"


def escape_references(text: str) -> str:
    """A config value that means exactly `text`, in which OmegaConf would else resolve ${...}."""
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def pop_override(arguments: Sequence[str], key: str) -> tuple[str | None, list[str]]:
    """The text given for `key=…`, as the shell handed it over, and the other arguments.

    One pair of quotes around it is not part of it. Raises UserError where it is given twice.
    """
    prefix = f"{key}="
    values = [argument.removeprefix(prefix) for argument in arguments if argument.startswith(prefix)]
    if len({*values}) > 1:
        first, *_, last = values
        raise UserError(f"{key} is given twice, {prefix}{first} and {prefix}{last}, and only one would count")
    others = [one for one in arguments if not one.startswith(prefix)]
    return (_unquote(values[-1]) if values else None), others


def pop_folder(arguments: Sequence[str], key: str) -> tuple[str | None, list[str]]:
    """The same for a folder, whose name may itself begin and end with quotes. Raises UserError for none."""
    literal = next((one for one in reversed(arguments) if one.startswith(f"{key}=")), "").removeprefix(f"{key}=")
    folder, others = pop_override(arguments, key)
    if folder == "":
        raise UserError(f"{key}= is empty; give a folder after it, or leave it out")
    return (literal if literal and Path(literal).exists() else folder), others


def _unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
