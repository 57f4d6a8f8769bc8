"""Values that do not fit: what a user reads after each, all over the groups of conf/."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt, MinLen
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn
from torch.optim import Optimizer

from vaelab.config import check
from vaelab.config.values import accepts
from vaelab.config.wording import describe, show
from vaelab.errors import UserError
from vaelab.ranges import NumClasses

CASES = [
    # value, choices, sentence, where {} is the value as it was given
    ("data.batch_size=12.5", "", "{} must be an integer of at least 1 (conf/data/digits.yaml)"),
    ("data.batch_size=true", "", "{} must be an integer of at least 1 (conf/data/digits.yaml)"),
    (
        "data.batch_size=99999999999999999999",
        "",
        "{} must be an integer of at most 9223372036854775807 (conf/data/digits.yaml)",
    ),
    ("data.num_validation=-1", "", "{} must be an integer of at least 1 or auto (conf/data/digits.yaml)"),
    ("data.scale=unti", "", "{} must be unit, symmetric, none or auto; did you mean 'unit'? (conf/data/digits.yaml)"),
    ("data.binarization=yes", "", "data.binarization=true must be none, dynamic or static (conf/data/digits.yaml)"),
    ("data.dequantization='off'", "", "data.dequantization=off must be true or false (conf/data/digits.yaml)"),
    ("data.dequantization=1", "", "{} must be true or false (conf/data/digits.yaml)"),
    ("data.classes=abc", "", "{} must be a list of text or auto; did you mean [abc]? (conf/data/digits.yaml)"),
    ("data.shape=[]", "", "{} must be a non-empty list of integers from 1 to 1048576 or auto (conf/data/digits.yaml)"),
    (
        "data.shape=[1,8,8.5]",
        "",
        "{} must be a non-empty list of integers from 1 to 1048576 or auto (conf/data/digits.yaml)",
    ),
    ("data.source=mnist", "", "{} must be a Source (a node with _target_, not _partial_) (conf/data/digits.yaml)"),
    (
        "data.source._target_=vaelab.data.digits.Digit",
        "",
        "data.source (conf/data/digits.yaml): no 'Digit' in vaelab.data.digits; did you mean 'Digits'?",
    ),
    ("latent_dim=0", "", "{} must be an integer from 1 to 1048576"),
    ("latent_dim=2.5", "", "{} must be an integer from 1 to 1048576"),
    ("latent_dim=null", "", "{} must be an integer from 1 to 1048576"),
    ("latent_dim=[2]", "", "{} must be an integer from 1 to 1048576"),
    ("latent_dim='8'", "", "{} must be an integer from 1 to 1048576"),
    ("latent_dim=1", "posterior=von_mises_fisher prior=uniform_sphere", "{} must be an integer from 2 to 1048576"),
    ("seed=null", "", "{} must be an integer from 0 to 4294967295"),
    ("seed=4294967296", "", "{} must be an integer from 0 to 4294967295"),
    ("name=../x", "", "{} leads out of outputs/; give a name without '..'"),
    ("name=''", "", "name='' must be non-empty text"),
    ("name=3", "", "{} must be non-empty text; quote it: name=\"'3'\""),
    ("project=null", "", "{} must be non-empty text"),
    ("compile=true", "", "nothing reads the key 'compile'; leave it out"),
    ("seeed=1", "", "nothing reads the key 'seeed'; did you mean 'seed'?"),
    ("lr=0.1", "", "nothing reads the key 'lr'; did you mean 'optimizer.lr'?"),
    ("overwrite=1", "", "{} must be true or false"),
    ("first_stage=5", "", "{} must be text or null; quote it: first_stage=\"'5'\""),
    ("encoder.channels=[]", "", "{} must be a non-empty list of integers from 1 to 1048576 (conf/encoder/conv.yaml)"),
    (
        "encoder.channels=[32,-1]",
        "",
        "{} must be a non-empty list of integers from 1 to 1048576 (conf/encoder/conv.yaml)",
    ),
    (
        "encoder.activation=relu",
        "",
        "{} must be a Module (a node with _target_, not _partial_) (conf/encoder/conv.yaml)",
    ),
    (
        "encoder.activation._target_=torch.nn.Relu",
        "",
        "encoder.activation (conf/encoder/conv.yaml): no 'Relu' in torch.nn; did you mean 'ReLU'?",
    ),
    ("encoder.activation.inplace=2", "", "{} must be true or false (conf/encoder/conv.yaml)"),
    ("encoder._partial_=maybe", "", "{} must be true or false (conf/encoder/conv.yaml)"),
    (
        "encoder._target_=3",
        "",
        (
            "encoder (conf/encoder/conv.yaml): '_target_=3' is not the dotted name of a class or function, as in "
            "torch.nn.ReLU"
        ),
    ),
    ("encoder.hidden=[10,0]", "encoder=mlp", "{} must be a list of integers from 1 to 1048576 (conf/encoder/mlp.yaml)"),
    ("decoder.num_features=1.0", "", "{} must be an integer from 1 to 1048576 (conf/decoder/conv.yaml)"),
    ("objective.beta=abc", "", "{} must be a number of at least 0 (conf/objective/elbo.yaml)"),
    ("objective.beta=-1", "", "{} must be a number of at least 0 (conf/objective/elbo.yaml)"),
    ("objective.beta=.nan", "", "objective.beta=nan must be a finite number of at least 0 (conf/objective/elbo.yaml)"),
    ("objective.num_samples=0", "objective=iwae", "{} must be an integer of at least 1 (conf/objective/iwae.yaml)"),
    (
        "objective.gradient=sticking_the_landin",
        "objective=iwae",
        (
            "{} must be reparameterized, sticking_the_landing or doubly_reparameterized; did you mean "
            "'sticking_the_landing'? (conf/objective/iwae.yaml)"
        ),
    ),
    ("objective.kernel=gauss", "objective=info", "{} must be rbf or inverse_multiquadratic (conf/objective/info.yaml)"),
    (
        "objective.covariance=mean",
        "objective=dip_i",
        "{} must be means or aggregate; did you mean 'means'? (conf/objective/dip_i.yaml)",
    ),
    (
        "posterior.flow.features=3",
        "posterior=nsf",
        "posterior.flow (conf/posterior/nsf.yaml): NSF gets 'features' at run time; leave it out",
    ),
    (
        "encoder.condition_size=3",
        "",
        "encoder (conf/encoder/conv.yaml): Conv gets 'condition_size' at run time; leave it out",
    ),
    (
        "optimizer.params=[1]",
        "",
        "optimizer (conf/optimizer/adam.yaml): Adam gets 'params' at run time; leave it out",
    ),
    ("posterior.flow.bins=1", "posterior=nsf", "{} must be an integer of at least 2 (conf/posterior/nsf.yaml)"),
    (
        "posterior.flow.hidden_features=64",
        "posterior=nsf",
        "{} must be a list of integers from 1 to 1048576 (conf/posterior/nsf.yaml)",
    ),
    (
        "posterior.flow.hiden_features=[3]",
        "posterior=nsf",
        (
            "posterior.flow (conf/posterior/nsf.yaml): NSF has no argument 'hiden_features'; did you mean "
            "'hidden_features'?"
        ),
    ),
    (
        "posterior.temperature=0",
        "posterior=gumbel_softmax",
        "{} must be a number above 0 (conf/posterior/gumbel_softmax.yaml)",
    ),
    ("prior.from_data='no'", "prior=vamp", "prior.from_data=no must be true or false (conf/prior/vamp.yaml)"),
    ("likelihood.scale=0", "likelihood=gaussian", "{} must be a number above 0 (conf/likelihood/gaussian.yaml)"),
    (
        "likelihood.decay=1",
        "likelihood=gaussian_optimal",
        "{} must be a number of at least 0 and below 1 (conf/likelihood/gaussian_optimal.yaml)",
    ),
    ("kl.steps=-1", "", "{} must be an integer of at least 0 (conf/kl/linear.yaml)"),
    ("kl.epochs=-1", "", "{} must be a number of at least 0 or null (conf/kl/linear.yaml)"),
    ("kl.ramp=0", "kl=cyclical", "{} must be a number above 0 and at most 1 (conf/kl/cyclical.yaml)"),
    ("optimizer.lr=-1", "", "{} must be a number of at least 0 (conf/optimizer/adam.yaml)"),
    (
        "optimizer.betas=[0.9,1.5]",
        "",
        "{} must be a list of 2 numbers of at least 0 and below 1 (conf/optimizer/adam.yaml)",
    ),
    ("optimizer.fused=3", "", "{} must be true, false or null (conf/optimizer/adam.yaml)"),
    ("optimizer.lrr=1", "", "optimizer (conf/optimizer/adam.yaml): Adam has no argument 'lrr'; did you mean 'lr'?"),
    ("scheduler.T_max=0", "scheduler=cosine", "{} must be an integer of at least 1 (conf/scheduler/cosine.yaml)"),
    ("trainer.max_epochs=0", "", "{} must be an integer of at least 1, -1 or null (conf/trainer/cpu.yaml)"),
    (
        "trainer.precision=foo",
        "",
        "{} must be auto, 32-true, bf16-mixed, 16-mixed, 64-true, bf16-true, 16-true, 32, bf16, 16 or 64 "
        "(conf/trainer/cpu.yaml)",
    ),
    (
        "trainer.devices=[]",
        "",
        (
            "{} must be an integer of at least 1, -1, auto or a non-empty list of integers of at least 0 "
            "(conf/trainer/cpu.yaml)"
        ),
    ),
    (
        "trainer.accelerator=gpus",
        "",
        "{} must be auto, cpu, gpu, cuda, mps or tpu; did you mean 'gpu'? (conf/trainer/cpu.yaml)",
    ),
    ("trainer.log_every_n_steps=0", "", "{} must be an integer of at least 1 or null (conf/trainer/cpu.yaml)"),
    ("trainer.gradient_clip_val=abc", "", "{} must be a number of at least 0 or null (conf/trainer/cpu.yaml)"),
    ("trainer.use_distributed_sampler=true", "", "{} must be false (conf/trainer/cpu.yaml)"),
    (
        "trainer.limit_train_batches=1.5",
        "",
        "{} must be an integer of at least 1, a number above 0 and at most 1 or null (conf/trainer/cpu.yaml)",
    ),
    ("trainer.fast_dev_run=true", "", "{} must be false (conf/trainer/cpu.yaml)"),
    ("trainer.logger=false", "", "trainer.logger is set by vaelab itself; choose logger=[...], or logger=[] for none"),
    (
        "callbacks.checkpoint.mode=maximum",
        "",
        "{} must be min or max; did you mean 'max'? (conf/callbacks/checkpoint.yaml)",
    ),
    (
        "callbacks.checkpoint=null",
        "",
        "{} must be a Callback (a node with _target_, not _partial_) (conf/callbacks/checkpoint.yaml)",
    ),
    (
        "callbacks.latent_traversal.quantiles=[0,1]",
        "",
        "{} must be a non-empty list of numbers above 0 and below 1 (conf/callbacks/latent_traversal.yaml)",
    ),
    (
        "callbacks.evaluate.during_training=importance",
        "",
        "{} must be a list of text; did you mean [importance]? (conf/callbacks/evaluate.yaml)",
    ),
    (
        "callbacks.evaluate.measures=null",
        "",
        "{} must be a dictionary of nodes for Measure objects (conf/callbacks/evaluate.yaml)",
    ),
    (
        "callbacks.health_check.checks.sharpness=null",
        "",
        "{} must be a Check (a node with _target_, not _partial_) (conf/callbacks/health_check.yaml)",
    ),
    (
        "callbacks.health_check.checks.sharpness.low=abc",
        "",
        "{} must be a number of at least 0 (conf/callbacks/health_check.yaml)",
    ),
    (
        "callbacks.ema.decay=1",
        "callbacks=[ema]",
        "{} must be a number of at least 0 and below 1 (conf/callbacks/ema.yaml)",
    ),
    (
        "evaluation.sample_quality.kid_subset_size=0",
        "",
        "{} must be an integer of at least 2 (conf/evaluation/sample_quality.yaml)",
    ),
    (
        "evaluation.sample_quality.scores=[fidd]",
        "",
        "{} must be a non-empty list of fid, kid or prdc (conf/evaluation/sample_quality.yaml)",
    ),
    ("features.epochs=0", "", "{} must be an integer of at least 1 (conf/features/cnn.yaml)"),
    ("features.layer=100", "features=inception", "{} must be 64, 192, 768 or 2048 (conf/features/inception.yaml)"),
    (
        "adversary.optimizer.lr=abc",
        "model=factor_vae",
        "{} must be a number of at least 0 (conf/adversary/factor.yaml)",
    ),
    ("model.interval=0", "model=lagging_vae", "{} must be an integer of at least 1 (conf/model/lagging_vae.yaml)"),
    ("codebook.num_codes=1", "model=vq_vae", "{} must be an integer from 2 to 1048576 (conf/codebook/vq.yaml)"),
    (
        "codebook.levels=[2]",
        "model=fsq_vae",
        "{} must be a non-empty list of integers from 3 to 1048576 (conf/codebook/fsq.yaml)",
    ),
    ("latent.num_levels=0", "model=hvae", "{} must be an integer of at least 1 (conf/latent/hierarchical.yaml)"),
    (
        "model.latent=null",
        "",
        "{} must be a LatentStructure (a node with _target_, not _partial_) (conf/model/vae.yaml)",
    ),
    (
        "model._target_=vaelab.model.vae.VEA",
        "",
        "model (conf/model/vae.yaml): no 'VEA' in vaelab.model.vae; did you mean 'VAE'?",
    ),
    ("latent_dim=${latnt}", "", "latent_dim: no key for '${{latnt}}'; did you mean 'latent'?"),
    (
        "seed=${oc.env:NO_SUCH_VARIABLE}",
        "",
        ("seed: '${{oc.env:NO_SUCH_VARIABLE}}' does not resolve: Environment variable 'NO_SUCH_VARIABLE' not found"),
    ),
    (
        "encoder.num_features=${latent_dim}5",
        "",
        "{}, which is '85', must be an integer from 1 to 1048576 (conf/encoder/conv.yaml)",
    ),
    (
        "plugins=[nosuch]",
        "",
        "{}: no module 'nosuch'; install it, or add its folder to PYTHONPATH",
    ),
    ("plugins=[.a]", "", "{}: a package needs a name"),
    # A reference is where it was typed
    ("latent_dim=${project}", "", "{}, which is vaelab, must be an integer from 1 to 1048576"),
    ("latent_dim=${group}", "", "{}, which is test, must be an integer from 1 to 1048576"),
    ("latent_dim=a${seed}", "", "{}, which is a0, must be an integer from 1 to 1048576"),
    ("latent_dim=${seed}${seed}", "", "{}, which is '00', must be an integer from 1 to 1048576"),
    (
        "optimizer.lr=${data.scale}",
        "",
        "{}, which is unit, must be a number of at least 0 (conf/optimizer/adam.yaml)",
    ),
    (
        "encoder.activation=${optimizer}",
        "",
        "{}, which is {{_target_:torch.optim.Adam}}, must give a Module (a node with _target_, not _partial_)"
        " (conf/encoder/conv.yaml)",
    ),
]


@pytest.mark.parametrize(("override", "choices", "sentence"), CASES, ids=[case[0] for case in CASES])
def test_a_value_that_does_not_fit(
    mistakes: Callable[..., list[str]], override: str, choices: str, sentence: str
) -> None:
    assert mistakes(override, *choices.split()) == [sentence.format(override)]


def test_all_mistakes_come_at_once_each_about_one_value(mistakes: Callable[..., list[str]]) -> None:
    found = mistakes("seed=-1 latent_dim=0 data.chunk=x objective.bta=1 optimizer._target_=torch.nn.ReLU compile=true")
    assert found == [
        "nothing reads the key 'compile'; leave it out",
        "seed=-1 must be an integer from 0 to 4294967295",  # of data, model and a training, and said once
        "latent_dim=0 must be an integer from 1 to 1048576",  # of posterior, prior and a training
        "data.chunk=x must be an integer of at least 1 (conf/data/digits.yaml)",
        "objective (conf/objective/elbo.yaml): ELBO has no argument 'bta'; did you mean 'beta'?",
        "optimizer (conf/optimizer/adam.yaml): ReLU has no argument 'lr'; it takes inplace",
        "optimizer (conf/optimizer/adam.yaml): ReLU has no argument 'fused'; it takes inplace",
        "optimizer._target_=torch.nn.ReLU must give an Optimizer (a node with _target_, _partial_) "
        "(conf/optimizer/adam.yaml)",
    ]


@pytest.mark.parametrize(
    ("overrides", "choices"),
    [
        ("objective.beta=0 optimizer.lr=1 optimizer.betas=[0,0.9] trainer.gradient_clip_val=1", ""),
        ("trainer.precision=32 trainer.devices=-1 trainer.max_epochs=-1 trainer.strategy=ddp_find_unused", ""),
        ("trainer.devices=[0,1] trainer.accelerator=gpu trainer.max_time=00:01:00:00 trainer.profiler=simple", ""),
        ("trainer.limit_train_batches=0.5 trainer.limit_val_batches=3 trainer.deterministic=warn", ""),
        ("plugins=[yaml,torch.nn] overwrite=true first_stage=outputs/x tags=[a,b]", ""),
        ("width=32 encoder.num_features=${width}", ""),  # a key of the user's own, to which a value refers
        ("kl.start=0 kl.stop=1 kl.steps=0 callbacks.free_bits.nats=0", "callbacks=[kl_annealing,free_bits]"),
        ('encoder.activation={"_target_":torch.nn.GELU}', ""),
        ('scheduler={"_target_":torch.optim.lr_scheduler.ReduceLROnPlateau,"_partial_":true}', ""),
        ('optimizer={"_target_":torch.optim.SGD,"_partial_":true,"lr":1,"momentum":0.9}', ""),
        ('trainer.strategy={"_target_":lightning.pytorch.strategies.DDPStrategy,"static_graph":true}', ""),
    ],
)
def test_a_value_that_fits(mistakes: Callable[..., list[str]], overrides: str, choices: str) -> None:
    assert mistakes(overrides, *choices.split()) == []


@pytest.mark.parametrize(
    ("annotation", "value", "fits"),
    [
        (float, 1, True),
        (float, True, False),
        (float, float("nan"), False),
        (int, True, False),
        (int, 2.0, False),
        (int, 2**63, False),
        (bool, 1, False),
        (bool, "off", False),
        (str, 3, False),
        (Path, "a/b", True),
        (Sequence[int], [1, 2], True),
        (Sequence[int], "12", False),
        (tuple[float, float], [0.9, 1], True),
        (tuple[float, float], [0.9], False),
        (tuple[int, ...], [1, 2, 3], True),
        (Mapping[str, int], {"a": 1}, True),
        (Mapping[str, int], {"a": "b"}, False),
        (Literal["a", 2] | None, None, True),
        (Literal["a", 2] | None, "2", False),
        (Annotated[float, Gt(0), Le(1)], 0, False),
        (Annotated[float, Gt(0), Le(1)], 1, True),
        (Annotated[Sequence[Annotated[int, Ge(1)]], MinLen(1)], [], False),
        (Tensor | float, 0.1, True),
        (Tensor, 0.1, False),
        (Literal[1, "a"], True, False),
        (Literal[1, "a"], 1.0, False),
        (Any, [{}], True),
        ("a name that nobody knows", 1, True),
        (NumClasses, "auto", True),
        (NumClasses, 0, True),
        (NumClasses, -1, False),
        (NumClasses, "automatic", False),
    ],
)
def test_types_are_strict_but_for_what_yaml_cannot_write(annotation: Any, value: Any, fits: bool) -> None:
    assert accepts(annotation, value) is fits


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Annotated[int, Ge(1)], "an integer of at least 1"),
        (Annotated[int, Ge(1), Le(3)], "an integer from 1 to 3"),
        (Annotated[float, Gt(0), Lt(1)], "a number above 0 and below 1"),
        (Annotated[float, Le(1)] | None, "a number of at most 1 or null"),
        (bool | str | None, "true, false, text or null"),
        (Literal["a", "b", "1"], "a, b or '1'"),
        (Annotated[Sequence[Annotated[float, Ge(0)]], MinLen(1)], "a non-empty list of numbers of at least 0"),
        (tuple[float, float], "a list of 2 numbers"),
        (Mapping[str, int], "a dictionary of integers"),
        (nn.Module, "a Module (a node with _target_, not _partial_)"),
        (Callable[..., Optimizer], "an Optimizer (a node with _target_, _partial_)"),
        (int | str | Path, "an integer or text"),
        (NumClasses, "an integer of at least 0 or auto"),
    ],
)
def test_annotations_in_plain_words(annotation: Any, words: str) -> None:
    assert describe(annotation) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ([1, "a", None], "[1,a,null]"),
        ({"a": [1.5]}, "{a:[1.5]}"),
        ("8", "'8'"),
        ("", "''"),
        ("off", "off"),
        ("a" * 100, "a" * 80 + "…"),
    ],
)
def test_values_are_shown_as_a_command_line_takes_them(value: Any, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("trainer.devices", "trainer.devices is not set; give trainer.devices=..."),
        ("seed", "seed is not set; give seed=..."),
        ("data", "data is not set; give data=..."),
        ("encoder.channels", "encoder (conf/encoder/conv.yaml): Conv needs 'channels'"),
        (
            "encoder",
            "latent.encoder (conf/latent/single.yaml): '${encoder}' needs a choice of group encoder; "
            "give encoder=... (available: conv, map, mlp)",
        ),
    ],
)
def test_a_key_that_was_deleted_is_missed_once(composed: Callable[..., DictConfig], key: str, sentence: str) -> None:
    config = composed("data=digits").copy()
    OmegaConf.set_struct(config, False)
    config.sweep_name = "sweep"
    above, _, last = key.rpartition(".")
    del (OmegaConf.select(config, above) if above else config)[last]
    with pytest.raises(UserError) as caught:
        check(config, config.choices)
    assert str(caught.value) == f"config has 1 mistake:\n  {sentence}"
