"""vaelab in Python: errors as exceptions, and restored global state."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

import vaelab
from vaelab.api.loaded_run import LoadedRun
from vaelab.config.paths import CONF
from vaelab.storage.reservation import ARRAYS

SMALL = ("encoder=mlp", "decoder=mlp", "encoder.num_features=32", "decoder.num_features=32", "latent_dim=4")
FAST = (*SMALL, "logger=csv", "callbacks=[checkpoint,evaluate]", "evaluation=reconstruction", "trainer.max_epochs=1")
X = np.random.default_rng(0).integers(0, 256, (120, 12, 20), dtype=np.uint8)
Y = np.arange(120) % 3


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("python")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def run(workplace: Path) -> LoadedRun:
    """A conditional model of arrays."""
    return vaelab.train("model=cvae", *FAST, data=(X, Y))


def test_importing_and_composing_does_not_import_torch() -> None:
    code = "import sys, vaelab; vaelab.compose('model=vamp_vae'); vaelab.UserError; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "lightning", "wandb"} & set(done.stdout.split())
    assert set(vaelab.__all__) <= set(dir(vaelab))
    assert all(getattr(vaelab, name) for name in vaelab.__all__)
    assert (Path(vaelab.__file__).parent / "py.typed").is_file()


def test_a_composed_config_equals_that_of_the_command() -> None:
    config = vaelab.compose("model=beta_vae", "latent_dim=16", "data=digits")
    assert (config.choices.objective, config.name, config.prior.latent_dim) == ("beta", "beta_vae-digits", 16)
    config.latent_dim = 3
    assert config.prior.latent_dim == 3
    assert not HydraConfig.initialized()


def test_hydras_state_is_restored() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        vaelab.compose("data=digits")
        assert compose("train", ["name=x"]).name == "x"
    assert not GlobalHydra.instance().is_initialized()
    with pytest.raises(vaelab.UserError):
        vaelab.compose("model=vea")
    assert not GlobalHydra.instance().is_initialized()


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("model=vea", "no model 'vea' in conf/model; did you mean 'vae'?"),
        ("latent_dm=3", "no key 'latent_dm'; did you mean 'latent_dim'? (use +latent_dm=3 to add a new key)"),
        ("-m", "no option '-m' in Python; give overrides as key=value, and train several runs in a loop"),
        ("latent_dim=0", "config has 1 mistake:\n  latent_dim=0 must be an integer from 1 to 1048576"),
        ("run=nowhere", "nowhere is not a run folder: it has no config.yaml; runs are under outputs/<model>-<data>/"),
    ],
)
def test_mistakes_are_exceptions(workplace: Path, override: str, sentence: str, capfd: Any) -> None:
    before = set(workplace.rglob("*"))
    with pytest.raises(vaelab.UserError) as caught:
        vaelab.train(override)
    assert str(caught.value) == sentence
    assert capfd.readouterr().err == ""
    assert set(workplace.rglob("*")) <= before | {workplace / "outputs"}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (X[0, 0], "data=(x, y): x has shape [20]; make it [N, C, H, W], [N, H, W] or [N, D]"),
        ((X, Y[:3]), "data=(x, y): y has shape [3], but x has 120 examples; make it [120]"),
        ((X, Y, Y), "data=... must be x or (x, y), but 3 arrays were given"),
    ],
)
def test_invalid_arrays(workplace: Path, data: Any, sentence: str) -> None:
    before = set(workplace.rglob("*"))
    with pytest.raises(vaelab.UserError) as caught:
        vaelab.train(*FAST, data=data)
    assert str(caught.value) == sentence
    assert set(workplace.rglob("*")) == before


def test_data_is_given_once(workplace: Path) -> None:
    with pytest.raises(vaelab.UserError, match=r"data=digits is given together with data=\(x, y\)"):
        vaelab.train("data=digits", *FAST, data=X)


def test_a_run_is_there_when_training_is_over(run: LoadedRun) -> None:
    assert run.folder.parent == Path("outputs/cvae-array")
    assert run.results["elbo"]["value"] < 0
    assert len({len(column) for column in run.metrics.values()}) == 1
    assert {"step", "val/elbo"} <= run.metrics.keys()
    assert sum(len(run.data.split(name)) for name in ("train", "validation", "test")) == 120


def test_it_encodes_decodes_and_samples(run: LoadedRun) -> None:
    test = run.data.split("test")
    z = run.encode(test.x, test.y)
    assert z.shape == (12, 4)
    torch.testing.assert_close(run.encode(test.x.numpy()[:, 0], test.y.numpy()), z)  # uint8, one channel
    torch.testing.assert_close(run.encode(test.x / 255, test.y), z)
    torch.testing.assert_close(run.decode(z.numpy(), test.y), run.reconstruct(test.x, test.y))
    assert run.sample(5, y=2).shape == run.sample(5).shape == (5, 1, 12, 20)
    assert torch.equal(run.sample(5, y=2, seed=3), run.sample(5, y=2, seed=3))
    assert not torch.equal(run.sample(5, y=2, seed=3), run.sample(5, y=2, seed=4))
    torch.testing.assert_close(run.decode(z, 1), run.decode(z, [1] * 12))
    for y in (np.int64(1), torch.tensor(1), [np.int64(1)], np.array([1]), (1,)):
        assert torch.equal(run.sample(2, y=y), run.sample(2, y=1))


def test_a_long_array_is_encoded_in_chunks(run: LoadedRun) -> None:
    x = np.resize(X, (1100, 12, 20))
    z = run.encode(x, 1)
    torch.testing.assert_close(z[600:610], run.encode(x[600:610], 1))
    assert run.encode(x[:0], 1).shape == (0, 4)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (
            lambda run: run.encode(X),
            "this model is conditional and needs the class of each example; give y=..., by name or number",
        ),
        (lambda run: run.encode(X, Y[:3]), "y has 3 labels, but there are 120 examples; give one for each, or one"),
        (lambda run: run.encode(X[:, :3], Y), "x has shape [120, 1, 3, 20], but the run's model takes [N, 1, 12, 20]"),
        (lambda run: run.sample(3, y=7), "y=7 is not a class of this data; set it to a label from 0 to 2"),
        (lambda run: run.sample(3, y=[]), "y=[] is empty"),
        (lambda run: run.sample(3, temperature=[1.0, 2.0]), "temperature=[1.0, 2.0] has an entry for each level"),
        (lambda run: vaelab.load(run.folder, ckpt="worst"), "has no checkpoint 'worst'; give best or last"),
    ],
)
def test_invalid_arguments(run: LoadedRun, question: Any, sentence: str) -> None:
    with pytest.raises(vaelab.UserError) as caught:
        question(run)
    assert sentence in str(caught.value)


def test_it_resumes_and_can_be_moved(run: LoadedRun, workplace: Path) -> None:
    before = (run.folder / ARRAYS).read_bytes()
    longer = vaelab.train(f"run={run.folder}", "trainer.max_epochs=2")
    assert longer.folder == run.folder
    assert max(longer.metrics["step"]) > max(step for step in longer.metrics["step"] if step < 2)
    moved = workplace / "elsewhere"
    run.folder.rename(moved)
    try:
        loaded = vaelab.load(moved)
        assert len(loaded.data.split("test")) == 12
        assert torch.equal(loaded.encode(X, Y), longer.encode(X, Y))
        assert (moved / ARRAYS).read_bytes() == before
    finally:
        moved.rename(run.folder)


def state() -> list[Any]:
    """What a notebook shares with vaelab; of the environment what vaelab or Lightning's seeding would set."""
    ours = ("PL_", "RANK", "LOCAL_RANK", "WORLD_SIZE", "HYDRA_", "GOMP_")
    environment = {name: value for name, value in os.environ.items() if name.startswith(ours)}
    checks = torch.distributions.Distribution._validate_args
    return [signal.getsignal(signal.SIGINT), torch.get_default_dtype(), environment, list(sys.argv), Path.cwd(), checks]


def test_the_state_of_the_process_is_restored(run: LoadedRun) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    before = state()
    vaelab.build("model=vae", "data=digits", *SMALL)
    vaelab.load(run.folder).encode(X, 1)
    vaelab.train("data=digits", *FAST, "trainer.precision=64-true")
    assert state() == before
    assert torch.equal(torch.rand(3), expected)


def test_labels_for_an_unconditional_model(workplace: Path) -> None:
    run = vaelab.train("data=digits", *FAST)
    assert run.encode(run.data.split("test").x).shape == (360, 4)
    with pytest.raises(vaelab.UserError, match="y gives labels, but this model is unconditional; leave y out"):
        run.encode(run.data.split("test").x, 1)


def test_an_interruption_saves_and_says_how_to_resume(workplace: Path) -> None:
    before = signal.getsignal(signal.SIGINT)

    def interrupt() -> None:
        while not list(workplace.glob("outputs/stopped/*/checkpoints/last.ckpt")):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=interrupt)
    watcher.start()
    with pytest.raises(
        KeyboardInterrupt, match=r"everything is saved; resume with python train.py run=outputs/stopped"
    ):
        vaelab.train("data=digits", "name=stopped", *FAST[:-1], "trainer.max_epochs=100000")
    watcher.join()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_class_of_the_notebook_is_a_part(workplace: Path) -> None:
    code = f"""
import vaelab, torch
from vaelab.encoder.mlp import MLP
from vaelab.ranges import Shape, Supplied, Width


class Mine(MLP):
    def __init__(self, shape: Shape, num_features: Width, condition_size: Supplied) -> None:
        super().__init__(shape, [], num_features, torch.nn.ReLU(), False, condition_size)


own = ["encoder._target_=__main__.Mine", "~encoder.hidden", "~encoder.gated", "~encoder.activation"]
run = vaelab.train("data=digits", *{FAST}, *own)
assert type(run.model.latent.encoder) is Mine
try:
    vaelab.load(run.folder)
except vaelab.UserError as error:
    assert str(error).endswith("if you trust it, add plugins=[__main__]"), error
assert vaelab.load(run.folder, plugins=["__main__"]).encode(torch.zeros(2, 1, 8, 8)).shape == (2, 4)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=workplace)
    assert done.returncode == 0, done.stderr
