"""Are encoder and decoder of similar size?"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail
from vaelab.ranges import NonNegativeFloat, PositiveFloat

NAME = "decoder balance"


@dataclass(frozen=True)
class DecoderBalance:
    """Parameters of the decoder over those of the encoder.

    A decoder that can model x alone learns to do without z (Chen et al. 2017, arXiv:1611.02731, section 2.2); one
    that is far too small cannot use the information in z. The decoder is every module that runs from z to p(x|z), the
    encoder every other module that runs from x to z: modules of a ladder that run in both belong to the decoder.

    Args:
        low: smallest ratio that passes, >= 0.
        high: largest ratio that passes, > 0.
    """

    low: NonNegativeFloat
    high: PositiveFloat

    def __call__(self, check_context: CheckContext) -> CheckResult:
        context = check_context.evaluation
        x, y, _ = context.examples(torch.arange(1))
        latent, z = context.latent, context.latent.encode(x, y)
        generative = trace_modules(list(latent.modules()), lambda: latent.decode(z, y))
        inference = trace_modules(list(latent.modules()), lambda: latent.encode(x, y)) - generative
        decoder, encoder = num_parameters(generative), num_parameters(inference)
        if not encoder or not decoder:
            return not_applicable(NAME, "encoder and decoder share all of their parameters")
        factor = decoder / encoder
        fact = f"decoder {decoder:,} parameters, encoder {encoder:,}"
        way_out = "bring their sizes closer (conf/encoder, conf/decoder)"
        return pass_or_fail(NAME, self.low <= factor <= self.high, factor, "× encoder", fact, way_out)


def trace_modules(modules: list[nn.Module], function: Callable[[], object]) -> set[nn.Module]:
    """The modules that run when the function is called."""
    found: set[nn.Module] = set()
    handles = [module.register_forward_hook(lambda module, *_: found.add(module)) for module in modules]
    try:
        function()
    finally:
        for handle in handles:
            handle.remove()
    return found


def num_parameters(modules: set[nn.Module]) -> int:
    """The number of parameters of these modules, without their submodules; shared ones count once."""
    own = {parameter for module in modules for parameter in module.parameters(recurse=False)}
    return sum(parameter.numel() for parameter in own)
