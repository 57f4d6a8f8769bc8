"""Whether more or less of a figure is better."""

# By the part of a name before its first slash. Of all else, such as nll, fid, rate and distortion, less is better.
MORE = {
    *("elbo", "label_fidelity", "sample_confidence", "accuracy", "probe"),
    *("density", "coverage", "precision", "recall"),
    *("active_units", "perplexity", "ess", "mutual_information"),
    *("mig", "dci", "sap", "factor_vae_score", "modularity"),
}


def more_is_better(name: str) -> bool:
    """Whether a model with more of this figure is better."""
    return name.partition("/")[0] in MORE
