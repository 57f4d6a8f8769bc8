"""Whether more or less of a measurement is better."""

from typing import Literal

# By parts of a name. Of all else, such as the rate and the distortion, which trade for each other, neither is.
MORE = {
    *("elbo", "label_fidelity", "sample_confidence", "accuracy", "probe"),
    *("density", "coverage", "precision", "recall"),
    *("active_units", "perplexity", "ess", "mutual_information"),
    *("mig", "dci", "sap", "factor_vae_score", "modularity"),
}
LESS = {"nll", "bce", "bpd", "mse", "fid", "kid", "gap"}


def better(name: str) -> Literal["more", "less"] | None:
    """Which is better of the measurement with this name, if either is.

    >>> better("nll/iw5000"), better("reconstruction/recall/inception2048/n10000"), better("rate")
    ('less', 'more', None)
    """
    parts = name.split("/")
    if not MORE.isdisjoint(parts):
        return "more"
    return None if LESS.isdisjoint(parts) else "less"
