"""Each mistake ends a training with one message on standard error, a status, and nothing left behind."""

import json
import os
from importlib import import_module
from pathlib import Path

import pytest
import torch
from commandline import FAST, call, only_run
from PIL import Image

from vaelab.cli import main
from vaelab.cli.launch import MAX_PROCESSES_PER_CORE

ONE = "config has 1 mistake:\n  "
DEVICES = (
    "must be an integer of at least 1, -1, auto or a non-empty list of integers of at least 0 (conf/trainer/smoke.yaml)"
)
MOST = MAX_PROCESSES_PER_CORE * len(os.sched_getaffinity(0))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return captured.err.strip()


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["model=cvea"], 2, "no model 'cvea' in conf/model; did you mean 'cvae'?"),
        (
            ["objective.betta=2"],
            2,
            "no key 'objective.betta'; did you mean 'objective.beta'? (use +objective.betta=2 to add a new key)",
        ),
        (
            ["+objective.x=1", "+prior.size=3"],
            1,
            "config has 2 mistakes:\n"
            "  prior (conf/prior/standard_normal.yaml): StandardNormal has no argument 'size'; it takes latent_dim\n"
            "  objective (conf/objective/elbo.yaml): ELBO has no argument 'x'; it takes beta, num_samples",
        ),
        (
            ["prior._target_=vaelab.prior.standard_normal.StandardNormall"],
            1,
            f"{ONE}prior (conf/prior/standard_normal.yaml): "
            "no 'StandardNormall' in vaelab.prior.standard_normal; did you mean 'StandardNormal'?",
        ),
        (["data.dequantization=off"], 1, f"{ONE}data.dequantization=off must be true or false (conf/data/digits.yaml)"),
        (["latent_dim=0"], 1, f"{ONE}latent_dim=0 must be an integer from 1 to 1048576"),
        (["+compile=true"], 1, f"{ONE}nothing reads the key 'compile'; leave it out"),
        (
            ["data.scale=none"],
            1,
            "likelihood 'bernoulli' needs x in [0, 1], but data 'digits' gave 0.00 to 255.00; set data.scale=unit",
        ),
        (
            ["model=cvae", "data=linear_gaussian", "likelihood=gaussian"],
            1,
            "condition 'label' needs labels, but the data has none; choose data with labels or set condition=none",
        ),
        (["trainer.devices=0"], 1, f"{ONE}trainer.devices=0 {DEVICES}"),
        (["trainer.devices=100000"], 1, f"trainer.devices=100000 is too many for the cores here: use at most {MOST}"),
        (["trainer.devices=two"], 1, f"{ONE}trainer.devices=two {DEVICES}"),
        (
            ["trainer=ddp_cpu", "trainer.devices=-1"],
            1,
            "trainer.devices=-1 is invalid; use an integer >= 1",
        ),
        (
            ["trainer.accelerator=abacus"],
            1,
            f"{ONE}trainer.accelerator=abacus must be auto, cpu, gpu, cuda, mps or tpu (conf/trainer/smoke.yaml)",
        ),
        (["trainer.strategy=none"], 1, "trainer 'smoke': You selected an invalid strategy name: `strategy='none'`"),
        (["optimizer.lr=-1"], 1, f"{ONE}optimizer.lr=-1 must be a number of at least 0 (conf/optimizer/adam.yaml)"),
        (
            ["callbacks=[kl_annealing,capacity]", "+callbacks.again=${callbacks.kl_annealing}"],
            1,
            "callbacks KLAnnealing and KLAnnealing both write 'weight'; keep one of them",
        ),
        (
            ["posterior.latent_dim=3"],
            1,
            "the posterior is over latents of shape [3], but the prior over [4]; "
            "set latent_dim, which both read, and not one of them alone",
        ),
        (["sweep=x"], 1, "sweep_name=x is for a multirun, and this is a single run; add -m, or leave it out"),
        (
            ["hydra/launcher=joblib"],
            1,
            "hydra/launcher=joblib is for a multirun, and this is a single run; add -m, or leave it out",
        ),
        (["-m", "--cfg", "job"], 2, "--multirun and --cfg are given together; leave one of them out"),
        (["--beta", "3"], 2, "no option '--beta'; a value is set without dashes, as in beta=3"),
        (["-beta=3"], 2, "no option '-beta=3'; a value is set without dashes, as in beta=3"),
        (["--beta", "a=3"], 2, "no option '--beta'; a value is set without dashes, as in beta=..."),
        (
            ["--config-name"],
            2,
            "argument --config-name/-cn: expected one argument; python train.py --hydra-help lists the options",
        ),
        (["ckpt=last"], 1, "no run with a checkpoint is under outputs/; give run=<folder>"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_mistake_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, sentence: str
) -> None:
    found = call(tmp_path, "train", *FAST, "trainer=smoke", *arguments)
    assert said(capsys) == sentence
    assert found == status
    assert not list(tmp_path.glob("outputs/*"))


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        (
            ["callbacks.checkpoint.monitor=elbo"],
            "trainer, callbacks or logger: `ModelCheckpoint(monitor='elbo')` could not",
        ),
        (
            ["+callbacks.stop._target_=lightning.pytorch.callbacks.EarlyStopping", "+callbacks.stop.monitor=val/x"],
            "trainer, callbacks or logger: Early stopping conditioned on metric `val/x` which is not available",
        ),
        (
            ["+trainer.val_check_interval=1000"],
            "trainer, callbacks or logger: `val_check_interval` (1000) must be less",
        ),
        (
            ["optimizer._target_=torch.optim.SparseAdam", "~optimizer.fused"],
            "optimizer or scheduler: SparseAdam does not support dense gradients",
        ),
        (["trainer.precision=bf16-true"], "trainer.precision=bf16-true keeps the weights themselves in 16 bits"),
        (
            ["callbacks=[checkpoint,latent_traversal]", "callbacks.latent_traversal.example=200"],
            "callbacks.latent_traversal.example=200 is not among the 200 validation examples; set it between 0 and 199",
        ),
        (
            ["likelihood.shape=[3]"],
            "the parts of the model do not fit each other or the data: too many values to unpack",
        ),
        (["encoder.shape=[1,8]"], "the parts of the model do not fit each other or the data: mat1 and mat2 shapes"),
        (
            ["trainer.limit_test_batches=0.001"],
            "trainer, callbacks or logger: You requested to check 0.001 of the `test",
        ),
        (
            ["encoder.hidden=[1048576,1048576]"],
            "model.latent: Single refuses its arguments: RuntimeError: ",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_a_library_refuses_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], beginning: str
) -> None:
    assert call(tmp_path, "train", *FAST, "trainer=smoke", *arguments) == 1
    sentence = said(capsys)
    assert sentence.startswith(beginning)
    assert "\n" not in sentence


def test_an_altered_data_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data/fashion_mnist/train-images-idx3-ubyte"
    path.parent.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (path.parent / f"{name}-ubyte").write_bytes(b"\0\0\x08")
    assert call(tmp_path, "train", *FAST, "data=fashion_mnist") == 1
    place = path.relative_to(tmp_path)
    assert said(capsys) == f"{place} is not an IDX file of bytes; delete it and run again"
    assert not list(tmp_path.glob("outputs/*"))


def test_a_folder_without_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert call(tmp_path, "train", *FAST, "data=image_folder", "data.source.root=empty") == 1
    assert said(capsys) == (
        "empty holds no images (.png, .jpg, .jpeg, .bmp, .gif, .tif, .tiff, .webp); set data.source.root to images"
    )
    assert not list(tmp_path.glob("outputs/*"))


def test_an_image_that_cannot_be_decoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    for number in range(8):
        Image.new("RGB", (4, 4)).save(tmp_path / f"images/{number}.png")
    (tmp_path / "images/5.png").write_bytes(b"no image")
    data = ("data=image_folder", "data.source.root=images", "data.shape=[3,4,4]", "data.num_workers=0")
    assert call(tmp_path, "train", *FAST, *data) == 1
    assert said(capsys) == (
        "images has 1 of 8 images that cannot be read: images/5.png is none of PNG, JPEG, BMP, GIF, TIFF, WEBP;"
        " repair or remove them, or set data.corrupt=skip"
    )
    assert not list(tmp_path.glob("outputs/*"))


def test_a_loss_that_is_not_a_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "train", *FAST, "trainer.max_epochs=3", "optimizer.lr=1e30") == 1
    assert said(capsys) == (
        "the loss became nan at step 1: term 'distortion' is not finite; the checkpoints saved before it are kept; "
        "try a smaller optimizer.lr or trainer.gradient_clip_val=1"
    )
    last = torch.load(only_run(tmp_path) / "checkpoints/last.ckpt", weights_only=True)
    assert all(value.isfinite().all() for value in last["state_dict"].values())


def test_a_command_that_does_not_exist(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["vaelab", "nonsense"])
    assert main.main() == 2
    assert said(capsys) == "no command 'nonsense' (available: train, evaluate, sample, report, runs, dashboard, doctor)"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    assert call(folder, "train", *FAST, "trainer=smoke") == 0
    return only_run(folder)


TAKES = "sample takes run, ckpt, num_samples, y, temperature, seed, plugins, picture"


@pytest.mark.parametrize(
    ("command", "argument", "status", "sentence"),
    [
        (
            "evaluate",
            "~data",
            1,
            "~data would leave out the data that . was trained with; give another as data=..., or leave ~data out",
        ),
        ("evaluate", "~codebook", 2, "Could not delete 'codebook'. No match in the defaults list"),
        *(
            (
                "sample",
                argument,
                1,
                f"{argument} cannot be changed in a model that is trained; {TAKES}; "
                "for another model start a new run with python train.py",
            )
            for argument in ("latent_dim=5", "+latent_dim=5", "data=mnist", "~data", "trainer.devices=2")
        ),
    ],
)
def test_what_a_trained_model_keeps(
    trained: Path, capsys: pytest.CaptureFixture[str], command: str, argument: str, status: int, sentence: str
) -> None:
    assert call(trained, command, "run=.", argument) == status
    assert said(capsys) == sentence


@pytest.mark.parametrize("command", ["train", "evaluate", "sample"])
@pytest.mark.parametrize("key", ["run", "ckpt"])
def test_one_of_two_would_be_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, key: str
) -> None:
    assert import_module(f"vaelab.cli.{command}").main([f"{key}=a", f"{key}=b"]) == 1
    assert said(capsys) == f"{key} is given twice, {key}=a and {key}=b, and only one would count"


@pytest.mark.parametrize("command", ["train", "evaluate", "sample"])
@pytest.mark.parametrize("empty", ["run=", "run=''", "ckpt="])
def test_a_folder_without_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, empty: str) -> None:
    assert call(tmp_path, command, empty) == 1
    assert said(capsys) == f"{empty.partition('=')[0]}= is empty; give a folder after it, or leave it out"


def test_doctor_takes_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "doctor", "data=digits", "run=x") == 1
    assert said(capsys).startswith("doctor checks what is not trained yet; leave out run=")


def test_a_run_that_goes_on_keeps_its_optimizer(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (trained / "config.yaml").read_text()
    assert call(trained, "train", "run=.", "optimizer.lr=0.1") == 1
    assert said(capsys) == (
        "optimizer.lr=0.1 would change the optimizer, which a run keeps; start a new run with it, from these weights "
        "by init_from=."
    )
    assert (trained / "config.yaml").read_text() == before


def test_a_mistake_while_resuming_changes_nothing(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {
        path: path.read_bytes()
        for path in trained.rglob("*")
        if path.is_file() and path.suffix != ".log" and path.name != ".lock"
    }
    assert call(trained, "train", "run=.", "latent_dim=7", "trainer.max_epochs=9") == 1
    assert "is of another model" in said(capsys)
    assert {path: path.read_bytes() for path in before} == before
    assert json.loads((trained / "results.json").read_text())
