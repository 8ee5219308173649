"""`doctor` says before a run what it would run into: asked of the hub's double, of the cache, and of no hub at all."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.store.store import Store
from tests.helpers import hub_repositories
from tests.helpers.hub_double import TOKEN, Hub
from tests.helpers.paths import ROOT

ENCODER = {
    "config.json": "{}",
    "tokenizer.json": "x" * 500,
    "model.safetensors": b"w" * 40_000,
    "pytorch_model.bin": b"p" * 40_000,
    "onnx/model.onnx": b"o" * 40_000,
    "onnx/config.json": "{}",
    "README.md": "# card",
}
PRESET = """
title: small
languages: [ko]
architectures: {{enc: {{model: org/enc, revision: {encoder}}}}}
tokenizers: {{ko: {{model: org/words, revision: {tokenizer}}}}}
collections: {{faq: {{hub: org/faq, revision: {collection}, config: kor}}}}
initializers: [mean, base]
"""
Doctor = Callable[..., tuple[int, str]]


@pytest.fixture
def doctor(command, tmp_path: Path, hub: Hub) -> Doctor:
    """Serve an encoder (given files and options), a tokenizer and a collection; ask about a preset of them."""
    words = hub.add(
        "org/words", {"config.json": "{}", "tokenizer.json": "x" * 700, "model.safetensors": b"w" * 9000}, "models"
    )
    faq = hub.add("org/faq", hub_repositories.webfaq())

    def ask(*options: object, files: dict = ENCODER, gated: bool = False, revision: str = "") -> tuple[int, str]:
        encoder = hub.add("org/enc", files, "models", gated=gated)
        preset = tmp_path / "small.yaml"
        preset.write_text(PRESET.format(encoder=revision or encoder, tokenizer=words, collection=faq), encoding="utf-8")
        code, out, err = command("doctor", preset, "--store", tmp_path / "store", *options)
        assert "Traceback" not in err
        lines = [text for text in out.splitlines() if not text.startswith("  sembridge-bench grid ")]
        assert all(len(text) <= 120 or " " not in text.strip() for text in lines)  # paths and commands stay whole
        return code, unwrapped(out) + err

    return ask


def unwrapped(report: str) -> str:
    """One line a check again."""
    return re.sub(r"\n {26}", " ", report)


def line(report: str, name: str) -> str:
    return next(text for text in report.splitlines() if f" {name}:" in text)


def test_what_would_be_downloaded_is_counted_and_each_repository_is_asked_once(doctor, hub):
    code, report = doctor()
    assert code == 0, report
    assert "[ok]" in line(report, "org/enc") and "40.5 kB to download (3 files)" in line(
        report, "org/enc"
    )  # no onnx, no pickle, no card
    assert "702 B to download (2 files)" in line(report, "org/words")  # its weights are not read
    corpus = sum(len(content) for path, content in hub_repositories.webfaq().items() if path != "README.md")
    assert f"{corpus / 1000:.1f} kB to download (5 files)" in line(report, "org/faq")
    for path in ("models/org/enc", "models/org/words", "datasets/org/faq"):
        assert sum(url.startswith(f"/api/{path}/revision/") for _, url in hub.requests) == 1, path
    assert not [path for path in hub.transfers() if not path.endswith("README.md")]


def test_a_gated_model_says_what_to_click_and_which_variable_to_set(doctor, monkeypatch):
    code, report = doctor(gated=True)
    assert code == 1 and "[FAIL]" in line(report, "org/enc")
    assert "https://huggingface.co/org/enc" in line(report, "org/enc") and "set HF_TOKEN" in line(report, "org/enc")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    code, report = doctor(gated=True)
    assert code == 0 and "40.5 kB to download" in line(report, "org/enc") and TOKEN not in report
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    code, report = doctor(gated=True)
    assert code == 1 and "refuses the token" in line(report, "org/enc") and "hf_wrong" not in report


def test_a_repository_of_two_roles_is_asked_once_and_read_whole(doctor, hub):
    revision = hub.add("org/enc", ENCODER, "models")
    _, report = doctor(
        "--initializers", "mean", "--set", "tokenizers.ko.model=org/enc", "--set", f"tokenizers.ko.revision={revision}"
    )
    assert "40.5 kB" in line(report, "org/enc") and report.count("org/enc: 40.5") == 1
    hub.requests.clear()
    faq = hub.repositories["datasets", "org/faq"].commit
    _, report = doctor("--set", f"collections.other={{hub: org/faq, revision: {faq}, config: kor, limit: 1}}")
    assert report.count("org/faq: ") == 2
    assert sum(url.startswith("/api/datasets/org/faq/revision/") and "tree" not in url for _, url in hub.requests) == 1


def test_a_store_tells_what_is_left_its_sizes_and_its_hours(doctor, hub, tmp_path):
    doctor()
    store = Store(tmp_path / "store")
    store.create()
    cells = plan(load_preset(str(tmp_path / "small.yaml"), tmp_path))
    for artifact in {artifact for cell in cells for artifact in cell.walk()}:
        store.path(artifact).mkdir(parents=True)
        manifest = '{"seconds": 90, "files": {"a": {"bytes": 3000}, "b": {"bytes": 1000}}}'
        (store.path(artifact) / "MANIFEST.json").write_text(manifest, encoding="utf-8")
    hub.requests.clear()
    code, report = doctor()
    assert code == 0 and not hub.requests and "2 cells, 2 in the store, 0 artifacts missing\n" in report
    (store.path(cells[0].artifact) / "MANIFEST.json").unlink()
    code, report = doctor()
    assert "1 artifacts missing, about 1 min 30 s one after the other, as measured in this store" in report
    assert "4.0 kB for 1 artifacts (sizes as measured in this store)" in report


def test_memory_is_held_against_the_largest_cell(doctor, monkeypatch):
    import os

    assert "1 x 40.5 kB of model" in doctor()[1]
    report = doctor("--regimes", "fine-tuned")[1]
    assert "4 x 40.5 kB of model" in report and "[ok]   memory" in report
    real = os.sysconf
    monkeypatch.setattr(os, "sysconf", lambda name: 1000 if name == "SC_PHYS_PAGES" else real(name))
    code, report = doctor()
    assert code == 0 and "[warn] memory" in report


def test_without_a_network_nothing_is_claimed(doctor, hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    code, report = doctor()
    assert code == 0 and not hub.requests
    for name in ("org/enc", "org/words", "org/faq"):
        assert "[warn]" in line(report, name) and "not checked (offline" in line(report, name)


def test_the_pocket_needs_nothing(command, tmp_path, hub):
    code, out, err = command("doctor", "pocket", "--languages", "ko", "--store", tmp_path / "store")
    assert code == 0, err
    out = unwrapped(out)
    assert not hub.requests and all(text.startswith("[ok]") for text in out.splitlines()[1:-3]), out
    assert not (tmp_path / "store").exists()
    assert "0 FAIL, 0 warn" in out


def test_a_preset_of_the_paper_lacks_revisions(command, tmp_path, hub):
    code, out, _ = command(
        "doctor", "paper-zero-shot", "--languages", "zh", "--collections", "miracl", "--store", tmp_path / "store"
    )
    assert code == 1
    out = unwrapped(out)
    assert "add --set architectures.splade-v3.revision=COMMIT" in out and "--set tokenizers.zh.revision=COMMIT" in out
    assert "tokenizers.ru" not in out
    assert "https://huggingface.co/naver/splade-v3" in line(out, "naver/splade-v3")
    assert "license            naver/splade-v3: CC-BY-NC-SA-4.0 by the catalog, not for commercial use" in out
    assert "license            fnlp/bart-base-chinese: " in out
    assert (
        "evaluation, initialization, strata, subword-vectors is unknown; --calibrate measures" in out.splitlines()[-3]
    )


def test_too_little_disk_for_the_downloads(doctor, monkeypatch):
    import shutil
    from types import SimpleNamespace

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=42_000))
    code, report = doctor()
    assert code == 1 and any(text.startswith("[FAIL] disk") and "hub cache" in text for text in report.splitlines())
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: SimpleNamespace(free=1_000_000)
    )  # enough for these, not for the guessed artifacts
    code, report = doctor()
    assert code == 0 and "[warn] disk" in report and "make room" in report


def test_a_machine_without_the_gpus_asked_for(doctor, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, report = doctor("--set", "resources.gpus_per_cell=1")
    assert code == 1 and "--set resources.gpus_per_cell=0" in report


def test_bad_input_is_refused_in_one_line(command, tmp_path):
    code, _, err = command("doctor", "poket", "--store", tmp_path / "store")
    assert code == 2 and "pocket" in err and err.count("\n") == 1


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from harness.cli.main import main\n"
        "try: main(['doctor', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = ('torch', 'ray', 'transformers', 'huggingface_hub', 'pydantic')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert process.stdout.splitlines()[-1] == "[]", process.stderr


def test_all_missing_revisions_are_told_at_once(doctor, hub):
    unpinned = ("architectures.enc", "tokenizers.ko", "collections.faq")
    settings = [*(f"{option}.revision=null" for option in unpinned), "resources.gpus_per_cell=1000"]
    code, report = doctor(*(part for setting in settings for part in ("--set", setting)))
    assert code == 1
    for option, name in zip(unpinned, ("org/enc", "org/words", "org/faq"), strict=True):
        (check,) = [text for text in report.splitlines() if text.startswith(f"[FAIL] revision           {option}: ")]
        assert name in check and check.endswith(f"add --set {option}.revision=COMMIT")
    assert "[FAIL] devices" in report and "[ok]   work" not in report and not hub.requests


def test_a_judgements_repository_without_revision(doctor):
    miracl = "{hub: org/faq, revision: " + "ab" * 20 + ", kind: miracl, config: ko, judgements: {hub: org/judged}}"
    _, report = doctor("--set", f"collections.faq={miracl}")
    assert (
        "collections.faq: org/judged without a pinned revision; add --set collections.faq.judgements.revision=COMMIT"
        in report
    )


def test_a_revision_that_nothing_reads_is_not_asked_for(doctor):
    code, report = doctor("--initializers", "base", "--set", "tokenizers.ko.revision=null")
    assert code == 0 and "revision " not in report


CARD = "---\nlicense: {}\n---\n# card"


@pytest.mark.parametrize(
    ("card", "expected"),
    [(CARD.format("cc-by-nc-4.0"),
      "[warn] license            org/enc: cc-by-nc-4.0 by the card, not for commercial use"),
     (CARD.format("mit"), ", mit by the card"),
     (CARD.format("other\nlicense_name: house-nc"), "[warn] license            org/enc: house-nc by the card"),
     ("# card", "[warn] license            org/enc: unknown")],
)  # fmt: skip
def test_licenses_are_read_from_cards(doctor, card, expected):
    report = doctor(files=ENCODER | {"README.md": card})[1]
    assert expected in report
    assert "[warn] license            org/words: unknown" in report
    assert expected in doctor(files=ENCODER | {"README.md": card}, gated=True)[1]  # cards are open to all


def test_the_catalog_is_asked_where_the_card_says_nothing(doctor, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "encoders: {mine: {id: org/enc, revision: null, license: BSD-2-Clause, body: BERT, vocabulary: 9}}\n",
        encoding="utf-8",
    )
    assert "BSD-2-Clause by the catalog" in doctor("--catalog", mine)[1]
    assert (
        "Apache-2.0, cc-by-4.0 by the card"
        in doctor("--catalog", mine, files=ENCODER | {"README.md": CARD.format("Apache-2.0")})[1]
    )


def test_a_bridge_that_retrieves_itself_is_downloaded_whole(doctor, hub):
    commit = hub.add(
        "org/bridge",
        {"config.json": "{}", "modules.json": "[]", "tokenizer.json": "{}", "model.safetensors": b"b" * 7000},
        "models",
    )
    bridge = ["--set", f"bridges.b={{model: org/bridge, revision: {commit}}}"]
    _, report = doctor("--initializers", "dense", "bm25", *bridge)
    assert "model              org/bridge: 7.0 kB to download (4 files)" in report
    assert "org/words: " not in report.replace("license            org/words: ", "") and "7.0 kB" in line(
        report, "org/bridge"
    )
    assert "2 cells, 0 in the store, 4 artifacts missing" in report  # the collection, its strata, a run by each
    _, report = doctor("--initializers", "mean", *bridge)
    assert "model              org/bridge" not in report


def test_hours_by_calibrated_rates(doctor, tmp_path):
    from harness.estimate.costs import Rates

    store = Store(tmp_path / "store")
    store.create()
    rates = Rates("CPU, 1 thread", 1, {"float32": 1e9}, 0.5, 0.25, 1e9, 1e6, 0.0, "float32")
    rates.save(store.root)
    mine = tmp_path / "mine.yaml"
    body = "body: '1 layers of 10', vocabulary: 100"
    mine.write_text(f"encoders: {{mine: {{id: org/enc, revision: null, license: MIT, {body}}}}}\n", encoding="utf-8")
    counted = [
        "--catalog",
        mine,
        "--initializers",
        "base",
        "--set",
        "collections.faq.expected.ko={documents: 1000000, queries: 10}",
    ]
    _, report = doctor(*counted)
    # a token: 2 x (4 x 10^2 + 2 x 10 x 40 + 10 x 100) = 4,400; 1e6 x 128 + 10 x 16 of them at 0.5e9 a second, 1e7 pairs
    # at 1e6, 3 s of its own
    hours = (4400 * (128e6 + 160) / 0.5e9 + 10 + 3) / 3600
    row = next(text for text in report.splitlines() if text.startswith("evaluation")).split()
    assert row[1:4] == ["1", f"{hours:.2f}", "calibrated"] and " ".join(row[4:6]) == "563.2 GFLOP,"
    assert "[ok]   work" in report and "first guesses for small models in collection" in report
    _, report = doctor("--catalog", mine, "--initializers", "base")
    assert "not known: counts of org/faq kor" in report and "[warn] work" in report
    assert "the time of evaluation, strata is unknown; evaluation: counts of org/faq kor" in report


def test_an_option_to_copy_stays_on_one_line():
    from harness.cli.doctor import _wrap

    for length in range(80, 125):
        wrapped = _wrap(
            "[FAIL] revision           ", f"{'x' * (length - 60)} {'y' * 30}; add --set tokenizers.ko.revision=COMMIT"
        )
        assert "--set tokenizers.ko.revision=COMMIT" in wrapped and max(map(len, wrapped.splitlines())) <= 120


def test_a_reference_s_head_and_its_code_are_counted(doctor, hub):
    head = {"sparse_linear.pt": b"h" * 1_000}
    own = {"config.json": "{}", "tokenizer.json": "{}", "modeling.py": b"#" * 300, "pytorch_model.bin": b"w" * 7_000}
    m3, milco = hub.add("org/m3", ENCODER | head, "models"), hub.add("org/milco", own, "models")
    m3_source = f"references.m3={{model: org/m3, kind: bge-m3, hub: true, revision: {m3}}}"
    options = ("--set", m3_source, "--initializers", "m3", "milco")
    options += (
        "--set",
        f"references.milco={{model: org/milco, kind: milco, remote_code: true, hub: true, revision: {milco}}}",
    )
    code, report = doctor(*options)
    assert code == 0
    assert "41.5 kB to download" in line(report, "org/m3") and "7.3 kB to download" in line(report, "org/milco")
    assert (
        report.count("code of its repository will run here") == 1
        and "[warn] code               org/milco: code of its" in report
    )


@pytest.mark.parametrize("tokenizers", ["me/{language}", "{ko: 'me/{language}', ru: {model: 'me/{language}'}}"])
def test_tokenizers_by_a_pattern_that_lack_their_revisions(command, tmp_path, monkeypatch, hub, tokenizers):
    """And what is advised there, typed as it is, is accepted."""
    monkeypatch.chdir(tmp_path)
    preset = tmp_path / "pattern.yaml"
    text = PRESET.format(encoder="a" * 40, tokenizer="b" * 40, collection="c" * 40).replace("[ko]", "[ko, ru]")
    text = re.sub(
        "tokenizers:.*", f"tokenizers: {tokenizers if tokenizers.startswith('{') else repr(tokenizers)}", text
    )
    preset.write_text(text.replace("config: kor", "config: kor, codes: {ru: rus}"), encoding="utf-8")
    code, out, err = command("doctor", preset, "--store", tmp_path / "store")
    assert code == 1 and not err
    lacking = [text for text in unwrapped(out).splitlines() if "no pinned revision" in text]
    assert [
        "tokenizers.ko: me/ko has no pinned" in lacking[0],
        "tokenizers.ru: me/ru has no pinned" in lacking[1],
        len(lacking),
    ] == [True, True, 2]
    advised = [
        re.search(r"no pinned revision, and there is no such folder here; add --set (\S+=)COMMIT$", text)[1]
        for text in lacking
    ]
    arguments = [part for option in advised for part in ("--set", option + "d" * 40)]
    code, out, err = command("doctor", preset, "--store", tmp_path / "store", *arguments)
    assert "no pinned revision" not in out and not err and "me/ko: does not exist, or is private" in unwrapped(out)


def test_a_path_that_leads_nowhere_may_be_a_folder_misspelt(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("models/encoder", "tokenizers/ko"):
        (tmp_path / folder).mkdir(parents=True)
    preset = tmp_path / "small.yaml"
    text = PRESET.format(encoder="x", tokenizer="b" * 40, collection="c" * 40)
    preset.write_text(text.replace("{model: org/enc, revision: x}", "models/encodr"), encoding="utf-8")
    for name in ("models/encodr", "model/encoder"):
        code, out, _ = command(
            "doctor", preset, "--set", f"architectures.enc.model={name}", "--store", tmp_path / "store"
        )
        assert code == 1
        hint = "there is no such folder here (did you mean the folder 'models/encoder'?)"
        assert f"{name} has no pinned revision, and {hint}; add --set" in unwrapped(out)
        with pytest.raises(
            ValueError,
            match=rf"'{name}' does not exist here \(did you mean the folder 'models/encoder'\?\); if it is a hub model",
        ):
            plan(load_preset(str(preset), tmp_path, [f"architectures.enc.model={name}"]))
    with pytest.raises(
        ValueError, match=r"'foo/bar' does not exist here; if it is a hub model, add its pinned revision"
    ):
        plan(load_preset(str(preset), tmp_path, ["architectures.enc.model=foo/bar"]))
