"""Evidence from the codes of a codebook."""

from dataclasses import dataclass

from vaelab.evaluation.context import Subject
from vaelab.evaluation.measurement import Figure
from vaelab.latent.quantized import Quantized
from vaelab.metric.perplexity import Perplexity


@dataclass(frozen=True)
class CodebookUse:
    """`perplexity`, the number of codes in use; nothing where the latents are no codes."""

    def __call__(self, subject: Subject) -> list[Figure]:
        if not isinstance(subject.latent, Quantized):
            return []
        codebook = subject.latent.codebook
        perplexity = subject.metric(Perplexity(codebook.num_quantizers, codebook.num_codes))
        for chunk in subject.chunks(perplexity):
            quantization = subject.latent.infer(chunk.batch.x, chunk.batch.y)
            perplexity.update(quantization.codes)
        value, num = perplexity.compute()
        return [Figure("perplexity", float(value), f"of {codebook.num_codes} codes", num)]
