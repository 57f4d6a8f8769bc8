"""Perplexity of the codes of a codebook."""

from dataclasses import dataclass

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.metric.perplexity import Perplexity


@dataclass(frozen=True)
class CodebookUse:
    """`perplexity`, the effective number of codes in use; no measurement without a codebook."""

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        codebook = context.latent.codebook
        if codebook is None:
            return []
        perplexity = context.metric(Perplexity(codebook.num_quantizers, codebook.num_codes))
        for chunk in context.chunks(perplexity):
            quantization = context.latent.infer(chunk.batch.x, chunk.batch.y)
            perplexity.update(quantization.codes)
        use = perplexity.compute()
        return [Measurement("perplexity", float(use.perplexity), f"of {codebook.num_codes} codes", use.num)]
