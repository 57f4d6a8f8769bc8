"""Training data from a user's DataLoader, for parts that are initialized from data."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from vaelab.data.examples import Indices
from vaelab.errors import UserError
from vaelab.terms import Batch


def as_batch(given: Any) -> Batch:
    """A loader's output as a Batch: x alone, (x,), (x, y) or a Batch, with x floats and y class numbers.

    `index` counts the examples of the batch, unless the loader gives their indices in the split.

    Raises:
        UserError: it is something else.

    Examples:
        >>> as_batch([torch.zeros(2, 1, 8, 8), torch.tensor([3, 4])]).y
        tensor([3, 4])
    """
    if isinstance(given, Batch):
        x, y, index = given
    else:
        parts = list(given) if isinstance(given, list | tuple) else [given]
        if len(parts) not in (1, 2) or not all(isinstance(part, Tensor) for part in parts):
            raise UserError(f"a batch must be x, (x, y) or a vaelab.Batch, but the loader gave {describe(given)}")
        x, y, index = parts[0], (parts[1] if len(parts) == 2 else None), torch.arange(len(parts[0]))
    if not x.is_floating_point():
        raise UserError(
            f"x must be floats on the scale of the likelihood, but the loader gave {x.dtype}; let it give x / 255"
        )
    if y is not None and (y.is_floating_point() or y.dim() != 1):
        raise UserError(f"y must be class numbers, [B] int64, but the loader gave {list(y.shape)} {y.dtype}")
    return Batch(x, None if y is None else y.long(), index)


def describe(given: Any) -> str:
    """The type of an object, in words."""
    if isinstance(given, list | tuple):
        return f"a {type(given).__name__} of {', '.join(type(part).__name__ for part in given)}"
    return f"a {type(given).__name__}"


class LoaderData:
    """The training data of a DataLoader, for a model that reads them before training.

    Args:
        source: returns the trainer's `DataLoader`, whose output `as_batch` takes.
    """

    def __init__(self, source: Callable[[], Any]) -> None:
        self.source = source

    def split(self, name: str) -> Sequence[Any]:
        """The training split, for its length.

        Raises:
            UserError: it has no length, such as a stream.
        """
        loader = check_finite(self.source())
        if isinstance(loader, DataLoader) and loader.batch_sampler is not None:
            return range(len(loader.dataset))  # type: ignore[arg-type]
        return range(sum(len(as_batch(batch).x) for batch in loader))

    def batch(self, name: str, indices: Indices) -> Batch:
        """A batch of the training examples with these indices."""
        loader, chosen = check_finite(self.source()), torch.as_tensor(indices)
        if isinstance(loader, DataLoader) and loader.batch_sampler is not None:
            found = as_batch(loader.collate_fn([loader.dataset[place] for place in chosen.tolist()]))
        else:
            found = select(join(as_batch(batch) for batch in loader), chosen)
        return found._replace(index=chosen)

    def first(self, num: int) -> Batch:
        """At most `num` examples of the first batch."""
        return select(as_batch(next(iter(self.source()))), torch.arange(num))

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """The same batch on a device."""
        return Batch(batch.x.to(device), None if batch.y is None else batch.y.to(device), batch.index.to(device))


def check_finite(loader: Any) -> Iterable[Any]:
    """The loader, if its dataset has a length. Raises UserError for a stream."""
    dataset = getattr(loader, "dataset", loader)
    if isinstance(dataset, IterableDataset) or not hasattr(loader, "__len__"):
        raise UserError(
            "this model reads all training data before it trains, but the loader is a stream; give a DataLoader "
            "over a dataset that can be indexed"
        )
    return loader


def join(batches: Iterable[Batch]) -> Batch:
    """The concatenation of several batches."""
    x, y, index = zip(*batches, strict=True)
    return Batch(torch.cat(x), None if y[0] is None else torch.cat(y), torch.cat(index))


def select(batch: Batch, chosen: Tensor) -> Batch:
    """The examples at the positions `chosen`, without positions beyond the end of the batch."""
    chosen = chosen[chosen < len(batch.x)]
    return Batch(batch.x[chosen], None if batch.y is None else batch.y[chosen], batch.index[chosen])


def check_batch(batch: Batch, likelihood: Any) -> None:
    """Raises UserError if x does not have the model's shape or is outside the support of its likelihood."""
    shape = getattr(likelihood, "shape", None)
    if shape is not None and tuple(batch.x.shape[1:]) != tuple(shape):
        raise UserError(
            f"the loader gives examples of shape {list(batch.x.shape[1:])}, but the model takes {list(shape)}; give "
            f"vaelab.build(..., shape={tuple(batch.x.shape[1:])})"
        )
    if not likelihood.accepts(batch.x):
        low, high = batch.x.min().item(), batch.x.max().item()
        raise UserError(
            f"the likelihood needs {likelihood.support_text}, but the loader gave {low:.2f} to {high:.2f}; scale x, or "
            "set likelihood=gaussian, which takes any x"
        )
