"""Decodes per second of the streamed importance-weighted bound, against loops that evaluate image by image.

All decode the same network, an MLP of 784-200-200-50 as in Burda et al. 2016, in turn, in one process; the ratio of
each round cancels what the machine does meanwhile. The loops are float32: one as most published codes write it, with
100 samples at a time and the encoder run again for each of them, and one at its best, with all 5000 samples at once
and the encoder run once.
"""

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter

import torch
from hydra import compose, initialize_config_dir
from rich.console import Console
from rich.table import Table
from torch.distributions import Normal
from torch.nn import functional as F

from vaelab.config import build
from vaelab.config.paths import CONF
from vaelab.jobs.memory import keep_freed_memory
from vaelab.latent.single import Single
from vaelab.metric.bounds import streamed_log_sums
from vaelab.terms import Batch

NETWORK = (
    *("encoder=mlp", "decoder=mlp", "latent_dim=50", "encoder.hidden=[200]", "decoder.hidden=[200]"),
    *("encoder.num_features=200", "decoder.num_features=200"),
    *("encoder.activation._target_=torch.nn.Tanh", "decoder.activation._target_=torch.nn.Tanh"),
)
CHUNK, SAMPLES_AT_A_TIME = 500, 10  # as conf/data and conf/evaluation have them


def model() -> Single:
    """The network, untrained: what a decode costs does not depend on the weights."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["name=benchmark", "data=mnist", "data.binarization=dynamic", *NETWORK])
    latent: Single = build(config.model).latent
    return latent.eval()


def image_by_image(latent: Single, x: torch.Tensor, num_samples: int, at_a_time: int) -> None:
    """log 1/S sum_s w_s of each image in turn."""
    for image in x:
        log_weights = []
        for _ in range(num_samples // at_a_time):
            repeated = image if at_a_time == num_samples else image.expand(at_a_time, *image.shape[1:])
            q = latent.posterior(latent.encoder(repeated, repeated.new_zeros(len(repeated), 0))).base_dist
            z = q.loc + q.scale * torch.randn(at_a_time, q.loc.shape[1])
            logits = latent.decoder(z, z.new_zeros(at_a_time, 0)).flatten(1)
            target = image.flatten(1).expand_as(logits)
            log_px = -F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(1)
            log_weights.append(log_px + Normal(0.0, 1.0).log_prob(z).sum(1) - q.log_prob(z).sum(1))
        torch.cat(log_weights).logsumexp(0)


def streamed(latent: Single, x: torch.Tensor, num_samples: int, dtype: torch.dtype) -> None:
    """The same as `vaelab evaluate evaluation=importance` does it."""
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        for some in x.squeeze(1).split(CHUNK):
            streamed_log_sums(latent, Batch(some, None, torch.arange(len(some))), num_samples, SAMPLES_AT_A_TIME)


def speed(work: Callable[[], None], num_decodes: int) -> float:
    start = perf_counter()
    work()
    return num_decodes / (perf_counter() - start)


@torch.no_grad()
def main() -> None:
    """Print each speed, and the median of its ratio to both loops."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    keep_freed_memory()
    torch.distributions.Distribution.set_default_validate_args(False)
    latent, x = model(), (torch.rand(1000, 1, 1, 28, 28) > 0.8).float()
    work: dict[str, tuple[Callable[[], None], int]] = {
        "image by image, 100 samples at a time": (lambda: image_by_image(latent, x[:8], 5000, 100), 8 * 5000),
        "image by image, at its best": (lambda: image_by_image(latent, x[:20], 5000, 5000), 20 * 5000),
        "streamed, float32": (lambda: streamed(latent, x, 200, torch.float32), 1000 * 200),
        "streamed, bfloat16": (lambda: streamed(latent, x, 200, torch.bfloat16), 1000 * 200),
    }
    rounds = [{name: speed(*one) for name, one in work.items()} for _ in range(given.rounds + 1)][1:]
    usual, best, *_ = work
    table = Table("evaluation", "decodes per second", f"times {usual}", f"times {best}")
    for name in work:
        ratios = (median(one[name] / one[loop] for one in rounds) for loop in (usual, best))
        table.add_row(name, f"{median(one[name] for one in rounds):.0f}", *(f"{ratio:.2f}" for ratio in ratios))
    Console().print(table)


if __name__ == "__main__":
    main()
