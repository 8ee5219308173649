"""Damaged runs, results and records: one line each, and a contradictory record shows nothing of another token."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from harness.evaluation import trec
from harness.files import bounded
from harness.results.export import COLUMNS
from sembridge.model_card.record import JSON, TENSORS, load_record
from tests.helpers.records_made import record

RUN = "q1 Q0 d1 1 0.5 tag\n"
RUNS: list[tuple[str, bytes, str]] = [
    ("a.run", b"q1 Q0 d1 1 0.5\n", "a.run:1: expected 'qid Q0 docid rank score tag', found 5 columns"),
    (
        "a.run",
        (RUN + "q1 Q0 d 2 1 0.5 tag\n").encode(),
        "a.run:2: expected 'qid Q0 docid rank score tag', found 7 columns",
    ),
    ("a.run", RUN.replace("0.5", "half").encode(), "a.run:1: score 'half' is not a number"),
    ("a.run", RUN.replace("0.5", "nan").encode(), "a.run:1: score 'nan' is not a finite number"),
    ("a.run", RUN.replace("0.5", "1e999").encode(), "a.run:1: score '1e999' is not a finite number"),
    ("a.run", (RUN * 2).encode(), "a.run:2: document 'd1' is listed twice for query 'q1'"),
    ("a.run", (RUN.replace("d1", "d" * 9000) * 2).encode(), "ddd...' is listed twice"),
    ("a.run", b"q1 Q0 \xff 1 0.5 tag\n", "a.run:1: byte 7 is not UTF-8; save the file as UTF-8"),
    ("a.run", b"x" * (bounded.LINE + 1), "a.run:1: the line is longer than 16 MiB; a run has one document a line"),
    ("a.run.gz", b"no gzip", "a.run.gz is not a complete gzip file; write the run again"),
    ("a.run.gz", gzip.compress(b"\n" * 1000)[:-8], "a.run.gz is not a complete gzip file"),
    ("a.run.gz", gzip.compress(b"\0" * (bounded.LINE + 1)), "a.run.gz:1: the line is longer than 16 MiB"),
]


@pytest.mark.parametrize(("name", "content", "message"), RUNS, ids=[f"{number}" for number in range(len(RUNS))])
def test_runs(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.run") as error:
        trec.read(tmp_path / name)
    assert message in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 500


def test_a_run_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"x\.run cannot be read \(No such file or directory\); check the path"):
        trec.read(tmp_path / "x.run")


ROW = "ko,bert,a,mean,,,zero-shot,1,0.5,0.5,0.5,1,1,1,0.0,0.0,,1,1,,1.0,ok,,mean,key,,,,,,,,false,,,,,,8\n"
HEAD = ",".join(COLUMNS) + "\n"
CELLS: list[tuple[bytes, str]] = [
    (b"", "holds no cells; give the folder that a run wrote with --results"),
    (HEAD.encode(), "holds no cells"),
    (b"\xff\n", "is not a CSV in UTF-8"),
    ((HEAD + ROW.replace("0.5", "nan", 1)).encode(), "line 2 cannot be read (a score is not from 0 to 1)"),
    (
        (HEAD + ROW.replace("mean,,,zero", "mean,,inf,zero")).encode(),
        "line 2 cannot be read (alpha is not a finite number)",
    ),
    ((HEAD + ROW.replace("0.5", "0,5", 1)).encode(), "line 2 cannot be read (more than 39 columns)"),
    ((HEAD + ROW.replace("shot,1,", f"shot,{'9' * 5000},")).encode(), "line 2 cannot be read ("),
    ((HEAD + "ko,bert\n").encode(), "line 2 cannot be read ("),
    ((HEAD + '"' + "x" * 200_000 + '"\n').encode(), "is not a CSV in UTF-8 (field larger than field limit"),
    ((HEAD.replace("label", "lable") + ROW).encode(), "has no column 'label'; run the grid's command again"),
    ((HEAD + "x" * (bounded.LINE + 1)).encode(), "line 2 is longer than 16 MiB"),
]


@pytest.mark.parametrize(("content", "message"), CELLS, ids=[f"{number}" for number in range(len(CELLS))])
def test_cells(refused, tmp_path, content, message):
    (tmp_path / "cells.csv").write_bytes(content)
    assert message in refused("compare", tmp_path)


FIGURES = [
    ("a: &a [*a]", "is not valid YAML (an alias refers to a value that contains it); fix the file"),
    ("source: x\nsource: y\n", "is not valid YAML ('source' is repeated"),
    ("[" * 3000, "is not valid YAML (nested more than 100 deep)"),
    ("source: !!python/name:os.system\n", "is not read as 'python/name:os.system'"),
    ("x" * (1 << 21), "is not valid YAML (longer than 1 MiB)"),
]


@pytest.mark.parametrize(("content", "message"), FIGURES, ids=[f"{number}" for number in range(len(FIGURES))])
def test_figures(refused, tmp_path, content, message):
    (tmp_path / "cells.csv").write_text(HEAD + ROW)
    (tmp_path / "figures.yaml").write_text(content)
    assert message in refused("compare", tmp_path, "--expected", tmp_path / "figures.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record().save(tmp_path)
    return tmp_path


def changed(name: str, change):
    """A record with one of its tensors changed."""

    def spoil(folder: Path) -> None:
        tensors = load_file(folder / TENSORS)
        save_file(tensors | {name: change(tensors[name])}, folder / TENSORS)

    return spoil


def told(**changes: object):
    """A record with keys of its JSON changed."""

    def spoil(folder: Path) -> None:
        content = json.loads((folder / JSON).read_text(encoding="utf-8"))
        (folder / JSON).write_text(json.dumps(content | changes), encoding="utf-8")

    return spoil


def written(name: str, content: bytes):
    return lambda folder: (folder / name).write_bytes(content)


def at(position: int, value: float):
    def put(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array[position] = value
        return array

    return put


SPOILED = [
    (written(JSON, b""), "(JSONDecodeError: Expecting value"),
    (written(JSON, b"\xff"), "(UnicodeDecodeError: "),
    (written(JSON, b"[" * 100_000), "(RecursionError: "),
    (written(JSON, b"[]"), "(TypeError: "),
    (told(format=999), "format 999, this version reads 1"),
    (told(recipe=[]), "cannot be read ("),
    (told(recipe={"source": {"name": "x", "evil": 1}}), "cannot be read ("),
    (told(origins=["x"]), "cannot be read (IndexError"),
    (told(measure=3), "its tensors are not lists of numbers"),
    (told(target={"tokens": ["a"], "shown": ["a"]}), "1 target tokens in transfer.json, but 9 in transfer.safetensors"),
    (told(source={"tokens": [1] * 7, "shown": ["a"] * 7}), "tokens and what is shown of them are not as many texts"),
    (told(source={"tokens": ["a"], "shown": ["a"]}), "a donor is not one of the 1 source tokens"),
    (written(TENSORS, b""), "(SafetensorError: "),
    (written(TENSORS, b"\xff" * 100), "(SafetensorError: "),
    (written(TENSORS, b"\x80\x04K\x01."), "(SafetensorError: "),
    (changed("donors", at(0, 99)), "a donor is not one of the 7 source tokens"),
    (changed("donors", at(0, -1)), "a donor is not one of the 7 source tokens"),
    (changed("starts", at(0, 3)), "the donors of its tokens do not add up"),
    (changed("starts", at(-1, 10**6)), "the donors of its tokens do not add up"),
    (changed("starts", at(4, 0)), "the donors of its tokens do not add up"),
    (changed("starts", lambda starts: starts[:-1]), "9 target tokens in transfer.json"),
    (changed("support", at(1, 0)), "the number of donors of a token is not what it says"),
    (changed("weights", at(0, np.nan)), "its weights and cosines are not one finite number each"),
    (changed("weights", lambda weights: weights[:-1]), "the donors of its tokens do not add up"),
    (changed("weights", lambda weights: weights[:, None]), "its tensors are not lists of numbers"),
    (changed("strength", lambda strength: strength[:-1]), "its weights and cosines are not one finite number each"),
    (changed("origin", at(0, 77)), "(IndexError: "),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "message"), SPOILED, ids=[f"{number}" for number in range(len(SPOILED))])
def test_records_of_transfers(refused, folder, spoil, message):
    load_record(folder)
    spoil(folder)
    assert message in refused("explain", folder, "x")


def test_a_damaged_tokenizer_beside_a_record(refused, folder):
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert "tokenizer.json is not a tokenizer (" in refused("explain", folder, "two words")
