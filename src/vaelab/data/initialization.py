"""Parts that are initialized from the training data."""

from typing import Protocol, runtime_checkable

from vaelab.data.module import DataModule
from vaelab.data.plain_loader import LoaderData


@runtime_checkable
class InitializedFromData(Protocol):
    """A part that takes its first values from the training data: pseudo-inputs, the number of examples."""

    def initialize_from(self, data: DataModule | LoaderData) -> None: ...
