"""Conditional priors without labels."""

from collections.abc import Callable

import pytest

from vaelab.errors import UserError
from vaelab.model.vae import VAE
from vaelab.terms import Batch


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            ("model=vae", "prior=label_normal"),
            "prior 'label_normal' needs the label of each of 10 classes, but the condition has 0 columns; "
            "set condition=label and choose data with labels",
        ),
        (
            ("model=flow_prior_vae", "prior.condition_size=10"),
            "prior 'flow' has condition_size=10, but the condition has 0 columns; "
            "set condition=label, or prior.condition_size=0",
        ),
    ],
    ids=["label_normal", "flow"],
)
def test_a_missing_label_is_an_error(
    choices: tuple[str, ...], message: str, model: Callable[..., VAE], batch: Batch
) -> None:
    with pytest.raises(UserError) as caught:
        model(*choices).loss_of(batch)
    assert str(caught.value) == message
