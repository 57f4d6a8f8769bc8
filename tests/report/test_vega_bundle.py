"""The library of charts comes from vl-convert or from a cache that this user has signed."""

from pathlib import Path

import pytest

from vaelab.report.vega_bundle import vega_bundle


def test_the_cache_counts_only_where_this_user_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = vega_bundle()
    assert "vegaEmbed" in built
    assert "</script" not in built
    (file,) = (tmp_path / "vaelab").glob("*.js")
    assert vega_bundle() == built
    file.write_text("alert(1)\\n" * 50)
    assert vega_bundle() == built  # and not what somebody else has put there


def test_without_a_cache_it_is_built_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "vegaEmbed" in vega_bundle()
