"""A run has its own folder, and existing files are kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vaelab.errors import UserError
from vaelab.storage.lock import release
from vaelab.storage.reservation import Reservation, reserve, reserve_empty
from vaelab.storage.run import Run

RUN = "data:\n  shape: [1]\nmodel:\n  _target_: x\nchoices:\n  model: vae\n"


def tree(folder: Path) -> dict[str, str]:
    """Every path under a folder with what it holds."""
    paths = sorted(path for path in folder.rglob("*"))
    return {str(p.relative_to(folder)): p.read_text() if p.is_file() else "" for p in paths}


def write_like_a_run(folder: Path) -> None:
    for name in (".hydra/config.yaml", "train.log", "config.yaml", "checkpoints/last.ckpt", "wandb/run/log.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("new")


@pytest.fixture(autouse=True)
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with files of the user."""
    for name in ("notes.txt", "outputs/README.md", "wandb/run-1/files/output.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("theirs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def done(reservation: Reservation) -> Path:
    release(reservation.folder)
    return reservation.folder


@pytest.mark.parametrize("wanted", ["new", "outputs", ".", "a/b/c", "outputs/vae/run", "wandb", "./x/../y", "empty"])
def test_undo_restores_the_folder(there: Path, wanted: str) -> None:
    (there / "empty").mkdir()
    before = tree(there)
    reservation = reserve(Path(wanted))
    write_like_a_run(reservation.folder)
    reservation.undo()
    after = tree(there)
    after.pop("x", None)  # which ./x/../y has to make
    assert after == before


def test_undo_keeps_files_of_others(there: Path) -> None:
    reservation = reserve(Path("new"))
    write_like_a_run(reservation.folder)
    (there / "new" / "theirs.txt").write_text("theirs")
    reservation.undo()
    assert tree(there / "new") == {"theirs.txt": "theirs"}


def test_links_are_removed_and_not_followed(there: Path) -> None:
    reservation = reserve(Path("new"))
    (reservation.folder / "images").symlink_to(there / "outputs")
    reservation.undo()
    assert (there / "outputs" / "README.md").read_text() == "theirs"
    assert not (there / "new").exists()


def test_each_run_takes_the_next_free_name() -> None:
    taken = []
    for _ in range(3):
        taken.append(done(reserve(Path("runs/one"))))
        (taken[-1] / "config.yaml").write_text(RUN)
    assert [str(path) for path in taken] == ["runs/one", "runs/one_2", "runs/one_3"]


def test_a_locked_folder_is_not_shared_before_anything_is_in_it(there: Path) -> None:
    first, second = reserve(Path("one")), reserve(Path("one"))
    assert [str(one.folder) for one in (first, second)] == ["one", "one_2"]
    done(first), done(second)


@pytest.mark.parametrize("name", ["config.yaml", "checkpoints", "results.json", ".hydra", "train.log", "images"])
def test_files_of_the_user_are_not_overwritten(there: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (there / "outputs" / name).write_text("theirs")
    assert str(done(reserve(Path("outputs")))) == "outputs_2"
    monkeypatch.chdir(there / "outputs")
    with pytest.raises(UserError, match=r"^\. holds files that a run would write; give another hydra.run.dir$"):
        reserve(Path())
    with pytest.raises(UserError, match="holds files that a run would write"):
        reserve(there / "outputs")


def test_a_file_in_the_way() -> None:
    with pytest.raises(UserError, match=r"^notes.txt is a file, so nothing can be saved in notes.txt/run$"):
        reserve(Path("notes.txt/run"))


@pytest.mark.parametrize("make", [reserve, reserve_empty])
@pytest.mark.parametrize("inner", ["run", "a/run"])
def test_a_broken_link(there: Path, make: Callable[[Path], object], inner: str) -> None:
    (there / "gone").symlink_to("nowhere")
    with pytest.raises(UserError, match=r"^gone is a link that leads nowhere, so nothing can be saved in gone"):
        make(Path("gone") / inner)
    assert not (there / "nowhere").exists()


@pytest.fixture
def earlier(there: Path) -> Path:
    """A run that was trained before."""
    run = there / "run"
    write_like_a_run(run)
    (run / "config.yaml").write_text(RUN)
    (run / "mine.txt").write_text("theirs")
    return run


def test_the_old_run_is_kept_until_the_new_one_has_trained(there: Path, earlier: Path) -> None:
    before = tree(earlier)
    reservation = reserve(Path("run"), overwrite=True)
    assert str(reservation.folder) == "run"
    assert list(earlier.iterdir()) == [earlier / ".lock"]
    write_like_a_run(earlier)
    reservation.undo()
    assert {name: text for name, text in tree(earlier).items() if name != ".lock"} == before

    reservation = reserve(Path("run"), overwrite=True)
    write_like_a_run(earlier)
    reservation.keep()
    assert (earlier / "config.yaml").read_text() == "new"
    assert (earlier / "mine.txt").read_text() == "theirs"
    assert not list(there.glob("*.replaced-*"))


def test_an_interrupted_replacement_is_reported(
    there: Path, earlier: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(earlier)
    killed = reserve(Path("run"), overwrite=True)
    release(killed.folder)  # as the end of its process does
    assert killed.replaced is not None
    assert tree(killed.replaced).items() >= before.items()
    with pytest.raises(UserError, match=rf"it has no config.yaml; overwrite=true has left {killed.replaced}$"):
        Run.open("run")
    assert not caplog.messages

    (earlier / "config.yaml").write_text(RUN)
    monkeypatch.setattr("os.getpid", lambda: 1)
    reserve(Path("run"), overwrite=True).keep()
    sentence = f"{killed.replaced} is a run that overwrite=true was to replace and did not; rename it, or remove it"
    assert caplog.messages == [sentence]
    assert tree(killed.replaced).items() >= before.items()


def test_only_a_run_is_overwritten(there: Path) -> None:
    (there / "outputs" / "images").mkdir()
    assert str(done(reserve(Path("outputs"), overwrite=True))) == "outputs_2"


def test_a_multirun_gets_an_empty_folder(there: Path) -> None:
    assert [str(reserve_empty(Path("outputs"))) for _ in range(2)] == ["outputs_2", "outputs_3"]
    with pytest.raises(UserError, match=r"^\. is not empty; give another hydra.sweep.dir$"):
        reserve_empty(Path())
    assert [path.name for path in (there / "outputs").iterdir()] == ["README.md"]
