"""Names that W&B does not accept are replaced with one warning."""

import pytest
from wandb import Settings

from vaelab.logger.naming import LONGEST, valid_name, valid_tags

NAMES = ("vae", "a/b", "a\\b#c?d%e:f", "é" * 200, " x ", "a;b,c'd", "", "/", 3, 1.5, "[bold]", "two\nlines", ":smile:")


@pytest.mark.parametrize("name", NAMES)
def test_invalid_characters_are_removed_from_names(name: object, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings()
    for kind, field in {"project": "project", "group": "run_group", "name": "run_name", "id": "run_id"}.items():
        caplog.clear()
        valid = valid_name(kind, name)
        setattr(settings, field, valid)  # which W&B checks
        assert valid is None or 0 < len(valid) <= LONGEST[kind]
        assert len(caplog.records) == ((valid or "") != str(name))


def test_an_id_stays_the_same_each_time() -> None:
    assert valid_name("id", "a/b") == valid_name("id", "a/b") == "a-b"


def test_an_invalid_tag_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    given = ["a", "", "b" * 65, None, {"c": 1}, ["d"], 3, " ", "b" * 64, "a", "e,f"]
    tags = valid_tags(given)
    assert tags == ("a", "3", "b" * 64, "e,f")
    Settings(run_tags=tags)
    assert len(caplog.records) == 6
    assert f"W&B takes tags of 1 to 64 characters; tag '{'b' * 65}' is left out" in caplog.text


@pytest.mark.parametrize(("given", "tags"), [(None, ()), ("ab", ("ab",)), (7, ("7",)), ([], ()), ({"a": 1}, ("a",))])
def test_tags_that_are_not_a_list(given: object, tags: tuple[str, ...]) -> None:
    assert valid_tags(given) == tags
