"""A ladder of dense layers, for data of any shape."""

from collections.abc import Callable

from torch import nn

from vaelab.latent.hierarchy.ladder import Ladder
from vaelab.latent.hierarchy.rung import Rung
from vaelab.nn.residual import Residual, variance_preserving_init_
from vaelab.protocol import Decoder, Encoder, Posterior
from vaelab.ranges import Supplied, Width


def dense_ladder(
    num_levels: Supplied,
    latent_dim: Width,
    width: Width,
    activation: nn.Module,
    encoder: Callable[..., Encoder],
    posterior: Callable[..., Posterior],
    decoder: Callable[..., Decoder],
    condition_size: Supplied,
    num_parameters: Supplied,
) -> Ladder:
    """Dense rungs between an encoder and a decoder; the decoder's input is the last state.

    Args:
        num_levels: number of levels.
        latent_dim: elements of each level below the top.
        width: size of each state, and the decoder's latent_dim.
        activation: the nonlinearity before each layer.
        encoder: factory of the features of x.
        posterior: factory of q(z_1 | x), given the number of features.
        decoder: factory, given `width` and the sizes of condition and likelihood.
        condition_size: Y, the size of the condition.
        num_parameters: P, likelihood parameters per element of x.
    """
    stem = encoder(condition_size=condition_size)
    features = stem.num_features
    top = posterior(num_features=features)
    return Ladder(
        stem=stem,
        ups=[Residual(features, nn.Linear, activation, num_levels) for _ in range(num_levels - 1)],
        posterior=top,
        top=nn.Sequential(
            variance_preserving_init_(nn.Linear(top.size + condition_size, width)),
            Residual(width, nn.Linear, activation, num_levels),
        ),
        rungs=[
            Rung(width, features, [latent_dim], nn.Linear, activation, num_levels, upsample=nn.Identity())
            for _ in range(num_levels - 1)
        ],
        head=decoder(latent_dim=width, condition_size=condition_size, num_parameters=num_parameters),
    )
