"""Data loaders that report errors of worker processes in one sentence."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from vaelab.errors import UserError

MARK = f"{UserError.__module__}.{UserError.__qualname__}: "  # precedes the message in a traceback


class Loader(DataLoader[Any]):
    """A DataLoader that raises UserErrors of its workers without their tracebacks."""

    def __iter__(self) -> Iterator[Any]:
        return BatchIterator(super().__iter__())


class BatchIterator:
    """An iterator over batches that turns errors of workers into UserErrors."""

    def __init__(self, batches: Iterator[Any]) -> None:
        self.batches = batches

    def __iter__(self) -> "BatchIterator":
        return self

    def stop_workers(self) -> None:
        """Stop the other workers now: the garbage collector would end them with tracebacks."""
        if isinstance(self.batches, _MultiProcessingDataLoaderIter):
            self.batches._shutdown_workers()

    def __next__(self) -> Any:
        try:
            return next(self.batches)
        except UserError as error:
            self.stop_workers()
            raise UserError(str(error).rpartition(MARK)[2].strip()) from None
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            self.stop_workers()
            raise UserError(
                f"a data loader worker ended early ({' '.join(str(error).split())}); set data.num_workers=0 or a"
                " smaller data.batch_size"
            ) from error
