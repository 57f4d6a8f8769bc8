"""vaelab: an experiment platform for variational autoencoders."""

__version__ = "0.1.0"
