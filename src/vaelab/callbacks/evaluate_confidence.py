"""Evidence from samples of any model: whether they look like the data."""

from vaelab.callbacks.evaluate_samples import EvaluateSamples
from vaelab.evaluation.confidence import Confidence
from vaelab.model.vae import VAE


class EvaluateConfidence(EvaluateSamples):
    """Publishes `sample_confidence` of `num_samples` samples, of unconditional models too.

    Asks nothing where the data has no labels from which a classifier could learn.
    """

    name = "sample_confidence"
    unit = "mean probability of the likeliest class"

    def asks(self, pl_module: VAE) -> bool:
        return bool(pl_module.data.num_classes)

    def metric(self, pl_module: VAE) -> Confidence:
        return Confidence()
