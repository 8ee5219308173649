"""Every wrong input gives one line with the input and the next step, and exit code 2; nothing is written.

What files alone show is refused without importing torch.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

PROBE = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from harness.cli.main import main
heard = {}
for name, arguments in json.load(sys.stdin).items():
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try: code = main(arguments)
        except SystemExit as stopped: code = stopped.code
    heavy = {"torch", "transformers", "sentence_transformers", "gensim", "ray"} & set(sys.modules)
    heard[name] = [code, out.getvalue(), err.getvalue(), sorted(heavy)]
print(json.dumps(heard))
"""


def spoiled(folder: Path, source: Path, **changes) -> Path:
    """A copy of a model folder with keys of its JSON files changed, or (None) files left out."""
    shutil.copytree(source, folder)
    for name, change in changes.items():
        path = folder / name.replace("__", ".")
        if change is None:
            path.unlink()
        else:
            path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
    return folder


def comparisons(folder: Path) -> tuple[dict[str, tuple[Path, str]], dict[str, tuple[Path, str]]]:
    """Folders of results, and files of figures, that cannot be compared: by name, with what the error says."""
    columns = "language,architecture,collection,initializer,bridge,alpha,regime,seed,ndcg@10,recall@100,mrr@10"
    columns += ",documents,queries,train_pairs,status,label,key\n"
    figure = "{collection: a, language: ko, initializer: mean, value: 0.5}"
    head = "source: a paper\ncertainty: sure\nmeasure: ndcg@10\nok: 0.01\nokish: 0.02\n"
    row = "ko,bert,a,mean,,,zero-shot,1,0.5,0.5,0.5,1,1,,ok,mean,key\n"
    old = columns.replace("documents,", "") + row.replace(",1,1,", ",1,")
    results = {
        "old": (old, "has no column 'documents'; run the grid's command again"),
        "empty": (columns, "holds no cells"),
        "number": (columns + row.replace("shot,1", "shot,x"), "line 2 cannot be read (invalid literal"),
        "good": (columns + row, ""),
    }
    figures = {
        "not YAML": ("{", "is not valid YAML"),
        "a list": ("- 1", "is not a mapping with source, measure and figures"),
        "field": (
            f"{head}figures: [{figure.replace('value', 'valeu')}]",
            "figures.0.valeu is unknown; did you mean 'value'?",
        ),
        "no form": (
            f"{head}figures: [{figure.replace(', value: 0.5', '')}]",
            "one of value, either and range, not none of them; keep one",
        ),
        "two forms": (f"{head}figures: [{figure[:-1]}, range: [0.1, 0.2]}}]", "not value and range; keep one"),
        "range": (
            f"{head}figures: [{figure.replace('value: 0.5', 'range: [0.2, 0.1]')}]",
            "range [0.2, 0.1] does not rise",
        ),
        "score": (
            f"{head}figures: [{figure.replace('0.5', '42.2')}]",
            "figures.0.value: 42.2 is not valid (input should be less than or equal to 1)",
        ),
        "mean": (f"{head}figures: [{figure.replace('ko', 'mean')}]", "mean_over does not name its languages"),
        "measure": (
            f"{head.replace('ndcg@10', 'ndgc@10')}figures: [{figure}]",
            "measure 'ndgc@10' is unknown; did you mean 'ndcg@10'?",
        ),
        "tolerance": (
            f"{head.replace('okish: 0.02', 'okish: 0.001')}figures: [{figure}]",
            "okish 0.001 is below ok 0.01",
        ),
        "no figures": (f"{head}figures: []", "figures: "),
    }
    for name, (text, _) in results.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "cells.csv").write_text(text, encoding="utf-8")
    for name, (text, _) in figures.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    refused = {name: (folder / name, message) for name, (_, message) in results.items() if message}
    refused["none"] = (folder, "has no cells.csv; give the folder that a run wrote with --results")
    files = {name: (folder / f"{name}.yaml", message) for name, (_, message) in figures.items()}
    return refused, files | {
        "no file": (folder / "nothing.yaml", "cannot be read (No such file or directory); check the path")
    }


@pytest.fixture(scope="module")
def cases(made, tmp_path_factory) -> tuple[Path, dict[str, tuple[list[str], str]]]:
    """(the folder where everything would be written, name -> arguments and what the error says)"""
    root = tmp_path_factory.mktemp("refused")
    work = root / "work"
    work.mkdir()
    (work / "full").mkdir()
    (work / "full" / "thesis.tex").write_text("precious", encoding="utf-8")
    (work / "made").mkdir()
    (work / "made" / "transfer.json").write_text("{}", encoding="utf-8")
    (work / "empty.txt").write_text("", encoding="utf-8")
    results, figures = comparisons(root / "comparisons")
    (work / "korean.txt").write_bytes("비밀번호\n".encode("cp949"))
    broken = spoiled(root / "broken", made.source)
    (broken / "config.json").write_text("{oops", encoding="utf-8")
    nested = work / "nest"
    shutil.copytree(made.source, nested / "source")
    (nested / "transfer.json").write_text("{}", encoding="utf-8")
    no_config = spoiled(root / "no config", made.source, config__json=None)
    body = spoiled(root / "body", made.source, config__json=lambda config: config | {"architectures": ["BertModel"]})
    pickled = spoiled(root / "pickled", made.source, model__safetensors=None)
    no_pad = spoiled(
        root / "no pad", made.target, tokenizer_config__json=lambda c: {k: v for k, v in c.items() if k != "pad_token"}
    )
    no_tokenizer = spoiled(root / "no tokenizer", made.target, tokenizer__json=None)
    (root / "nothing").mkdir()

    source, target = str(made.source), str(made.target)

    def of(*options, source=source, tokenizer=target, out=work / "out", bridge=made.bridge):
        arguments = ["transfer", str(source), "--tokenizer", str(tokenizer), "--out", str(out)]
        return [*arguments, *(["--bridge", str(bridge)] if bridge else []), *map(str, options)]

    cheap = {
        "no command": ([], "arguments are required: COMMAND; see sembridge-bench --help"),
        "unknown command": (["transplant"], "invalid choice: 'transplant'"),
        "no out": (["transfer", source, "--tokenizer", target], "required: --out; see sembridge-bench transfer --help"),
        "seed": (of("--seed", "x"), "--seed: invalid int value: 'x'"),
        "initializer": (
            of("--initializer", "sembrige"),
            "--initializer 'sembrige' is unknown; did you mean 'sembridge'?",
        ),
        "overlap": (of("--overlap", "fuzy"), "--overlap 'fuzy' is unknown; did you mean 'fuzzy'?"),
        "bias": (of("--bias", "trasfer"), "--bias 'trasfer' is unknown; did you mean 'transfer'?"),
        "profile": (of("--profile", "compact"), "--profile 'compact' is unknown; did you mean 'compat'?"),
        "donors": (of("--donors", "al"), "--donors 'al' is unknown; did you mean 'all'?"),
        "compat donors": (
            of("--profile", "compat", "--donors", "ordinary"),
            "--donors 'ordinary' conflicts with profile 'compat'",
        ),
        "language": (of("--language", "Korean!"), "--language 'Korean!' is not a language code; give one like ko"),
        "no source": (of(source="./nowhere"), "SOURCE './nowhere' does not exist here; check the path"),
        "hub source": (of(source="naver/splade-v3"), "add its pinned revision with --revision COMMIT"),
        "hub tokenizer": (
            of(tokenizer="monologg/kobigbird-bert-base"),
            "add its pinned revision with --tokenizer-revision COMMIT",
        ),
        "hub bridge": (of(bridge="BAAI/bge-m3"), "add its pinned revision with --bridge-revision COMMIT"),
        "revision of a folder": (of("--revision", "abc"), "--revision 'abc' has no effect: SOURCE"),
        "pocket": (of(source="pocket:encoders/brt"), "encoder 'brt' is not in the pocket; did you mean 'bert'?"),
        "no config": (of(source=no_config), "no config.json"),
        "no masked LM": (of(source=body), "is not a masked LM (architectures: BertModel)"),
        "pickled": (of(source=pickled), "no .safetensors file"),
        "source is a file": (of(source=made.text), "is a file; give the folder of a model"),
        "no pad": (of(tokenizer=no_pad), "has no pad token; set pad_token"),
        "no tokenizer": (of(tokenizer=no_tokenizer), "no tokenizer.json"),
        "no bridge there": (
            of(bridge=root / "nothing"),
            "has no modules.json; give the folder of a SentenceTransformer",
        ),
        "broken config": (of(source=broken), "config.json is not JSON (Expecting"),
        "not UTF-8": (of("--text", work / "korean.txt"), "korean.txt' is not UTF-8 text (byte 0); convert it"),
        "no text there": (of("--text", root / "nothing.txt"), "nothing.txt' is not a file; check the path"),
        "empty text": (of("--words", work / "empty.txt"), "empty.txt' is empty"),
        "idf": (of("--idf-text", made.text), "--idf-text is for inference-free encoders"),
        "out is full": (
            of("--force", out=work / "full"),
            "is not empty and holds no transferred encoder; choose another folder",
        ),
        "out is made": (
            of(out=work / "made"),
            "holds a transferred encoder already; choose another folder, or replace it with --force",
        ),
        "out is a file": (of(out=work / "empty.txt"), "empty.txt' is a file; choose a folder"),
        "out in a file": (of(out=work / "empty.txt" / "out"), "cannot be written"),
        "out is source": (
            of("--force", out=made.source),
            "holds 'bert', which the transfer reads; choose another folder",
        ),
        "out holds source": (
            of("--force", source=nested / "source", out=nested),
            "holds 'source', which the transfer reads",
        ),
        "store": (
            of("--store", work / "full", tokenizer="pocket:tokenizers/ko"),
            "is not empty and not a store of this project",
        ),
        "explain nothing": (
            ["explain", str(work / "nowhere"), "кот"],
            "is not a folder; give the one that `sembridge-bench transfer` wrote",
        ),
        "explain a source": (["explain", source, "cat"], "has no transfer.json, so it is not a transferred encoder"),
        "explain no token": (["explain", source], "no token was given; name some, or add --worst 20"),
        "explain both": (["explain", source, "cat", "--worst", "3"], "--worst and tokens were both given"),
        "explain top": (["explain", source, "cat", "--top", "0"], "--top 0 is not a number of things to show"),
        "explain worst": (["explain", source, "--worst", "0"], "--worst 0 is not a number of things to show"),
        **{f"compare: {name}": (["compare", str(folder)], message) for name, (folder, message) in results.items()},
        **{
            f"compare with: {name}": (["compare", str(root / "comparisons" / "good"), "--expected", str(file)], message)
            for name, (file, message) in figures.items()
        },
        "compare catalog": (
            ["compare", str(root / "comparisons" / "good"), "--catalog", str(work / "korean.txt")],
            "not valid YAML",
        ),
        "explain format": (
            ["explain", source, "cat", "--format", "jsn"],
            "--format 'jsn' is unknown; did you mean 'json'?",
        ),
    }
    costly = {
        "alpha": (of("--alpha", "0.5"), "initializer 'sembridge': alpha 0.5 is below 1"),
        "alpha twice": (of("--alpha", "2", "--set", "alpha=3"), "alpha is given twice"),
        "no alpha": (
            of("--alpha", "2", "--initializer", "mean", bridge=None),
            "initializer 'mean' has no alpha; leave --alpha out",
        ),
        "field": (of("--set", "alhpa=2"), "has no parameter 'alhpa'; did you mean 'alpha'?"),
        "no fields": (
            of("--set", "x=2", "--initializer", "mean", bridge=None),
            "has no parameter 'x'; it has no parameters",
        ),
        "form": (of("--set", "alpha"), "--set 'alpha' is not of the form FIELD=VALUE"),
        "type": (of("--set", "alpha=[2]"), "[2] is not a float; the default is 4.0"),
        "bridge by set": (of("--set", "bridge=x"), "use --bridge instead"),
        "default bridge": (
            of(bridge=None),
            "--bridge 'BAAI/bge-m3' does not exist here; if it is a hub model, add its pinned revision",
        ),
        "no text": (
            of("--initializer", "focus", bridge=None),
            "initializer 'focus' needs text of the new language, one passage a line: add --text FILE",
        ),
        "no words": (
            of("--initializer", "ofa", bridge=None),
            "text format or a multilingual sentence encoder: add --words FILE or --bridge",
        ),
        "no words of the text": (
            of("--initializer", "ofa"),
            "or text of the new language, one passage a line: add --words FILE or --text FILE",
        ),
        "text beside vectors": (
            of("--initializer", "ofa", "--words", made.words, "--text", made.text, bridge=None),
            "initializer 'ofa' does not use --text beside --words; leave it out",
        ),
        "not a dictionary": (
            of(
                "--initializer",
                "wechsel",
                "--dictionary",
                made.text,
                "--source-text",
                made.text,
                "--text",
                made.text,
                bridge=None,
            ),
            "line 1: expected a source word, a tab and a target word",
        ),
        "no vectors": (
            of("--initializer", "wechsel", "--dictionary", made.dictionary, bridge=None),
            ": add --source-vectors FILE or --source-text FILE",
        ),
        "bridge unused": (of("--initializer", "mean"), "initializer 'mean' does not use --bridge; leave it out"),
        "text unused": (
            of("--text", made.text),
            "initializer 'sembridge' does not use --text; add --set pieces=words, or leave it out",
        ),
        "prompt unused": (
            of("--initializer", "mean", "--bridge-prompt", "x", bridge=None),
            "does not use --bridge-prompt; leave it out",
        ),
    }
    return work, {name: (*case, False) for name, case in cheap.items()} | {
        name: (*case, True) for name, case in costly.items()
    }


def test_refusals(cases):
    work, table = cases
    before = sorted(str(path) for path in work.parent.rglob("*"))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    commands = json.dumps({name: arguments for name, (arguments, _, _) in table.items()})
    ran = subprocess.run(
        [sys.executable, "-c", PROBE], input=commands, cwd=work, capture_output=True, text=True, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    heard = json.loads(ran.stdout)
    for name, (_, message, may_import) in table.items():
        code, out, err, heavy = heard[name]
        assert code == 2 and out == "", (name, err)
        assert err.startswith("error: ") and err.count("\n") == 1 and err.endswith("\n"), (name, err)
        assert message in err, (name, err)
        assert may_import or not heavy, f"{name} imported {heavy}"
    assert sorted(str(path) for path in work.parent.rglob("*")) == before, "something was written"
    assert (work / "full" / "thesis.tex").read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize(
    "arguments", [["--help"], *([name, "--help"] for name in ("transfer", "explain", "compare", "index", "search"))]
)
def test_help_imports_next_to_nothing(arguments):
    code = (
        "import sys; from harness.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as stopped: assert stopped.code == 0\n"
        "heavy = ('torch', 'numpy', 'scipy', 'yaml', 'pydantic', 'transformers')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "[]", ran.stderr


def test_an_unknown_setting_of_the_processor_is_refused_by_every_command(monkeypatch, refused):
    monkeypatch.setenv("SEMBRIDGE_PRODUCTS", "mkl-dnn")
    for arguments in (["--languages", "ko"], ["doctor", "pocket"]):
        assert "SEMBRIDGE_PRODUCTS='mkl-dnn' is unknown; known: auto, blas, onednn" in refused(*arguments)
