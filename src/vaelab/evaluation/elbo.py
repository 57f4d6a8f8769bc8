"""ELBO, rate and distortion as measurements."""

from vaelab.evaluation.measurement import Measurement
from vaelab.metric.elbo import Means


def elbo_measurements(means: Means) -> list[Measurement]:
    """`elbo`, `rate`, `distortion` and the means of the diagnostics, each with its standard error over examples."""
    return [
        Measurement(name, float(value), "nats per example", means.num, num_samples=1, error=float(means.errors[name]))
        for name, value in means.publishable.items()
    ]
