"""Turns exceptions of libraries during training into sentences about the config."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from vaelab.errors import UserError

# Libraries whose exceptions are about values of the config, and the part of the config that they are about.
SPEAKERS = {"lightning": "trainer, callbacks or logger", "torch.optim": "optimizer or scheduler"}


@contextmanager
def explain_errors() -> Iterator[None]:
    """Inside, exceptions that Lightning or an optimizer raises become UserErrors; others pass."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        module = raising_module(error.__traceback__)
        speaker = next((part for name, part in SPEAKERS.items() if module.partition(name)[:2] == ("", name)), None)
        if speaker is None or isinstance(error, OSError | AssertionError):
            raise
        raise UserError(f"{speaker}: {first_sentence(error)}") from error


def raising_module(traceback: TracebackType | None) -> str:
    """The name of the module whose line raised the exception."""
    module = ""
    while traceback is not None:
        module, traceback = traceback.tb_frame.f_globals.get("__name__", ""), traceback.tb_next
    return module


def first_sentence(error: Exception) -> str:
    """The first sentence of an exception's message, without the advice that often follows."""
    return str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
