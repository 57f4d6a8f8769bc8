"""What Hydra would drop without a word is a mistake."""

import pytest

from vaelab.api.composition import composition
from vaelab.cli.overrides import check_options, check_overrides
from vaelab.cli.schedule_length import check_lengths
from vaelab.errors import UserError


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("model=vae model=cvae", "model is given twice, model=vae and model=cvae, and only one would count"),
        ("seed=1 data=digits seed=2", "seed is given twice, seed=1 and seed=2, and only one would count"),
        (
            "callbacks=[checkpoint] +callbacks=kl_annealing",
            "callbacks is given twice, callbacks=[checkpoint] and +callbacks=kl_annealing, and only one would count; "
            "give one list, callbacks=[...]",
        ),
        ("encoder=[conv,mlp]", "encoder=[conv,mlp]: encoder takes one choice, not a list; give encoder=conv"),
        ("codebook=null", "codebook=null: a group takes the name of a choice; to leave it out, give ~codebook"),
        ("logger=null", "logger=null: a group takes the name of a choice; to leave it out, give logger=[]"),
        ("logger=[null]", "logger=[null]: a list of choices holds names, as in logger=[csv]"),
        ("model=3", "model=3: a group takes the name of a choice; to leave it out, give ~model"),
        ("hydra/help=3", "hydra/help=3: a group takes the name of a choice; to leave it out, give ~hydra/help"),
        ("=3", "cannot read '=3'; write key=value"),
    ],
)
def test_a_mistake_that_hydra_lets_pass(arguments: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        check_overrides(arguments.split())
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "arguments",
    [
        "model=vae data=digits seed=1 latent_dim=2",
        "-m model=vae,cvae seed=0,1 callbacks=[checkpoint],[ema]",
        "seed=1 seed=1",
        "callbacks=[] ~codebook +callbacks.mine.x=1 +callbacks.mine.y=2",
        "hydra.run.dir=a hydra.run.dir=b",
        "data=digits data.batch_size=3 data.chunk=7",
        "model=vae -m seed=0,1 --config-name saved data=digits data.chunk=7",
        "foo seed=[1 --hydra-help",  # Hydra says what is wrong with these
    ],
)
def test_what_counts_is_let_through(arguments: str) -> None:
    check_options(arguments.split())
    check_overrides(arguments.split())


def length_refused(*arguments: str) -> str | None:
    """What is said of a schedule's length in this config, if anything."""
    with composition("train", ["callbacks=[checkpoint,kl_annealing,capacity]", *arguments]) as config:
        try:
            check_lengths(config)
        except UserError as error:
            return str(error)
    return None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("kl.steps=3", None),
        ("kl.epochs=3", None),
        ("kl.epochs=null kl.steps=3", None),
        ("kl=cyclical kl.epochs=3 callbacks.capacity.schedule.steps=4", None),
        (
            "kl.steps=5 kl.epochs=3",
            "kl.steps=5 does not count, since kl.epochs=3; give one of them, or kl.epochs=null with the steps",
        ),
        (
            "callbacks.capacity.schedule.steps=5 callbacks.capacity.schedule.epochs=0.5",
            "callbacks.capacity.schedule.steps=5 does not count, since callbacks.capacity.schedule.epochs=0.5; "
            "give one of them, or callbacks.capacity.schedule.epochs=null with the steps",
        ),
    ],
)
def test_steps_that_epochs_replace_are_refused(arguments: str, sentence: str | None) -> None:
    assert length_refused(*arguments.split()) == sentence
