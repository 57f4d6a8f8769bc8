"""One code of a codebook at each position of a map: the structure of VQ-VAE and its relatives."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaelab.codebook.quantization import Codebook, Quantization
from vaelab.data.module import DataModule
from vaelab.data.plain_loader import LoaderData
from vaelab.distribution.point import Point
from vaelab.errors import UserError
from vaelab.latent.feature_positions import FeaturePositions, flatten_positions
from vaelab.latent.hierarchy.temperature import temperature_per_level
from vaelab.latent.prior import PriorFactory, build_prior
from vaelab.latent.structure import LatentStructure
from vaelab.metric.perplexity import code_counts, perplexity
from vaelab.protocol import Condition, Decoder, Density, Encoder
from vaelab.ranges import PositiveInt
from vaelab.terms import Batch, Terms


class Quantized(LatentStructure):
    """p(k | y) over codes k [h, w, Q] and p(x | z(k), y); q(k | x, y) is a point, the code of x.

    van den Oord et al. 2017, arXiv:1711.00937. Codes are discrete, so the point has probability 1, log q = 0,
    and log p(x) >= log p(x | z(k)) + log p(k): the ELBO is a bound, which more samples do not tighten. Its rate is
    -log p(k) in nats. z is the vectors of the codes, flattened from [E, h, w]; Terms hold the latents (z, codes).

    Args:
        condition: y -> [B, Y].
        encoder: factory, given the condition's size.
        codebook: the codes and their vectors.
        prior: p(k | y), or a factory given num_codes, code_shape and condition_size.
        decoder: factory, given the sizes of z, condition and likelihood.
        likelihood: decoder parameters -> p(x | z, y).
        num_positions: h w, for an encoder without a feature map.
        num_start: training examples for the k-means of a new codebook.
    """

    codebook: Codebook

    def __init__(
        self,
        condition: Condition,
        encoder: Callable[..., Encoder],
        codebook: Codebook,
        prior: nn.Module | PriorFactory,
        decoder: Callable[..., Decoder],
        likelihood: Density,
        num_positions: PositiveInt,
        num_start: PositiveInt,
    ) -> None:
        super().__init__()
        self.condition = condition
        self.encoder = encoder(condition_size=condition.size)
        self.codebook = codebook
        self.places = FeaturePositions(self.encoder, codebook.dim, num_positions)
        self.code_shape = (*self.places.shape, codebook.num_quantizers)
        arguments = {"num_codes": codebook.num_codes, "code_shape": self.code_shape, "condition_size": condition.size}
        self.prior = build_prior(prior, self, arguments)
        size = codebook.dim * self.places.num
        self.decoder = decoder(latent_dim=size, condition_size=condition.size, num_parameters=likelihood.num_parameters)
        self.likelihood = likelihood
        self.num_start = num_start

    @torch.no_grad()
    def initialize_from(self, data: DataModule | LoaderData) -> None:
        """Initialize a new codebook from the features of `num_start` training examples."""
        index = torch.randperm(len(data.split("train")))[: self.num_start]
        x, y, _ = data.transfer_batch_to_device(data.batch("train", index), self.places.head.weight.device, 0)
        self.codebook.initialize(self.places(self.encoder(x, self.condition(y, x))))

    def infer(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Quantization:
        """The code of x. Only here does the encoder run and a codebook in training update."""
        return self.codebook(self.places(self.encoder(x, self.condition(y, x))))

    def score(self, batch: Batch, inferred: Quantization, num_samples: int) -> Terms:
        """Score the code once, as all S samples are equal."""
        prior = self.prior(self.condition(batch.y, batch.x))
        if prior.event_shape != self.code_shape:
            raise UserError(
                f"latent=quantized needs a prior over codes, of shape {list(self.code_shape)} and not "
                f"{list(prior.event_shape)}; set prior=uniform_codes or prior=pixelcnn"
            )
        z, codes = flatten_positions(inferred.vectors), inferred.codes.unflatten(1, self.places.shape)
        log_pz = prior.log_prob(codes)
        return Terms(
            log_px=self.decode(z, batch.y).log_prob(batch.x).expand(num_samples, -1),
            log_pz=log_pz.expand(num_samples, -1),
            log_qz=torch.zeros_like(log_pz).expand(num_samples, -1),
            kl=-log_pz.unsqueeze(1),
            latents=(z.expand(num_samples, -1, -1), codes.expand(num_samples, *codes.shape)),
            posterior=Point(z),
            prior=prior,
            x=batch.x,
            penalties=inferred.penalties,
            diagnostics={"perplexity": perplexity(code_counts(codes, self.codebook.num_codes))},
        )

    def encode(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Float[Tensor, "B D"]:
        """The vectors of the code of x."""
        return flatten_positions(self.infer(x, y).vectors)

    def generate(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        return self.decoder(z, c)

    def draw(
        self, n: int, y: Int[Tensor, " n"] | None, temperature: float | Sequence[float] = 1.0
    ) -> Float[Tensor, "n D"]:
        """The vectors of n codes from p(k | y), the logits divided by `temperature`."""
        codes = self.draw_prior(n, y, *temperature_per_level(temperature, 1))
        return flatten_positions(self.codebook.lookup(codes.flatten(1, 2)))
