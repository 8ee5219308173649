"""Bad presets, options and catalogs are refused in one line that names the file or option, and the next step."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.catalog.catalog import CatalogError, load_catalog
from harness.files import yaml_data

PLAIN = {
    "title": "t", "languages": "[ru]", "architectures": "{a: x}", "tokenizers": "t", "collections": "{c: d}",
    "initializers": "[mean]",
}  # fmt: skip
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)


def preset(**changes: str) -> str:
    return "".join(f"{key}: {value}\n" for key, value in (PLAIN | changes).items())


WHOLE: list[tuple[str | bytes, str]] = [
    (b"title: caf\xe9\n", "bad.yaml: not valid YAML (byte 11 is not UTF-8); fix the file"),
    (b"title: a\x00b\n", "not valid YAML (unacceptable character #x0000"),
    (b"\xff\xfet\x00", "not valid YAML (byte 1 is not UTF-8)"),
    ("", "a preset is a mapping of options; see the page 'presets' of the documentation"),
    ("- a\n- b\n", "a preset is a mapping of options"),
    ("just text", "a preset is a mapping of options"),
    ("title: [\n", "not valid YAML (while parsing a flow node"),
    ("title: a\n---\ntitle: b\n", "not valid YAML (expected a single document"),
    ("[" * 5000, "not valid YAML (nested more than 100 deep)"),
    ("{a: " * 5000, "not valid YAML (nested more than 100 deep)"),
    (BOMB, "not valid YAML (more than 100,000 values, aliases written out)"),
    ("a: &a [*a]\n", "not valid YAML (an alias refers to a value that contains it)"),
    ("a: &a {b: *a}\n", "not valid YAML (an alias refers to a value that contains it)"),
    ("a: *nowhere\n", "not valid YAML (found undefined alias"),
    (preset() + "title: again\n", "not valid YAML ('title' is repeated in line 7"),
    ("{[1]: 2}\n", "not valid YAML (a key is a list or a mapping"),
    ("title: !!python/object/apply:os.system [touch pwned]\n", "is not read as 'python/object/apply:os.system'"),
    ("title: !!python/name:os.system\n", "is not read as 'python/name:os.system'"),
    ("title: !!set {a, b}\n", "is not read as 'set'"),
    ("title: !!binary aGk=\n", "'aGk=' in line 1 is not read as 'binary'; put text in quotes"),
    ("title: !!int seven\n", "'seven' in line 1 is not read as 'int'"),
    ("title: " + "9" * 6000 + "\n", "in line 1 is not read as 'int'"),
    ('title: "\\ud800"\n', "contains half a surrogate pair or a NUL"),
    ('title: "a\\0b"\n', "contains half a surrogate pair or a NUL"),
    ("<<: 3\n", "not valid YAML (while constructing a mapping"),
    ("a" * (yaml_data.BYTES + 1), "not valid YAML (longer than 1 MiB)"),
    (preset() + "7: 8\n", "option '7': the name 7 is not text; put it in quotes"),
    (preset(collections="{no: d}"), "option 'collections.False': the name False is not text; put it in quotes"),
    (preset(languages="[no]"), "option 'languages.0': False is not valid"),
    (preset(languages="ru"), "option 'languages': 'ru' is not valid"),
    (preset(title="[a]"), "option 'title': ['a'] is not valid"),
    (preset(title='"\\e[2J"'), "title: '\\x1b[2J' is not a valid name; give 1 to 100 printable characters"),
    (preset(title='"a\\nb"'), "title: 'a\\nb' is not a valid name"),
    (preset(architectures='{"": x}'), "architectures: '' is not a valid name"),
    (preset(architectures="{=cmd|' /C calc'!A0: x}"),
     "architectures: \"=cmd|' /C calc'!A0\" is not a valid name: spreadsheets would compute it"),
    (preset(bridges='{"@SUM(1)": x}'), "bridges: '@SUM(1)' is not a valid name: spreadsheets would compute it"),
    (preset(collections=f"{{{'c' * 101}: d}}"), "is not a valid name; give 1 to 100 printable"),
    (preset(collections='{"a\\tb": d}'), "collections: 'a\\tb' is not a valid name"),
    (preset(collections="{c: {hub: ../etc}}"), "'../etc' is not a hub dataset; give its owner and name"),
    (preset(collections="{c: {hub: a/b/c}}"), "'a/b/c' is not a hub dataset; give its owner and name"),
    (preset(collections="{c: {hub: a/b, revision: main}}"),
     "'main' is not a commit, and what it stands for may change"),
    (preset(collections="{c: {hub: a/b, folder: d}}"),
     "a collection comes from one of folder, hub and ir_datasets, not from folder and hub"),
    (preset(collections="{c: {folder: d, subset: ../../x}}"), "option 'collections.c.subset'"),
    (preset(collections="{c: {folder: d, limit: -1}}"), "option 'collections.c.limit': -1 is not valid"),
    (preset(alphas="[.nan]"), "option 'alphas.0': nan is not valid (input should be a finite number)"),
    (preset(alphas="[.inf]"), "option 'alphas.0': inf is not valid"),
    (preset(seeds="[-1]"), "option 'seeds.0': -1 is not valid"),
    (preset(seeds="[99999999999999999999]"), "option 'seeds.0': 99999999999999999999 is not valid"),
    (preset(evaluation="{k: 1000000000000}"), "option 'evaluation.k': 1000000000000 is not valid"),
    (preset(training="{learning_rate: .inf}"),
     "option 'training.learning_rate': inf is not valid (input should be a finite number)"),
    (preset(training="{epochs: 1000000000}"), "option 'training.epochs': 1000000000 is not valid"),
    (preset(resources="{cpus_per_cell: .inf}"), "option 'resources.cpus_per_cell': inf is not valid"),
    (preset(settings="{mean: 3}"), "option 'settings.mean': 3 is not valid"),
    (preset(catalog="3"), "option 'catalog': 3 is not valid; give the path of a file, or a list of them"),
    (preset(catalog="[3]"), "option 'catalog': [3] is not valid"),
    (preset(catalog="/nowhere.yaml"),
     "catalog '/nowhere.yaml' cannot be read (No such file or directory); check the path"),
    (preset(catalog="~nobody-of-that-name/x"), "catalog '~nobody-of-that-name/x' cannot be read"),
    (preset(data="{a: 1}", text="'{data}/x'"), "option 'data': {'a': 1} is not valid"),
    (preset(references="{r: {model: x, remote_code: 'yes'}}"), "option 'references.r.remote_code': 'yes' is not valid"),
    (preset(references="{r: {model: x, kind: milco}}"),
     "kind milco runs code of the model's repository; if you have read it and trust it"),
    (preset(references="{r: {model: x, trust_remote_code: true}}"),
     "references.r.trust_remote_code' is unknown; did you mean 'remote_code'?"),
    (preset(architectures="{a: {model: x, remote_code: true}}"), "option 'architectures.a.remote_code' is unknown"),
    (preset(references="{r: 'catalog:milco'}"), "runs code from its repository, which the catalog alone never allows"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), WHOLE, ids=[f"{number}" for number in range(len(WHOLE))])
def test_presets(refused, tmp_path, content, message):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    start = time.perf_counter()
    assert message in refused("--preset", path)
    assert time.perf_counter() - start < 10 and not Path("pwned").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "../../etc/passwd"], "--preset '../../etc/passwd' is unknown; known: "),
        (["--preset", "."], "--preset '.' is unknown"),
        (["--preset", "a\0.yaml"], "--preset 'a\\x00.yaml' is unknown"),
        (["--set", "=3"], "--set '=3' is not of the form key.path=value"),
        (["--set", "languages.0=ko"], "'languages' is a single value, with nothing below it"),
        (["--set", f"title={BOMB}"], "title: 'a0: &a0 [x, x"),
        (["--set", "alphas=[" + "9" * 400 + "]"], "9999... is neither a number from 1 on nor auto"),
        (["--set", "a." * 5000 + "b=1"], "reaches 5000 levels down, further than any option"),
        (["--set", "a" * 5000 + "=1"], "aaa' is unknown; known: alphas"),
        (["--set", "title.x=1" + "9" * 5000], "is a single value, with nothing below it"),
        (["--set", "bridges.=x"], "bridges: '' is not a valid name"),
        (["--set", "training.batch_size=1e999"], "option 'training.batch_size': '1e999' is not valid"),
        (["--alphas", "nan"], "option 'alphas.0': nan is not valid"),
        (["--seeds", "1.5"], "argument --seeds: invalid int value: '1.5'; see sembridge-bench grid --help"),
        (["--bogus"], "unrecognized arguments: --bogus; see sembridge-bench grid --help"),
        (["--initializers", "sembridge", "--set", "settings.sembridge.metric=[1]"], "settings.sembridge.metric"),
        (
            ["--initializers", "focus", "--set", "settings.focus.min_count=many"],
            "settings.focus.min_count: 'many' is not an int; the default is",
        ),
        (["--initializers", "focus", "--set", "settings.focus.learning_rate=.nan"], "settings.focus.learning_rate"),
        (
            ["--initializers", "wechsel", "--set", "settings.wechsel.epochs=true"],
            "settings.wechsel.epochs: True is not an int; the default is 20",
        ),
        (
            ["--initializers", "wechsel", "--set", "settings.wechsel.sample=.inf"],
            "settings.wechsel.sample: inf is not a finite number",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else value[0],
)
def test_options(refused, arguments, message):
    assert message in refused(*arguments)


CATALOGS = [
    ("", "a catalog maps kinds (languages, encoders"),
    ("[]", "a catalog maps kinds"),
    ("encoders: [a]", "a catalog maps kinds"),
    ("encodres: {}", "kind 'encodres' is unknown; did you mean 'encoders'?"),
    ("7: {}", "kind '7' is unknown"),
    ("languages: {no: {}}", "languages.False is not a name with fields below it"),
    ("languages: {xx: 3}", "languages.xx is not a name with fields below it"),
    ("languages: {xx: {name: Xx}}", "languages.xx.iso3 is missing; add it"),
    ("languages: {xx: {name: Xx, iso3: 3, script: Latn, bm25: words}}", "languages.xx.iso3: 3 is not valid"),
    ("languages: {xx: {name: Xx, iso3: XXX, script: Latn, bm25: words}}", "languages.xx.iso3: 'XXX' is not valid"),
    (
        "bridges: {b: {id: 'a/b; rm -rf', revision: null, license: mit, dimensions: 3, pooling: cls}}",
        "bridges.b.id: 'a/b; rm -rf' is not valid",
    ),
    (
        "bridges: {b: {id: ../b, revision: null, license: mit, dimensions: 3, pooling: cls}}",
        "bridges.b.id: '../b' is not valid",
    ),
    (
        "bridges: {b: {id: a/b, revision: main, license: mit, dimensions: 3, pooling: cls}}",
        "bridges.b.revision: 'main' is not valid",
    ),
    (
        "bridges: {b: {id: a/b, revision: null, license: mit, dimensions: '3', pooling: cls}}",
        "bridges.b.dimensions: '3' is not valid",
    ),
    (
        "bridges: {b: {id: a/b, revision: null, license: mit, dimensions: 3, pooling: cls, remote_code: 'yes'}}",
        "remote_code: 'yes' is not valid",
    ),
    (
        "tokenizers: {t: {id: a/b, revision: null, license: mit, language: qq, vocabulary: 3}}",
        "language 'qq' is unknown",
    ),
    (f"notes: &a {{x: {'y' * 5000}}}\n", "kind 'notes' is unknown"),
    (f"encoders: {{e: {'z' * 5000}}}", "encoders.e is not a name with fields below it"),
    (BOMB, "not valid YAML (more than 100,000 values, aliases written out); fix the file"),
    ("encoders: {}\nencoders: {}\n", "'encoders' is repeated"),
    ("a" * (yaml_data.BYTES + 1), "not valid YAML (longer than 1 MiB)"),
]


@pytest.mark.parametrize(("content", "message"), CATALOGS, ids=[f"{number}" for number in range(len(CATALOGS))])
def test_catalogs(tmp_path, content, message):
    path = tmp_path / "mine.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CatalogError) as error:
        load_catalog([path])
    said = str(error.value)
    assert message in said and said.startswith("catalog") and "\n" not in said and len(said) < 600


def test_a_pipe_is_not_waited_for(tmp_path, refused):
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(CatalogError, match=r"pipe\.yaml' cannot be read \(.*not a regular file"):
        load_catalog([tmp_path / "pipe.yaml"])
    assert "--preset" in refused("--preset", tmp_path / "pipe.yaml")


def test_yaml_that_is_not_refused():
    """Aliases, merges and dates as people use them; a date stays a text."""
    content = "base: &b {x: 1, y: [2]}\nother: {<<: *b, x: 3}\nwhen: 2024-01-01\nlist: [*b, *b]\nno: yes\n"
    assert yaml_data.load(content) == {
        "base": {"x": 1, "y": [2]}, "other": {"x": 3, "y": [2]}, "when": "2024-01-01",
        "list": [{"x": 1, "y": [2]}] * 2, False: True,
    }  # fmt: skip
    assert yaml_data.load("") is None
