"""dSprites: effects of the factors, splits, and invalid files."""

import math
from itertools import product
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import torch

from vaelab.data.dsprites import SIZES, DSprites
from vaelab.data.examples import Examples, KnowsFactors
from vaelab.data.published_sprites import NAME, PublishedSprites
from vaelab.data.sprites import NUM_ORIENTATIONS, NUM_SCALES, SHAPES, sprites
from vaelab.errors import UserError

TOTAL = 737_280
SMALL = (3, 2, 2)  # sizes of a made-up set of 12 images


@pytest.fixture(scope="module")
def source() -> DSprites:
    return DSprites("nowhere", TOTAL - 10_000, 10_000, 0)


def factors_drawn(num: int) -> torch.Tensor:
    return torch.stack([torch.randint(size, (num,)) for size in SIZES], 1)


def test_sprites_are_white_on_black_and_of_every_kind():
    x = sprites()
    assert x.shape == (len(SHAPES), NUM_SCALES, NUM_ORIENTATIONS, 33, 33)
    assert x.unique().tolist() == [0, 255]


def test_a_square_of_half_the_scale_covers_a_quarter_of_the_pixels():
    area = (sprites()[:, :, 0] > 0).sum((-1, -2))
    assert (area.diff(dim=1) > 0).all()
    torch.testing.assert_close(area[:, 0] / area[:, -1], torch.full((3,), 0.25), atol=0.03, rtol=0)
    assert area[0, -1] == 23**2  # corners 15.9 pixels from the middle


def test_turning_keeps_the_area_and_a_quarter_turns_rows_into_columns():
    x = sprites() > 0
    area = x.sum((-1, -2)).double()
    assert (area.std(2) / area.mean(2) < 0.03).all()
    assert torch.equal(x[:, :, -1], x[:, :, 0])
    wide, high = x[1, 5, 0], x[1, 5, 10]  # an ellipse, and the same turned by 92 degrees
    assert wide.any(0).sum() > 1.7 * wide.any(1).sum()
    assert high.any(1).sum() > 1.7 * high.any(0).sum()


def test_a_heart_is_symmetric_with_its_tip_down_and_a_dent_on_top():
    heart = sprites()[2, 5, 0] > 0
    assert torch.equal(heart, heart.flip(1))
    rows = heart.sum(1)[heart.any(1)]
    assert rows[-1] == 1
    assert rows.argmax() < len(rows) / 2
    middle = heart[:, 16]
    assert middle.nonzero()[0] > heart.any(1).nonzero()[0]


def test_turning_is_counter_clockwise():
    quarter = sprites()[2, 5, 10] > 0  # the tip points right
    columns = quarter.sum(0)[quarter.any(0)]
    assert columns[-1] < columns[0]


def test_every_sprite_is_whole_in_every_corner(source):
    middle = source.images(torch.tensor([*product(range(3), range(6), range(40), [16], [16])]))
    for x, y in product((0, 31), repeat=2):
        factors = torch.tensor([*product(range(3), range(6), range(40), [x], [y])])
        images = source.images(factors)
        assert torch.equal(images.roll((16 - y, 16 - x), (-2, -1)), middle)
        assert torch.equal((images > 0).sum((1, 2, 3)), (sprites() > 0).sum((-1, -2)).flatten())


def test_positions_move_by_a_pixel_to_the_right_and_downwards(source):
    images = source.images(torch.tensor([[2, 5, 7, 3, 4], [2, 5, 7, 4, 4], [2, 5, 7, 3, 5]]))
    assert torch.equal(images[1], images[0].roll(1, -1))
    assert torch.equal(images[2], images[0].roll(1, -2))


def test_a_split_knows_its_factors_and_draws_by_them(source):
    split = source.load("test")
    index = torch.tensor([9_999, 3, 3])
    batch = split[index]
    assert batch.x.dtype == torch.uint8
    assert torch.equal(batch.x, source.images(split.factors[index]))
    assert torch.equal(batch.y, split.factors[index, 0])
    assert torch.equal(batch.index, index)
    part = split.subset(index)
    assert torch.equal(part[[0, 2]].x, batch.x[[0, 2]])
    assert split[[]].x.shape == (0, 1, 64, 64)


def test_train_and_test_hold_each_combination_once(source):
    train, test = source.load("train"), source.load("test")
    assert (len(train), len(test)) == (727_280, 10_000)
    assert torch.equal(torch.cat([train.number, test.number]).sort().values, torch.arange(TOTAL))
    assert torch.equal(torch.stack([train.factors.amin(0), train.factors.amax(0) + 1]), torch.tensor([[0] * 5, SIZES]))


def test_the_seed_chooses_the_test_split_and_num_train_the_size_of_train():
    number = lambda part, num_train, seed: DSprites("nowhere", num_train, 10, seed).load(part).number  # noqa: E731
    assert torch.equal(number("test", 5, 0), number("test", 9, 0))
    assert torch.equal(number("train", 5, 0), number("train", 9, 0)[:5])
    assert not torch.equal(number("test", 5, 0), number("test", 5, 1))


def test_its_images_have_known_factors_and_others_have_not(source):
    assert isinstance(source, KnowsFactors)
    assert not isinstance(Examples(torch.zeros(1), None), KnowsFactors)
    assert len(source.factor_names) == len(source.factor_sizes) == 5


def test_a_batch_takes_a_few_milliseconds(source):
    factors = factors_drawn(128)
    seconds = []
    for _ in range(20):
        start = perf_counter()
        source.images(factors)
        seconds.append(perf_counter() - start)
    assert min(seconds) < 5e-3


@pytest.mark.parametrize(("num_train", "num_test"), [(0, 10), (10, 0), (TOTAL - 9, 10)])
def test_invalid_split_sizes(num_train, num_test):
    with pytest.raises(UserError, match=r"^data.source.num_train=\d+ and num_test=\d+ do not fit into 737280 images"):
        DSprites("nowhere", num_train, num_test, 0)


def published(path: Path, **changes: np.ndarray) -> tuple[Path, np.ndarray]:
    """An archive of 12 random images in the published form, and the images."""
    images = np.random.default_rng(0).integers(0, 2, (12, 64, 64), dtype=np.uint8)
    classes = np.stack(np.unravel_index(np.arange(12), (1, *SMALL)), 1)
    arrays = {"imgs": images, "latents_classes": classes, "metadata": np.array({}, dtype=object), **changes}
    np.savez_compressed(path / NAME, **{key: value for key, value in arrays.items() if value is not None})
    return path / NAME, images


def test_the_published_file_gives_its_own_images(tmp_path):
    path, images = published(tmp_path)
    stored = PublishedSprites(path, SMALL)
    factors = torch.tensor([*product(*map(range, SMALL))])
    assert torch.equal(stored(factors)[:, 0], 255 * torch.from_numpy(images))
    assert torch.equal(stored(factors[[7, 2]])[:, 0], 255 * torch.from_numpy(images[[7, 2]]))
    assert stored.bits.nbytes == images.size // 8


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"imgs": None}, "it holds no array imgs"),
        ({"latents_classes": None}, "it holds no array latents_classes"),
        ({"imgs": np.zeros((12, 32, 32), np.uint8)}, "imgs is uint8 [12, 32, 32] in place of uint8 [12, 64, 64]"),
        ({"imgs": np.zeros((12, 64, 64))}, "imgs is float64 [12, 64, 64] in place of uint8 [12, 64, 64]"),
        ({"imgs": np.full((12, 64, 64), 255, np.uint8)}, "pixels reach 255 where they should be 0 or 1"),
        (
            {"imgs": np.asfortranarray(np.zeros((12, 64, 64), np.uint8))},
            "imgs is uint8 [12, 64, 64] by columns in place of uint8 [12, 64, 64]",
        ),
        (
            {"latents_classes": np.stack(np.unravel_index(np.arange(12)[::-1], (1, *SMALL)), 1)},
            "its latents_classes are not in the canonical order",
        ),
    ],
)
def test_invalid_files_are_an_error(tmp_path, changes, fact):
    path, _ = published(tmp_path, **changes)
    with pytest.raises(UserError) as caught:
        PublishedSprites(path, SMALL)
    assert str(caught.value) == (
        f"{path} is not dSprites as published ({fact}); download it again, or remove it to use generated sprites"
    )


@pytest.mark.parametrize("kept", [0, 100, 3000, -30])
def test_a_truncated_file_is_an_error(tmp_path, kept):
    path, _ = published(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"is not dSprites as published \(it cannot be unpacked"):
        PublishedSprites(path, SMALL)


def test_a_file_with_a_flipped_bit_is_an_error(tmp_path):
    path, _ = published(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not dSprites as published"):
        PublishedSprites(path, SMALL)


def test_the_published_file_in_the_folder_is_used(tmp_path):
    (tmp_path / "dsprites").mkdir()
    published(tmp_path / "dsprites")
    with pytest.raises(UserError, match="latents_classes is int64"):
        DSprites(str(tmp_path), 10, 10, 0).load("train")[[0]]


def test_through_the_data_module(data, source):
    module = data(source, shape=[1, 64, 64], num_classes=3, num_validation=100)
    sizes = {name: len(module.split(name)) for name in ("train", "validation", "test")}
    assert sizes == {"train": 727_180, "validation": 100, "test": 10_000}
    batch = module.batch("validation", [0, 1])
    assert batch.x.unique().tolist() == [0, 1]
    assert math.prod(batch.x.shape) == 2 * 64 * 64
