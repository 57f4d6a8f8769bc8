"""Interface of parts that are initialized from the training data."""

from typing import Protocol, runtime_checkable

from vaelab.data.module import DataModule
from vaelab.data.plain_loader import LoaderData


@runtime_checkable
class InitializedFromData(Protocol):
    """A part that initializes buffers or parameters from the training data, such as pseudo-inputs."""

    def initialize_from(self, data: DataModule | LoaderData) -> None: ...
