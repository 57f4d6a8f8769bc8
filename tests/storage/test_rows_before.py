"""Undamaged rows of metrics.csv are read despite damaged lines."""

from pathlib import Path

import pytest

from vaelab.storage.metrics import rows_before

WHOLE = "epoch,step,loss\n0,0,1.5\n0,1,\n0,2,0.5\n"


@pytest.mark.parametrize(
    ("content", "steps"),
    [
        (WHOLE, [0, 1, 2]),
        (WHOLE.replace("\n", "\r\n"), [0, 1, 2]),
        (WHOLE[:-1], [0, 1]),
        (WHOLE[:-3], [0, 1]),
        (WHOLE + "0,", [0, 1, 2]),
        (WHOLE + "0,3\n", [0, 1, 2]),
        (WHOLE + "\0\0\0\0", [0, 1, 2]),
        (WHOLE + "\0\0\n0,3,1\n", [0, 1, 2, 3]),
        (WHOLE + "0,x,1\n", [0, 1, 2]),
        (WHOLE + '0,"3,1\n', [0, 1, 2]),
        ("", []),
        ("\n", []),
        ("epoch,st", []),
        ("nothing\n", []),
        ("a,b\n1,2\n", []),
    ],
)
def test_undamaged_rows_are_kept(tmp_path: Path, content: str, steps: list[int]) -> None:
    (tmp_path / "metrics.csv").write_text(content)
    assert [int(row["step"]) for row in rows_before(tmp_path / "metrics.csv", 10)] == steps
    assert [int(row["step"]) for row in rows_before(tmp_path / "metrics.csv", 2)] == [s for s in steps if s < 2]


def test_bytes_of_any_kind(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_bytes(WHOLE.encode() + bytes(range(256)) + b"\n")
    assert len(rows_before(tmp_path / "metrics.csv", 10)) == 3
    assert rows_before(tmp_path / "nowhere.csv", 10) == []
