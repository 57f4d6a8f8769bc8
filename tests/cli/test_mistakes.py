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
MODELS = "(available: beta_vae, cvae, vae)"
QUOTES = "write key=value, and a value with special characters as 'key=\"value\"'"


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes") / "conf"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def only_these_configs(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("config.groups", "cli.hydra_errors"):
        monkeypatch.setattr(f"vaelab.{module}.folders", lambda: (conf,))


def explained(conf: Path, *overrides: str, config: str = "train") -> str | None:
    try:
        with initialize_config_dir(str(conf), version_base="1.3"):
            _ = compose(config, list(overrides)).name
    except Exception as error:
        return explain(error)
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
        (
            "hydra/launcher=job",
            "no hydra/launcher 'job'; did you mean 'joblib'? "
            "(available: basic, joblib, submitit_local, submitit_slurm)",
        ),
        ("modle=vae", "no key 'modle'; did you mean 'model'? (use +modle=vae to add a new key)"),
        (
            "modle@x=vae",
            "Override modle@x=vae looks like a config group override, but config group 'modle' does not exist.",
        ),
        (
            "tuner=fast",
            "Could not override 'tuner'. No match in the defaults list. To append to your default list use +tuner=fast",
        ),
        (
            "model@other=vae",
            "Could not override 'model@other'. Did you mean to override model? To append to your default list use "
            "+model@other=vae",
        ),
        (
            "experiment=wrong",
            "In 'experiment/wrong': Could not override 'modle'. No match in the defaults list.",
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
        (
            "+seed=3",
            "Could not append to config. An item is already at 'seed'. Either remove + prefix: 'seed=3' Or add "
            "a second + to add or override 'seed': '++seed=3'",
        ),
        ("+model=vae", "'model' is chosen already; use model=... without the +"),
        ("+experiment=wrong", "'experiment' is chosen already; use experiment=... without the +"),
        ("++model=vae", "force-add of config groups is not supported: '++model=vae'"),
        # Deleting
        ("~sed", "Could not delete from config. 'sed' does not exist."),
        ("~model=cvae", "Could not delete 'model=cvae'. No match in the defaults list"),
        ("~callbacks", "cannot delete 'callbacks', which is a list of choices; use callbacks=[]"),
        ("~seed=3", "Could not delete from config. The value of 'seed' is 0 and not 3."),
        # Wrong grammar
        ("foo", "cannot read 'foo'; write key=value"),
        ("model==x", f"cannot read 'model==x'; {QUOTES}"),
        ("seed=[1", f"cannot read 'seed=[1'; {QUOTES}"),
        ("seed=foo(3)", f"cannot read 'seed=foo(3)'; {QUOTES}"),
        ("--seed=3", "no option '--seed=3'; a value is set as key=value, without dashes"),
        ("seed=1,2", "'seed=1,2' gives several values; add -m to run each, or write seed=[1,2] for one list"),
        # Wrong types
        (
            "objective={a:1}",
            "no key 'objective.a'; did you mean 'objective.beta'? (use +objective={a:1} to add a new key)",
        ),
        ("hydra.mode=x", "Error merging override hydra.mode=x: Invalid value 'x', expected one of [RUN, MULTIRUN]"),
        # Files
        ("data=broken", "conf/data/broken.yaml, line 2, is not yaml: expected ',' or ']', but got ':'"),
        # Nothing wrong but a value that is not set
        ("seed=3", "name is not set; give name=..."),
    ],
)
def test_a_mistake_on_the_command_line(conf: Path, override: str, sentence: str) -> None:
    assert explained(conf, override) == sentence


def test_a_group_without_a_choice(conf: Path) -> None:
    sentence = "You must specify 'model', e.g, model=<OPTION> Available options: beta_vae cvae vae"
    assert explained(conf, config="evaluate") == sentence


def test_a_command_without_a_config(conf: Path) -> None:
    assert (
        explained(conf, config="tain") == "no config 'tain' in conf; did you mean 'train'? (available: evaluate, train)"
    )


def test_a_broken_interpolation(conf: Path) -> None:
    with pytest.raises(Exception, match="nowhere") as caught:
        _ = OmegaConf.create({"a": {"b": "${nowhere}"}}).a.b
    assert explain(caught.value) == "a.b: Interpolation key 'nowhere' not found"


def test_our_own_message_stays_as_it_is(conf: Path) -> None:
    assert explain(UserError("beta is negative; give beta >= 0")) == "beta is negative; give beta >= 0"


@pytest.mark.parametrize("error", [ValueError("shapes differ"), RuntimeError("x"), KeyError("y")])
def test_an_error_that_no_user_made_is_not_explained(conf: Path, error: Exception) -> None:
    assert explain(error) is None
