"""Each source against known moments, densities and checksums."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from PIL import Image
from scipy import stats
from sklearn.datasets import load_digits

from vaelab.data.digits import Digits
from vaelab.data.fashion_mnist import FashionMNIST
from vaelab.data.fetch import Way, fetch
from vaelab.data.idx import load_part, read_idx
from vaelab.data.image_folder import ImageFolder
from vaelab.data.linear_gaussian import LinearGaussian
from vaelab.data.mnist import MNIST

CONF = Path(__file__).parents[2] / "conf"
CHOICES = sorted(path.stem for path in (CONF / "data").glob("[!_]*.yaml"))


@pytest.mark.parametrize("choice", CHOICES)
def test_every_data_config_builds(choice, tmp_path):
    changes = [f"+data={choice}", "+seed=3"]
    changes += {
        "image_folder": [f"data.source.root={tmp_path}"],
        "array": [f"data.source.path={tmp_path / 'x.npz'}"],
    }.get(choice, [])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        module = instantiate(compose(overrides=changes).data, _convert_="all")
    assert module.seed == 3
    assert (CONF / "data" / f"{choice}.yaml").read_text().startswith("# ")


def test_digits_are_those_of_scikit_learn():
    x = torch.cat([Digits().load(part).x for part in ("train", "test")])
    grey = (x.double() * 16 / 255).round()
    assert x.min() == 0
    assert x.max() == 255
    images = {image.tobytes() for image in load_digits().images.astype(np.uint8)}
    assert {image.numpy().astype(np.uint8).tobytes() for image in grey} == images


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian(5, 2, 0.5, 100_000, 1000, 0)


def test_linear_gaussian_draws_from_its_density(linear):
    x = linear.load("train").x
    covariance = linear.weight @ linear.weight.T + 0.25 * torch.eye(5)
    torch.testing.assert_close(x.mean(0), linear.bias, atol=0.03, rtol=0)
    torch.testing.assert_close(x.T.cov(), covariance, atol=0.1, rtol=0)


def test_linear_gaussian_log_prob_is_that_of_scipy(linear):
    x = linear.load("test").x.double()
    weight, bias = linear.weight.double().numpy(), linear.bias.double().numpy()
    expected = stats.multivariate_normal(bias, weight @ weight.T + 0.25 * np.eye(5)).logpdf(x.numpy())
    torch.testing.assert_close(linear.log_prob(x), torch.from_numpy(expected))


def test_linear_gaussian_posterior_is_diagonal(linear):
    gram = linear.weight.T @ linear.weight
    torch.testing.assert_close(gram, gram.diagonal().diag(), atol=1e-5, rtol=0)


def test_linear_gaussian_is_the_same_again_and_its_parts_differ(linear):
    again = LinearGaussian(5, 2, 0.5, 100_000, 1000, 0)
    assert torch.equal(again.load("test").x, linear.load("test").x)
    assert not torch.equal(again.load("train").x[:1000], linear.load("test").x)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def tiny(tmp_path):
    """IDX files of 3 images and their checksums."""
    contents = {}
    for part in ("train", "t10k"):
        contents[f"{part}-images-idx3-ubyte"] = idx(np.arange(12).reshape(3, 2, 2))
        contents[f"{part}-labels-idx1-ubyte"] = idx(np.array([2, 0, 1]))
    return contents, {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_unpacked_or_compressed(tmp_path, tiny, packed):
    contents, checksums = tiny
    for name, content in contents.items():
        path = tmp_path / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    examples = load_part(tmp_path, "test", checksums)
    assert torch.equal(examples.x, torch.arange(12, dtype=torch.uint8).view(3, 1, 2, 2))
    assert examples.y.tolist() == [2, 0, 1]


def test_fetch_takes_each_file_from_the_first_valid_source(tmp_path, tiny):
    contents, checksums = tiny
    here = tmp_path / "here"

    def bring(altered):
        def files(scratch, names):
            for name in names:
                wrong = name.startswith("t10k") and altered
                (scratch / f"{name}.gz").write_bytes(gzip.compress(b"other" if wrong else contents[name]))
            return scratch

        return files

    fetch(here, checksums, [Way("half wrong", bring(altered=True)), Way("right", bring(altered=False))])
    assert {path.name for path in here.iterdir()} == set(contents)
    assert all(read_idx(here / name, checksum) is not None for name, checksum in checksums.items())


@pytest.mark.parametrize("num_workers", [0, 2])
def test_image_folder_fits_and_crops_and_labels(tmp_path, data, num_workers):
    # A white square in the middle third of a wide black image is all that the crop leaves.
    for number in range(6):
        wide = np.zeros((8, 24, 3), np.uint8)
        wide[:, 8:16] = 255
        folder = tmp_path / ("cat" if number % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(wide).save(folder / f"{number}.png")
    source = ImageFolder(str(tmp_path), [1, 4, 4], 1 / 3, 0, cache=str(tmp_path / ".scans"))
    module = data(source, shape=[1, 4, 4], num_classes=2, num_validation=1, chunk=2, num_workers=num_workers)
    module.setup(None)
    assert [len(module.split(name)) for name in ("train", "validation", "test")] == [3, 1, 2]
    for batch in (batch for name in ("train", "test") for batch in module.loader(name)):
        assert batch.x.dtype == torch.uint8
        # Downscaling with antialiasing greys the outer columns a little.
        assert (batch.x[..., 1:3] == 255).all()
    names = [path for name in ("train", "validation", "test") for path in module.split(name).paths]
    labels = torch.cat([module.split(name).y for name in ("train", "validation", "test")])
    assert len(set(names)) == 6
    assert [path.parent.name for path in names] == [("cat", "dog")[label] for label in labels.tolist()]


def test_image_folder_with_a_split_of_its_own(tmp_path):
    for name in ("train/1.jpg", "train/2.JPG", "test/3.jpeg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (9, 5)).save(tmp_path / name)
    source = ImageFolder(str(tmp_path), [3, 4, 4], 0.1, 0, cache=str(tmp_path / ".scans"))
    assert [path.name for path in source.load("train").paths] == ["1.jpg", "2.JPG"]
    assert [path.name for path in source.load("test").paths] == ["3.jpeg"]
    assert source.load("train").y is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "mean", "counts"),
    [
        (FashionMNIST, 0.2860, [6000] * 10),
        (MNIST, 0.1307, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
    ],
)
def test_real_files_can_be_fetched(tmp_path, source, mean, counts):
    train, test = (source(str(tmp_path)).load(part) for part in ("train", "test"))
    assert train.x.shape == (60_000, 1, 28, 28)
    assert test.x.shape == (10_000, 1, 28, 28)
    assert abs(train.x.double().mean() / 255 - mean) < 1e-4
    assert train.y.bincount().tolist() == counts
    assert test.y.unique().tolist() == list(range(10))
