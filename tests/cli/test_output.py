"""A folder of --out is checked before the work, and replaced whole or not at all."""

from __future__ import annotations

import os
import re

import pytest

from harness.cli.output import check_output, replacing
from harness.cli.refusal import RefusedError
from sembridge.model_card.record import JSON


@pytest.fixture
def transferred(tmp_path):
    """Return a folder that looks like an encoder that a transfer wrote."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / JSON).write_text("{}")
    (folder / "old").write_text("old")
    return folder


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_paths_that_may_be_written(tmp_path, transferred, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "empty").mkdir()
    for typed in ("new/deep/er", "empty", "~/new"):
        out = check_output(type(tmp_path)(typed), False, [])
        assert out == tmp_path / typed.removeprefix("~/")
    assert check_output(transferred, True, [tmp_path / "source", tmp_path / "encoders"]) == transferred
    assert names(tmp_path) == ["empty", "encoder"], "a check writes nothing"


def test_a_transferred_encoder_is_replaced_only_by_force(transferred):
    message = f"--out {str(transferred)!r} holds a transferred encoder already; choose another folder, or replace it"
    with pytest.raises(RefusedError, match=re.escape(message)):
        check_output(transferred, False, [])


@pytest.mark.parametrize("force", [False, True])
def test_nothing_else_is_destroyed(tmp_path, force):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(RefusedError, match="is not empty and holds no transferred encoder; choose another folder"):
        check_output(tmp_path, force, [])
    with pytest.raises(RefusedError, match="mine' is a file; choose a folder"):
        check_output(tmp_path / "mine", force, [])
    with pytest.raises(RefusedError, match=r"cannot be written: .*mine is a file; choose another folder"):
        check_output(tmp_path / "mine" / "below", force, [])


@pytest.mark.parametrize("read", ["", "sub/words.txt"])
def test_inputs_inside_the_output_are_refused(transferred, read):
    name = (transferred / read).name
    with pytest.raises(RefusedError, match=f"holds '{name}', which the transfer reads; choose another folder"):
        check_output(transferred, True, [transferred.parent / "elsewhere", transferred / read])


def test_folders_without_the_right_to_write(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(RefusedError, match=f"cannot be written: {tmp_path} is not writable; choose another folder"):
        check_output(tmp_path / "a" / "b", False, [])


def test_a_folder_is_written_aside_and_replaces_the_old_one_whole(transferred):
    with replacing(transferred) as aside:
        (aside / "new").write_text("new")
        assert names(transferred) == ["old", JSON] and aside.parent == transferred.parent
        (aside / "new").chmod(0o600)
    mask = os.umask(0o077)
    os.umask(mask)
    assert names(transferred) == ["new"] and names(transferred.parent) == ["encoder"]
    assert (transferred / "new").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_failure_leaves_the_old_folder_and_nothing_else(transferred):
    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error), replacing(transferred) as aside:
            (aside / "new").write_text("new")
            raise error
        assert names(transferred) == ["old", JSON] and names(transferred.parent) == ["encoder"]


def test_a_rename_that_fails_puts_the_old_folder_back(transferred, monkeypatch):
    rename = os.replace

    def failing(source, destination):
        if str(source).endswith(".new"):
            raise OSError("disk full")
        rename(source, destination)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="disk full"), replacing(transferred):
        pass
    assert names(transferred) == ["old", JSON] and names(transferred.parent) == ["encoder"]


def test_folders_above_are_made(tmp_path):
    with replacing(tmp_path / "a" / "b") as aside:
        (aside / "file").write_text("")
    assert names(tmp_path / "a") == ["b"] and names(tmp_path / "a" / "b") == ["file"]
