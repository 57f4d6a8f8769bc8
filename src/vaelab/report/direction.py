"""Whether more or less of a figure is better."""

# Before the first slash of a name. Of everything else, such as nll, fid and mse, less is better.
MORE = {
    *("elbo", "density", "coverage", "precision", "recall", "label_fidelity", "accuracy", "active_units", "ess"),
    *("mig", "sap", "dci", "modularity", "factor_vae", "beta_vae", "probe", "mutual_information"),
}


def more_is_better(name: str) -> bool:
    """Whether a model with more of this figure is better."""
    return name.partition("/")[0] in MORE
