"""What a user reads after a mistake on the command line: the exact sentence for each."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from vaelab.cli.hydra_errors import explain
from vaelab.errors import UserError

FILES = {
    "train.yaml": """
        defaults:
          - _self_
          - data: digits
          - objective: elbo
          - model: vae
          - callbacks: [checkpoint, kl_annealing]
          - experiment: null
        seed: 0
        latent_dim: 2
        name: ???
        """,
    "evaluate.yaml": "defaults:\n  - _self_\n  - model: ???\n",
    "model/vae.yaml": "# @package _global_\nmodel: {objective: '${objective}'}\n",
    "model/cvae.yaml": "# @package _global_\ndefaults: [vae]\n",
    "model/beta_vae.yaml": "# @package _global_\ndefaults: [vae]\n",
    "objective/elbo.yaml": "_target_: vaelab.objective.elbo.ELBO\nbeta: 1.0\n",
    "objective/total_correlation.yaml": "tc_weight: 1.0\ndetails: {deep: 1}\n",
    "data/digits.yaml": "root: x\n",
    "data/broken.yaml": "root: [1\nscale: 2\n",
    "callbacks/checkpoint.yaml": "checkpoint: {every: 1}\n",
    "callbacks/kl_annealing.yaml": "kl_annealing: {schedule: {steps: 1}}\n",
    "experiment/wrong.yaml": "# @package _global_\ndefaults: [{override /modle: vae}]\n",
    "tuner/fast.yaml": "lr: 1\n",
}
GROUPS = "callbacks, data, experiment, model, objective, tuner"
MODELS = "(available: beta_vae, cvae, vae)"
QUOTES = "write key=value, and a value with special characters as 'key=\"value\"'"


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes") / "conf"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def explained(conf: Path, *overrides: str, config: str = "train") -> str | None:
    try:
        with initialize_config_dir(str(conf), version_base="1.3"):
            _ = compose(config, list(overrides)).name
    except Exception as error:
        return explain(error, conf)
    raise AssertionError("Hydra found no mistake")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        # A choice or a group that does not exist
        ("model=cvea", f"no model 'cvea' in conf/model; did you mean 'cvae'? {MODELS}"),
        ("model=", f"no model '' in conf/model {MODELS}"),
        (
            "callbacks=[chekpoint]",
            "no callbacks 'chekpoint' in conf/callbacks; did you mean 'checkpoint'? "
            "(available: checkpoint, kl_annealing)",
        ),
        ("hydra/job_logging=slurm", "no hydra/job_logging 'slurm' (available: default, disabled, none, stdout)"),
        ("modle=vae", "no key 'modle'; did you mean 'model'? (use +modle=vae to add a new key)"),
        ("modle@x=vae", f"no config group 'modle' in conf; did you mean 'model'? (available: {GROUPS})"),
        ("tuner=fast", "'tuner' is not among the defaults; use +tuner=fast to add it"),
        ("model@other=vae", "'model@other' is not among the defaults; use +model@other=vae to add it"),
        (
            "experiment=wrong",
            "conf/experiment/wrong.yaml overrides 'modle', which is not among the defaults; did you mean 'model'?",
        ),
        # A key that does not exist
        ("seeed=1", "no key 'seeed'; did you mean 'seed'? (use +seeed=1 to add a new key)"),
        (
            "objective.bta=2",
            "no key 'objective.bta'; did you mean 'objective.beta'? (use +objective.bta=2 to add a new key)",
        ),
        (
            "objectiv.beta=2",
            "no key 'objectiv.beta'; did you mean 'objective.beta'? (use +objectiv.beta=2 to add a new key)",
        ),
        ("beta=2", "no key 'beta'; did you mean 'objective.beta'? (use +beta=2 to add a new key)"),
        ("zzz=2", "no key 'zzz' (use +zzz=2 to add a new key)"),
        ("latent_dim.x=2", "no key 'latent_dim.x' (use +latent_dim.x=2 to add a new key)"),
        (
            "hydra.job.nme=x",
            "no key 'hydra.job.nme'; did you mean 'hydra.job.name'? (use +hydra.job.nme=x to add a new key)",
        ),
        # A key of another choice
        (
            "objective.tc_weight=2",
            "no key 'objective.tc_weight' with this choice; objective=total_correlation has it",
        ),
        (
            "objective.details.deep=2",
            "no key 'objective.details.deep' with this choice; objective=total_correlation has it",
        ),
        # What is there already
        ("+seed=3", "key 'seed' exists already; use seed=3 without the +"),
        ("+model=vae", "'model' is chosen already; use model=... without the +"),
        ("+experiment=wrong", "'experiment' is chosen already; use experiment=... without the +"),
        ("++model=vae", "a config group takes no ++; use model=vae, or +model=vae where none is chosen yet"),
        # Deleting
        ("~sed", "no key 'sed' to delete"),
        ("~modle", "no key 'modle' to delete; did you mean 'model'?"),
        ("~model=cvae", "cannot delete model=cvae, which is not chosen; use ~model"),
        (
            "~callbacks",
            "cannot delete 'callbacks', which is not among the defaults or is a list of choices; use callbacks=[]",
        ),
        ("~seed=3", "cannot delete 'seed' by another value than its own; use ~seed or ~seed=0"),
        # Wrong grammar
        ("foo", "cannot read 'foo'; write key=value"),
        ("model==x", f"cannot read 'model==x'; {QUOTES}"),
        ("seed=[1", f"cannot read 'seed=[1'; {QUOTES}"),
        ("seed=foo(3)", f"cannot read 'seed=foo(3)'; {QUOTES}"),
        ("--seed=3", "no option '--seed=3'; a value is set as key=value, without dashes"),
        ("seed=1,2", "'seed=1,2' gives several values; add -m to run each, or write seed=[1,2] for one list"),
        # Wrong types
        (
            "model=3",
            "a config group takes the name of a choice, as in model=vae, and not a value of type int",
        ),
        ("objective={a:1}", "'objective' takes the name of a choice (available: elbo, total_correlation)"),
        ("hydra.mode=x", "cannot set hydra.mode=x: Invalid value 'x', expected one of [RUN, MULTIRUN]"),
        # Files
        ("data=broken", "conf/data/broken.yaml, line 2, is not yaml: expected ',' or ']', but got ':'"),
        # Nothing wrong but a value that is not set
        ("seed=3", "name is not set; give name=..."),
    ],
)
def test_a_mistake_on_the_command_line(conf: Path, override: str, sentence: str) -> None:
    assert explained(conf, override) == sentence


def test_a_group_without_a_choice(conf: Path) -> None:
    assert explained(conf, config="evaluate") == f"model is not chosen; give model=... {MODELS}"


def test_a_command_without_a_config(conf: Path) -> None:
    assert (
        explained(conf, config="tain") == "no config 'tain' in conf; did you mean 'train'? (available: evaluate, train)"
    )


def test_a_broken_interpolation(conf: Path) -> None:
    with pytest.raises(Exception, match="nowhere") as caught:
        _ = OmegaConf.create({"a": {"b": "${nowhere}"}}).a.b
    assert explain(caught.value, conf) == "a.b: Interpolation key 'nowhere' not found"


def test_our_own_message_stays_as_it_is(conf: Path) -> None:
    assert explain(UserError("beta is negative; give beta >= 0"), conf) == "beta is negative; give beta >= 0"


@pytest.mark.parametrize("error", [ValueError("shapes differ"), RuntimeError("x"), KeyError("y")])
def test_an_error_that_no_user_made_is_not_explained(conf: Path, error: Exception) -> None:
    assert explain(error, conf) is None
