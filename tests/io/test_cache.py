"""Where the cache is, and what is said where it cannot be."""

from pathlib import Path

import pytest

from argand.errors import OutputError
from argand.io.cache import cache_folder


def test_the_cache_is_where_the_user_or_the_system_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "usual"))
    monkeypatch.setenv("ARGAND_CACHE", "")
    assert cache_folder("a") == tmp_path / "usual" / "argand" / "a"
    monkeypatch.setenv("ARGAND_CACHE", str(tmp_path / "asked"))
    assert cache_folder("a") == tmp_path / "asked" / "a"
    assert cache_folder("a").is_dir()


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize("home", ["file", "none"])
def test_a_cache_that_cannot_be_is_told_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
):
    for name in ("XDG_CACHE_HOME", "ARGAND_CACHE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Path, "home", no_home if home == "none" else lambda: tmp_path / "file")
    with pytest.raises(OutputError, match=r"no cache folder .*; set ARGAND_CACHE"):
        cache_folder("a")
