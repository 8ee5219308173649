"""MILCO's code: refused unless allowed, asked for the options that it has, and its own repository's only."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.references import milco
from tests.helpers.reference_models_made import MILCO, made_milco_folder


def test_code_runs_on_request(tmp_path, runs):
    folder = str(made_milco_folder(tmp_path / "milco"))
    with pytest.raises(ValueError, match="trust_remote_code"):
        milco.load(folder, remote_code=False, batch_size=4)
    assert not runs.exists(), "checked and refused without a line of it being run"
    texts = ["the old cat", "cat catches the cat"]
    encode = milco.load(folder, remote_code=True, batch_size=4)
    assert runs.read_text().startswith("imported")
    # The made rule, times the weight 2: column len(word) once, and column 10 + ord(first letter) % 26 per word.
    # ord("t") % 26 = 12, ord("o") % 26 = 7, ord("c") % 26 = 21.
    expected = np.zeros((2, 36))
    expected[0, [3, 22, 17, 31]] = 2
    expected[1, [3, 7, 22]] = 2
    expected[1, 31] = 6
    for side in ("query", "document"):
        np.testing.assert_array_equal(encode(texts, side).to_dense(), expected)


def test_options_are_those_that_the_code_has(tmp_path, runs):
    code = MILCO.replace(", source_view=False", "").replace(
        " if source_view", ""
    )  # as its training code has them: both views, unasked
    made_milco_folder(tmp_path / "milco", code=code)
    made_milco_folder(tmp_path / "asked")
    texts = ["the old cat", "a b c d e f g"]
    vectors = [
        milco.load(str(tmp_path / name), remote_code=True, max_length=5, batch_size=4)(texts, "query")
        .to_dense()
        .numpy()
        for name in ("milco", "asked")
    ]
    np.testing.assert_array_equal(*vectors)
    assert (vectors[0][1] > 0).sum() == 1 + 5, "cut at the fifth"
    made_milco_folder(tmp_path / "other", code=MILCO.replace("def encode_query", "def encode_queries"))
    with pytest.raises(ValueError, match="is not of kind milco: its code has no encode_query"):
        milco.load(str(tmp_path / "other"), remote_code=True, batch_size=4)


def test_a_repository_of_the_hub(tmp_path, runs, hub):
    source = made_milco_folder(tmp_path / "milco")
    at = "some/milco", hub.add("some/milco", {path.name: path.read_bytes() for path in source.iterdir()}, kind="models")
    milco.check(*at)
    assert not runs.exists() and not [path for path in hub.transfers() if path.endswith((".py", ".safetensors"))]
    assert milco.load(*at, remote_code=True, batch_size=4)(["cat"], "query").shape == (1, 36)
    assert runs.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AutoConfig", "someone/else--milco.MilcoConfig"),
        ("AutoTokenizer", [None, "someone/else--words.FastTokenizer"]),  # a slow class and a fast one
    ],
)
def test_code_of_a_further_repository_is_refused(name, value, tmp_path):
    path = made_milco_folder(tmp_path / "milco") / "config.json"
    milco.check(str(path.parent))
    config = json.loads(path.read_text())
    config["auto_map"][name] = value
    path.write_text(json.dumps(config))
    with pytest.raises(
        ValueError, match=r"runs code of another repository \(someone/else--.*\), which no revision fixes"
    ):
        milco.check(str(path.parent))


def test_a_repository_without_code_is_not_of_the_kind(tmp_path):
    path = made_milco_folder(tmp_path / "milco") / "config.json"
    for auto_map in (None, {}, {"AutoConfig": "milco.MilcoConfig"}):
        path.write_text(json.dumps({"auto_map": auto_map}))
        with pytest.raises(ValueError, match=r"is not of kind milco: its config.json names no code under auto_map\."):
            milco.check(str(path.parent))
