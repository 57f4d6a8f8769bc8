"""Image folders: valid ones are read, invalid ones are an error with one message."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from images import Build, fill, image, labels, link, loaded, module_of, png16, raw_names

from vaelab.errors import UserError

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
SUFFIXES = ".png, .jpg, .jpeg, .bmp, .gif, .tif, .tiff, .webp"
NASTY = [
    "a'b",
    "a,b",
    "a=b",
    "[x]",
    "{y}",
    "$z$",
    "%d",
    "$x",
    "$(x)",
    "`x`",
    "\\",
    '"q"',
    "null",
    "true",
    "yes",
    "1e3",
    "0x1f",
]
NASTY += [*"*?~#!&|;+-@ 🙂", "<b>", "my class", "a\nb", "a\tb", "日本", "x" * 250, "cats.png"]

RIGHT: dict[str, tuple[Build, list[str], tuple[int, int, int]]] = {
    "classes": (lambda p: fill(p, "b", "a"), ["a", "b"], (5, 1, 2)),
    "no classes": (lambda p: fill(p, ".", num=8), [], (5, 1, 2)),
    "three images": (lambda p: fill(p, ".", num=3), [], (1, 1, 1)),
    "one class": (lambda p: fill(p, "a"), ["a"], (2, 1, 1)),
    "splits": (lambda p: fill(p, "train/a", "train/b", "test/b"), ["a", "b"], (7, 1, 4)),
    "splits in capitals": (lambda p: fill(p, "TRAIN/a", "TRAIN/b", "Test/b"), ["a", "b"], (7, 1, 4)),
    "training and testing": (lambda p: fill(p, "training/3", "training/7", "testing/7"), ["3", "7"], (7, 1, 4)),
    "splits without classes": (lambda p: fill(p, "Training", "Testing"), [], (3, 1, 4)),
    "validation": (lambda p: fill(p, "train/a", "val/a", "test/a"), ["a"], (4, 4, 4)),
    "valid": (lambda p: fill(p, "train/a", "Valid/a", "test/a"), ["a"], (4, 4, 4)),
    "numbers": (
        lambda p: fill(p, *map(str, range(1, 13)), num=3),
        [str(number) for number in range(1, 13)],
        (24, 3, 9),
    ),
    "numbers in names": (lambda p: fill(p, "v10", "v9", "v1"), ["v1", "v9", "v10"], (8, 1, 3)),
    "hidden": (
        lambda p: (
            fill(p, "a", "b", ".git", "a/.ipynb_checkpoints", "__MACOSX/a", "a/@eaDir", "$RECYCLE.BIN"),
            (p / "a/._0.png").write_bytes(b"\0\x05\x16\7"),
            (p / ".DS_Store").write_bytes(b"x"),
            (p / "b/Thumbs.db").write_bytes(b"x"),
        ),
        ["a", "b"],
        (5, 1, 2),
    ),
    "linked classes": (
        lambda p: (
            fill(p.parent / "elsewhere", "x", "y"),
            link(p / "a", "../elsewhere/x"),
            link(p / "b", "../elsewhere/y"),
        ),
        ["a", "b"],
        (5, 1, 2),
    ),
    "linked files": (
        lambda p: (
            fill(p.parent / "elsewhere", ".", num=8),
            *(link(p / "a" / f"{number}.png", p.parent / f"elsewhere/{number}.png") for number in range(8)),
        ),
        ["a"],
        (5, 1, 2),
    ),
    "loops": (
        lambda p: (fill(p, "a", "b"), link(p / "a/loop", ".."), link(p / "self", "."), link(p / "x", "x")),
        ["a", "b"],
        (5, 1, 2),
    ),
    "a link to no folder": (lambda p: (fill(p, "a", num=8), link(p / "b", "/nowhere/at/all")), ["a"], (5, 1, 2)),
    "a folder named like an image": (lambda p: (fill(p, "a", num=8), (p / "a/1.jpg").mkdir()), ["a"], (5, 1, 2)),
    "a pipe": (lambda p: (fill(p, "a", num=8), os.mkfifo(p / "a/pipe.png")), ["a"], (5, 1, 2)),
    "nasty names": (
        lambda p: fill(p, *NASTY, num=6),
        [one.replace("\n", "\\n").replace("\t", "\\t") for one in NASTY],
        (149, 17, 56),
    ),
    "no UTF-8": (lambda p: raw_names(p, b"caf\xe9", b"\xff"), ["\\xff", "caf\\xe9"], (5, 1, 2)),
    "composed and decomposed": (
        lambda p: fill(p, f"train/{COMPOSED}", "train/z", f"test/{DECOMPOSED}"),
        ["z", COMPOSED],
        (7, 1, 4),
    ),
    "of one pixel": (lambda p: fill_sizes(p, (1, 1)), [], (5, 1, 2)),
    "a line": (lambda p: fill_sizes(p, (30_000, 1)), [], (5, 1, 2)),
    "a column": (lambda p: fill_sizes(p, (1, 30_000)), [], (5, 1, 2)),
    "of all sizes": (lambda p: fill_sizes(p, (1, 1), (7, 3), (3, 700), (64, 64)), [], (22, 2, 8)),
    "a name that promises another format": (
        lambda p: (fill(p, "a", num=7), image().save(p / "a/x.png", format="JPEG")),
        ["a"],
        (5, 1, 2),
    ),
    "grey of 8 and of 16 bits": (
        lambda p: (fill(p, "a", num=7), (p / "a/x.png").write_bytes(png16(np.full((4, 4), 65535)))),
        ["a"],
        (5, 1, 2),
    ),
    "other files": (
        lambda p: (fill(p, "a", "b"), (p / "labels.csv").write_text("x"), (p / "a/IMG_1.HEIC").write_text("x")),
        ["a", "b"],
        (5, 1, 2),
    ),
}

WRONG: dict[str, tuple[Build, str]] = {
    "missing": (lambda p: None, "{p} does not exist; set data.source.root to a folder of images"),
    "a file": (lambda p: p.write_bytes(b"x"), "{p} is not a folder; set data.source.root to a folder of images"),
    "empty": (
        lambda p: p.mkdir(),
        f"{{p}} holds no images ({SUFFIXES}); set data.source.root to images",
    ),
    "other files only": (
        lambda p: (
            p.mkdir(),
            (p / "a.heic").write_text("x"),
            (p / "b.HEIC").write_text("x"),
            (p / "c").write_text("x"),
        ),
        f"{{p}} holds no images ({SUFFIXES}); of other kinds it holds 2 .heic, 1 without suffix;"
        " set data.source.root to images",
    ),
    "one image": (
        lambda p: fill(p, ".", num=1),
        "{p} holds 1 image, but at least 3 are needed: for training, validation and test",
    ),
    "two images": (
        lambda p: fill(p, "a", num=2),
        "{p} holds 2 images, but at least 3 are needed: for training, validation and test",
    ),
    "one to train on": (
        lambda p: fill(p, "train", "test", num=1),
        "ImageFolder has 1 training example, but at least 2 are needed: one is for validation",
    ),
    "train alone": (
        lambda p: fill(p, "Train/a"),
        "{p} has a folder Train but no folder test; add it or rename Train",
    ),
    "test alone": (
        lambda p: fill(p, "testing/a"),
        "{p} has a folder testing but no folder train; add it or rename testing",
    ),
    "train and val": (
        lambda p: fill(p, "train/a", "val/a"),
        "{p} has a folder train and val but no folder test; add it or rename val",
    ),
    "a class called train": (
        lambda p: fill(p, "bus", "train"),
        "{p} has a folder train but no folder test; add it or rename train",
    ),
    "train twice": (
        lambda p: fill(p, "train", "Train", "test"),
        "{p} has folders Train and train, which both mean the train split; keep one",
    ),
    "train and training": (
        lambda p: fill(p, "train", "training", "test"),
        "{p} has folders train and training, which both mean the train split; keep one",
    ),
    "validation twice": (
        lambda p: fill(p, "train", "val", "validation", "test"),
        "{p} has folders val and validation, which both mean the validation split; keep one",
    ),
    "a folder beside splits": (
        lambda p: fill(p, "train/a", "test/a", "extra"),
        "{p}/extra lies beside the folders train and test; move it into one of them, or away",
    ),
    "an image beside splits": (
        lambda p: (fill(p, "train/a", "test/a"), image().save(p / "x.png")),
        "{p}/x.png lies beside the folders train and test; move it into one of them, or away",
    ),
    "an image beside classes": (
        lambda p: (fill(p, "a"), image().save(p / "x.jpg")),
        "{p}/x.jpg lies beside class folders; move it into one of them",
    ),
    "an empty test split": (
        lambda p: (fill(p, "train/a"), (p / "test").mkdir()),
        f"{{p}}/test holds no images ({SUFFIXES}); set data.source.root to images",
    ),
    "an empty class": (
        lambda p: (fill(p, "a"), (p / "b").mkdir()),
        "{p}/b holds no images, though folders are classes; fill or remove it",
    ),
    "deeper": (
        lambda p: fill(p, "a", "b/more"),
        "{p}/b/more/0.png lies deeper than the class folder {p}/b; move images right into the folder of their class,"
        " or set data.source.root={p}/b where that holds the classes or splits",
    ),
    "splits one folder deeper": (
        lambda p: fill(p, "archive/train/a", "archive/test/a"),
        "{p}/archive/test/a/0.png lies deeper than the class folder {p}/archive; move images right into the folder of"
        " their class, or set data.source.root={p}/archive where that holds the classes or splits",
    ),
    "a class that train lacks": (
        lambda p: fill(p, "train/cat", "train/dog", "test/dgo"),
        "{p}/test has a class folder dgo, which {p}/train lacks; did you mean 'dog'?",
    ),
    "a class in other case": (
        lambda p: fill(p, "train/Cat", "test/cat"),
        "{p}/test has a class folder cat, which {p}/train lacks; did you mean 'Cat'?",
    ),
    "a class of another kind": (
        lambda p: fill(p, "train/cat", "test/elephant"),
        "{p}/test has a class folder elephant, which {p}/train lacks; move it away",
    ),
    "classes in train alone": (
        lambda p: fill(p, "train/a", "test"),
        "{p}/train has class folders, but {p}/test has none; give both the same",
    ),
    "classes in test alone": (
        lambda p: fill(p, "train", "test/a"),
        "{p}/test has class folders, but {p}/train has none; give both the same",
    ),
    "one name twice": (
        lambda p: fill(p, COMPOSED, DECOMPOSED),
        f"{{p}} has two folders named '{COMPOSED}'; rename one of them",
    ),
    "a reference for a name": (
        lambda p: fill(p, "a", "${oc.env:HOME}"),
        "{p}/${oc.env:HOME} has a name that a config cannot hold; rename it",
    ),
    "question marks for a name": (
        lambda p: fill(p, "a", "???"),
        "{p}/??? has a name that a config cannot hold; rename it",
    ),
    "test is train": (
        lambda p: (fill(p, "train/a"), link(p / "test", "train")),
        "{p}/test/a/0.png and {p}/train/a/0.png are one file in two splits; remove it from test or train",
    ),
    "a hard link": (
        lambda p: (fill(p, "train/a", "test/a"), os.link(p / "train/a/0.png", p / "test/a/x.png")),
        "{p}/test/a/x.png and {p}/train/a/0.png are one file in two splits; remove it from test or train",
    ),
    "each class has one image": (
        lambda p: fill(p, *"abcdefgh", num=1),
        "data.num_classes=8, but ImageFolder has no training example of class 3 (d);"
        " add some, or set data.num_classes=0 to leave labels out",
    ),
}

UNREADABLE: dict[str, tuple[Build, str]] = {
    "zero bytes": (lambda path: path.write_bytes(b""), "is empty"),
    "a page": (lambda path: path.write_text("<html>404"), "is none of PNG, JPEG, BMP, GIF, TIFF, WEBP"),
    "a program": (
        lambda path: path.write_text("%!PS-Adobe-3.0 EPSF-3.0"),
        "is none of PNG, JPEG, BMP, GIF, TIFF, WEBP",
    ),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:60]), "is damaged: Truncated File Read"),
    "a bit flipped": (lambda path: path.write_bytes(flip(path.read_bytes())), "is damaged: broken PNG file"),
    "a link to nothing": (lambda path: (path.unlink(), path.symlink_to("nowhere")), "is a link to nothing"),
    "a link to itself": (
        lambda path: (path.unlink(), path.symlink_to(path.name)),
        "cannot be read: Too many levels of symbolic links",
    ),
    "a bomb": (
        lambda path: path.write_bytes(png16(np.zeros((1, 1), int), promised=(9500, 9500))),
        "has 9500 x 9500 pixels, more than 89478485",
    ),
    "floats": (
        lambda path: image("L").convert("F").save(path, format="TIFF"),
        "holds values of mode F, not of 8 or 16 bits",
    ),
}


def fill_sizes(folder: Path, *sizes: tuple[int, int]) -> None:
    folder.mkdir()
    for number in range(8):
        for place, size in enumerate(sizes):
            image("RGB", size).save(folder / f"{place}-{number}.png")


def flip(content: bytes) -> bytes:
    """One bit in the compressed pixels is another."""
    place = content.index(b"IDAT") + 10
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize("case", RIGHT)
def test_valid_folders(tmp_path: Path, case: str) -> None:
    build, classes, sizes = RIGHT[case]
    root = tmp_path / "root"
    build(root)
    module = loaded(root)
    assert tuple(len(module.split(name)) for name in ("train", "validation", "test")) == sizes
    assert sorted(module.classes) == sorted(classes)
    assert module.num_classes == len(classes)
    if case != "nasty names":  # whose order is that of numbers inside them
        assert list(module.classes) == classes


@pytest.mark.parametrize("case", WRONG)
def test_invalid_folders(tmp_path: Path, case: str) -> None:
    build, sentence = WRONG[case]
    root = tmp_path / "root"
    build(root)
    with pytest.raises(UserError) as caught:
        loaded(root)
    assert str(caught.value) == sentence.replace("{p}", str(root))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_files_are_named_before_training(tmp_path: Path, case: str, split: str) -> None:
    damage, reason = UNREADABLE[case]
    root = tmp_path / "root"
    fill(root, "train/a", "test/a")
    damage(root / split / "a/2.png")
    module = module_of(root)
    with pytest.raises(UserError) as caught:
        module.prepare_data()
    start = f"{root} has 1 of 8 images that cannot be read: {root}/{split}/a/2.png {reason}"
    assert str(caught.value).startswith(start)
    assert str(caught.value).endswith("; repair or remove them, or set data.corrupt=skip")


def test_unreadable_files_are_skipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = tmp_path / "root"
    fill(root, "train/a", "train/b", "test/a")
    for place in ("train/a/0.png", "train/b/1.png", "train/b/2.png", "test/a/3.png"):
        (root / place).write_bytes(b"")
    module = loaded(root, corrupt="skip")
    assert [len(module.split(name)) for name in ("train", "validation", "test")] == [4, 1, 3]
    names = [f"{root}/{place} is empty" for place in ("train/a/0.png", "train/b/1.png", "train/b/2.png")]
    assert caplog.messages == [f"{root}: left out 4 of 12 images that cannot be read: {', '.join(names)} and 1 more"]
    assert all(Path(path).parent.name == name for path, name in labels(module).items())


def test_no_readable_image(tmp_path: Path) -> None:
    fill(tmp_path / "root", "train", "test")
    for path in (tmp_path / "root/test").iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"^.*/root/test holds no image that can be read; repair some$"):
        module_of(tmp_path / "root", corrupt="skip").prepare_data()


def test_one_numbering_for_all_splits(tmp_path: Path) -> None:
    fill(tmp_path / "root", "train/ant", "train/bee", "train/cat", "test/ant", "test/cat", num=8)
    module = loaded(tmp_path / "root")
    assert module.classes == ("ant", "bee", "cat")
    assert {Path(path).parent.name for path in labels(module)} == {"ant", "bee", "cat"}
    for path, name in labels(module).items():
        assert Path(path).parent.name == name


def test_classes_may_be_given_in_another_order(tmp_path: Path) -> None:
    fill(tmp_path / "root", "ant", "bee", num=4)
    module = loaded(tmp_path / "root", classes=["bee", "ant"])
    assert module.classes == ("bee", "ant")
    assert all(Path(path).parent.name == name for path, name in labels(module).items())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"num_classes": 2}, "data.num_classes=2, but there are 3 class folders (a, b, c); set data.num_classes=auto"),
        ({"num_classes": 5}, "data.num_classes=5, but there are 3 class folders (a, b, c); set data.num_classes=auto"),
        (
            {"classes": ["a", "b", "d"]},
            "{p} has a class folder c, which is not in data.classes=[a,b,d];"
            " set data.classes=auto data.num_classes=auto, or move it away",
        ),
        (
            {"classes": ["a", "b", "c", "d"]},
            "data.num_classes=4, but ImageFolder has no training example of class 3 (d);"
            " add some, or set data.num_classes=0 to leave labels out",
        ),
        ({"classes": "a"}, "data.classes=a is not a list of names; set it to [a,…], [] or auto"),
        ({"num_classes": "3"}, "data.num_classes=3 is not a number of classes; set it to 0 or more, or to auto"),
        ({"num_classes": -1}, "data.num_classes=-1 is not a number of classes; set it to 0 or more, or to auto"),
        (
            {"num_validation": 30},
            "data.num_validation=30 leaves nothing to train on: ImageFolder has 9 training examples;"
            " set data.num_validation below 9",
        ),
        ({"corrupt": "ignore"}, "data.corrupt=ignore is unknown; choose one of error, skip"),
        ({"bits": 7}, "data.source.bits=7 is not a depth of 16-bit files; set it between 8 and 16"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settings_that_contradict_the_folder(tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    fill(tmp_path / "root", "a", "b", "c")
    with pytest.raises(UserError) as caught:
        loaded(tmp_path / "root", **changes)
    assert str(caught.value) == sentence.replace("{p}", str(tmp_path / "root"))


def test_a_validation_split_keeps_its_size(tmp_path: Path) -> None:
    fill(tmp_path / "root", "train", "val", "test")
    with pytest.raises(UserError) as caught:
        loaded(tmp_path / "root", num_validation=3)
    assert str(caught.value) == (
        "data.num_validation=3, but ImageFolder has a validation split of 4 examples; set data.num_validation=auto"
    )


def test_labels_can_be_discarded(tmp_path: Path) -> None:
    fill(tmp_path / "root", "a", "b", "c")
    module = loaded(tmp_path / "root", num_classes=0)
    assert (module.num_classes, module.classes) == (0, ())
    assert module.batch("train", [0]).y is None


@pytest.mark.parametrize("root", ["", "~", "relative"])
def test_where_a_root_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    fill(tmp_path, "home", "relative")
    if root:
        assert len(loaded(root, cache=str(tmp_path / "scans")).split("test")) == 1
    else:
        with pytest.raises(UserError, match=r"^data.source.root is empty; set it to a folder$"):
            module_of(root)


def test_other_kinds_of_files_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fill(tmp_path / "root", "a")
    for name in ("notes.txt", "a/1.heic", "a/2.HEIC", "a/.hidden"):
        (tmp_path / "root" / name).write_text("x")
    loaded(tmp_path / "root")
    assert caplog.messages == [f"{tmp_path}/root: left out 2 .heic, 1 .txt, which are not images"]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_damage_after_the_scan_is_an_error(tmp_path: Path, num_workers: int) -> None:
    fill(tmp_path / "root", ".", num=12)
    module = module_of(tmp_path / "root", num_workers=num_workers)
    module.prepare_data()
    module.setup("fit")
    for path in (tmp_path / "root").iterdir():
        path.write_bytes(b"")
    for loader in (module.train_dataloader(), module.loader("validation"), module.chunks("train", [0], 3)):
        with pytest.raises(UserError) as caught:
            list(loader)
        assert str(caught.value).startswith(f"{tmp_path}/root/")
        assert str(caught.value).endswith(".png is empty; repair or remove it")
        assert "\n" not in str(caught.value)
