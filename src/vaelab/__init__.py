"""vaelab: an experiment platform for variational autoencoders.

The Python interface does what the command line does; importing it is cheap until a name is used:

    run = vaelab.train("model=cvae", "data=digits")      a run under outputs/, trained, evaluated and loaded
    run = vaelab.load("outputs/…")                       run.encode(x), run.decode(z), run.sample(64, y=3), run.results
    model = vaelab.build("model=vamp_vae", shape=(1, 28, 28))       a LightningModule for your own Trainer
    config = vaelab.compose("model=vamp_vae", "latent_dim=16")      a config
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vaelab.version import __version__ as __version__

if TYPE_CHECKING:
    from vaelab.api.build import build
    from vaelab.api.compose import compose
    from vaelab.api.loaded_run import LoadedRun, load
    from vaelab.api.train import train
    from vaelab.errors import UserError
    from vaelab.terms import Batch, Loss, Terms

__all__ = ["Batch", "LoadedRun", "Loss", "Terms", "UserError", "build", "compose", "load", "train"]

_PLACES = {
    "build": "vaelab.api.build",
    "compose": "vaelab.api.compose",
    "load": "vaelab.api.loaded_run",
    "train": "vaelab.api.train",
    "LoadedRun": "vaelab.api.loaded_run",
    "UserError": "vaelab.errors",
    "Batch": "vaelab.terms",
    "Terms": "vaelab.terms",
    "Loss": "vaelab.terms",
}


def __getattr__(name: str) -> Any:
    """A public name, imported on first use, since torch takes a second to import."""
    if name not in _PLACES:
        raise AttributeError(f"module 'vaelab' has no attribute '{name}'")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
