"""Averages over labels of the terms of each label."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.distributions import Distribution

from vaelab.terms import Terms


@dataclass(kw_only=True)
class LabelTerms(Terms):
    """Terms averaged over labels, with `log_joint` = log p(x, z_y, y) / q(z_y | x, y) of each label."""

    log_joint: Float[Tensor, "S Y B"]

    @property
    def log_weight(self) -> Float[Tensor, "S B"]:
        """log sum_y exp(log_joint), whose exponential has mean p(x), or p(x, y) if y is known, for every q(y | x)."""
        return self.log_joint.logsumexp(1)


def label_terms(
    each: Terms,
    log_qy: Float[Tensor, "B Y"],
    known: Bool[Tensor, "B Y"],
    label: Int[Tensor, " B"],
    posterior: Distribution,
    prior: Distribution,
) -> LabelTerms:
    """Average terms over y, with a uniform p(y): at the known label, else under q(y | x). The last column of kl is y's.

    Args:
        each: terms of B examples for each of Y labels, in Y blocks of B rows.
        log_qy: log q(y | x).
        known: one-hot of a known label; all False if it is unknown.
        label: the label whose latents are returned.
        posterior: q(z | x, y) at `label`.
        prior: p(z | y) at `label`.
    """
    by_label = log_qy.T.shape
    any_known = known.any(1, keepdim=True)
    share = torch.where(any_known, known.float(), log_qy.exp()).T  # [Y, B], the weight of each label
    log_share = torch.where(any_known, 0.0, log_qy).T
    log_py = -math.log(len(share))
    log_joint = each.log_weight.unflatten(1, by_label) + log_py
    rate = (share.unsqueeze(-1) * each.kl.unflatten(0, by_label)).sum(0)
    rate_of_label = (share * (log_share - log_py)).sum(0)

    def mean(value: Float[Tensor, "S N"]) -> Float[Tensor, "S B"]:
        return (share * value.unflatten(1, by_label)).sum(1)

    examples = torch.arange(len(label), device=label.device)
    return LabelTerms(
        log_px=mean(each.log_px),
        log_pz=mean(each.log_pz) + log_py,
        log_qz=mean(each.log_qz) + (share * log_share).sum(0),
        kl=torch.cat([rate, rate_of_label.unsqueeze(1)], 1),
        latents=tuple(z.unflatten(1, by_label)[:, label, examples] for z in each.latents),
        posterior=posterior,
        prior=prior,
        x=each.x[: len(label)],
        is_bound=each.is_bound,
        log_joint=log_joint.masked_fill((any_known & ~known).T, -torch.inf),
    )
