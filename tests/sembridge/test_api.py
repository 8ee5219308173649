"""What a user of sentence-transformers does from Python: loaded models, names, mistakes, saving, explaining."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer, SparseEncoder

import sembridge.bridging.piece_vectors
import sembridge.pipeline
from harness.cli.main import main
from sembridge.bridge import BridgeVectors, load_bridge
from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.encoder.modules import splade_modules
from sembridge.model_card.explanation import explain
from sembridge.pipeline import make_task, transfer
from sembridge.semantic_bridge import SemBridge
from sembridge.signet import Signet
from tests.helpers import hub_models
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.families_made import family_folder, represented, with_marks
from tests.helpers.paths import ROOT
from tests.helpers.tokenizers_made import english, made_tokenizer, russian


@dataclass(frozen=True)
class Folders:
    root: Path

    @property
    def source(self) -> str:
        return str(self.root / "source")

    @property
    def tokenizer(self) -> str:
        return str(self.root / "russian")

    @property
    def bridge(self) -> str:
        return str(self.root / "bridge")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root = tmp_path_factory.mktemp("api")
    family_folder(root / "source", "bert")
    with_marks(made_tokenizer("wordpiece", "russian", 350)).save_pretrained(root / "russian")
    made_bridge_folder(root / "bridge", [*english(), *russian()])
    return Folders(root)


def test_the_package_shows_its_public_names_and_stays_light():
    """In a process of its own: others have imported torch already."""
    program = (
        "import sys, sembridge\n"
        "assert not {'torch', 'transformers', 'numpy', 'scipy'} & set(sys.modules)\n"
        "assert dir(sembridge) == sorted(sembridge.__all__), dir(sembridge)\n"
        "first = {name: getattr(sembridge, name) for name in dir(sembridge)}\n"
        "assert all(callable(value) for name, value in first.items() if name != 'search'), first\n"
        "import sembridge.assembly, sembridge.pipeline, sembridge.model_card.explanation\n"
        "assert first == {name: getattr(sembridge, name) for name in dir(sembridge)}, 'a module took a name'\n"
        "try:\n    sembridge.nothing\nexcept AttributeError as error:\n    assert 'nothing' in str(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (ROOT / "sembridge" / "py.typed").is_file()


def test_the_signature_says_what_can_be_asked_for():
    signature = inspect.signature(transfer)
    parameters = signature.parameters
    assert all(parameter.kind is not inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    options = {name for name, parameter in parameters.items() if parameter.kind is inspect.Parameter.KEYWORD_ONLY}
    assert options >= {"overlap", "donors", "profile", "seed", "revision", "tokenizer_revision", "device"}
    assert parameters["initializer"].default == "sembridge" and signature.return_annotation == "SparseEncoder"
    with pytest.raises(TypeError, match="overlpa"):
        transfer("a", "b", overlpa="exact")


def test_loaded_models_and_names_give_the_same_bits(folders):
    """A loaded encoder is changed in place; of a loaded tokenizer a copy is used."""
    by_name = transfer(folders.source, Path(folders.tokenizer), SemBridge(folders.bridge))
    loaded, tokenizer = SparseEncoder(folders.source, device="cpu"), load_tokenizer(folders.tokenizer)
    settings = repr(tokenizer)
    with_object = transfer(loaded, tokenizer, SemBridge(load_bridge(folders.bridge)))
    assert with_object is loaded and isinstance(loaded, SparseEncoder) and repr(tokenizer) == settings
    texts = ["новый кот смотрит", "the old song"]
    assert represented(by_name, texts).tobytes() == represented(with_object, texts).tobytes()
    recipe, other = (encoder.transfer_record.recipe for encoder in (by_name, with_object))
    named = {role: part.name for role, part in recipe.ingredients.items()}
    assert named == {"source": "source", "tokenizer": "russian", "bridge": "bridge"}
    assert other.inputs["bridge"].name == "unnamed", "static embeddings do not say where they come from"
    assert dataclasses.replace(other, inputs=recipe.inputs) == recipe
    published = {"geometry": "published", "directions": 0, "csls": 0, "pieces": "own"}
    assert recipe.parameters == {"alpha": 4.0, "position": None, **published}
    assert recipe.options["donors"] == "ordinary" and recipe.options["bias"] == "transfer"


def test_a_bridge_reads_each_vocabulary_once(folders, tmp_path, monkeypatch):
    """An untied decoder gets rows of its own, from the same vectors."""
    calls = []
    real = sembridge.bridging.piece_vectors.embed_vocabulary
    monkeypatch.setattr(
        "sembridge.bridging.piece_vectors.embed_vocabulary",
        lambda *inputs, **options: (calls.append(1), real(*inputs, **options))[1],
    )
    transfer(family_folder(tmp_path, "bert", tied=False), folders.tokenizer, SemBridge(folders.bridge))
    assert len(calls) == 2


@dataclass(frozen=True)
class Refusing:
    name: ClassVar[str] = "refusing"
    needs: ClassVar[tuple[str, ...]] = ()

    def __call__(self, task: Any) -> Any:
        raise AssertionError("it was called")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"initializer": SemBridge}, TypeError, r"give an instance: SemBridge\(\.\.\.\)"),
        ({"initializer": "sembrige"}, ValueError, "'sembrige' is unknown; did you mean 'sembridge'"),
        ({"initializer": "focus"}, ValueError, r"'focus' needs more than its name \(auxiliary\).*Focus\(\.\.\.\)"),
        ({"initializer": 7}, TypeError, "initializer 7 is neither a method nor the name of one; known: .*sembridge"),
        ({"overlap": "fuzy"}, ValueError, "overlap 'fuzy' is unknown; did you mean 'fuzzy'"),
        ({"donors": 3}, ValueError, "donors 3 is unknown; known: all, ordinary"),
        ({"profile": "compact"}, ValueError, "profile 'compact' is unknown; did you mean 'compat'"),
        ({"bias": "trasfer"}, ValueError, "bias 'trasfer' is unknown; did you mean 'transfer'"),
        ({"profile": "compat", "donors": "ordinary"}, ValueError, "conflicts with profile 'compat'"),
        ({"source": "./nowhere"}, ValueError, "model folder './nowhere' does not exist"),
    ],
)
def test_mistakes_are_told_before_anything_is_loaded(folders, monkeypatch, arguments, error, message):
    monkeypatch.setattr(sembridge.pipeline, "load_tokenizer", lambda *_: pytest.fail("was loaded"))
    with pytest.raises(error, match=message):
        transfer(**{"source": folders.source, "tokenizer": folders.tokenizer, "initializer": Refusing(), **arguments})


def test_arguments_of_another_kind(folders):
    encoder = SparseEncoder(folders.source, device="cpu")
    for option in ("revision", "device"):
        with pytest.raises(ValueError, match=f"{option} 'main' has no effect on an encoder that is loaded already"):
            transfer(encoder, folders.tokenizer, Refusing(), **{option: "main"})
    with pytest.raises(ValueError, match="tokenizer_revision 'main' has no effect on a tokenizer"):
        transfer(encoder, load_tokenizer(folders.tokenizer), Refusing(), tokenizer_revision="main")
    with pytest.raises(TypeError, match=r"source is a SentenceTransformer; give .* a loaded SparseEncoder"):
        transfer(SentenceTransformer(folders.bridge, device="cpu"), folders.tokenizer, Refusing())
    with pytest.raises(TypeError, match=r"tokenizer is a Tokenizer; give .* a loaded transformers tokenizer"):
        transfer(encoder, load_tokenizer(folders.tokenizer).backend_tokenizer, Refusing())
    unpadded = load_tokenizer(folders.tokenizer)
    unpadded.pad_token = None
    with pytest.raises(ValueError, match="has no pad token"):
        transfer(encoder, unpadded, Refusing())


def test_a_revision_is_handed_to_the_loaders(monkeypatch):
    seen = []

    def stop(*arguments: Any) -> Any:
        seen.append(arguments)
        if len(seen) == 2:
            raise ValueError("that is enough")

    monkeypatch.setattr(sembridge.pipeline, "load_encoder", stop)
    monkeypatch.setattr(sembridge.pipeline, "load_tokenizer", stop)
    with pytest.raises(ValueError, match="enough"):
        transfer("a/b", "c/d", Refusing(), revision="abc", tokenizer_revision="def", device="cpu")
    assert seen == [("a/b", "abc", "cpu"), ("c/d", "def")]


def test_a_bridge_may_be_pinned_in_its_name(folders, monkeypatch):
    seen = []

    def load(*arguments: Any) -> Any:
        seen.append(arguments)
        return load_bridge(folders.bridge)

    monkeypatch.setattr("sembridge.bridging.method.load_bridge", load)
    encoder = transfer(folders.source, folders.tokenizer, SemBridge("owner/bridge@abc"))
    bridge = encoder.transfer_record.recipe.inputs["bridge"]
    assert seen == [("owner/bridge", "abc")] and (bridge.name, bridge.revision) == ("owner/bridge", "abc")


@pytest.mark.parametrize("kind", [SemBridge, Signet])
def test_what_is_saved_is_what_the_command_writes(kind, folders, tmp_path, capsys):
    """The same files with the same bytes: record, model card and model."""
    out, text = tmp_path / "command" / "splade-ru", tmp_path / "ru.txt"
    text.write_text("\n".join(russian()) + "\n", encoding="utf-8")
    options = ["--tokenizer", folders.tokenizer, "--bridge", folders.bridge, "--language", "ru", "--out", str(out)]
    options += ["--initializer", kind.name, *(["--text", str(text)] if kind is Signet else [])]
    assert main(["transfer", folders.source, *options]) == 0
    method = kind(folders.bridge, **({"text": str(text)} if kind is Signet else {}))
    encoder = transfer(folders.source, folders.tokenizer, method, language="ru")
    encoder.save_pretrained(str(tmp_path / "splade-ru"))
    written = {path.relative_to(out): path for path in out.rglob("*") if path.is_file()}
    assert {Path("transfer.json"), Path("transfer.safetensors"), Path("README.md")} <= written.keys()
    saved = tmp_path / "splade-ru"
    assert {path.relative_to(saved) for path in saved.rglob("*") if path.is_file()} == written.keys()
    for name, path in written.items():
        assert (saved / name).read_bytes() == path.read_bytes(), name
    capsys.readouterr()
    assert main(["explain", str(saved), "кот"]) == 0
    shown = capsys.readouterr().out
    assert shown == f"{explain(encoder, 'кот')}\n" == f"{explain(saved, 'кот')!r}\n"
    card = (saved / "README.md").read_text(encoding="utf-8")
    assert ("a direction of its own" in card) == ("its own" in str(explain(encoder, worst=3))) == (kind is Signet)


def test_explanations_in_python(folders):
    encoder = transfer(folders.source, folders.tokenizer, SemBridge(folders.bridge))
    worst = explain(encoder, worst=2)
    assert str(worst).startswith("2 of ") and len(worst.to_dict()["tokens"]) == 2
    whole = explain(encoder, "кот the", top=1)
    assert str(whole).splitlines()[0].startswith("кот the is read as кот t")
    assert whole.to_dict()["tokens"][0]["token"] == "кот"
    for arguments, options, message in (
        ((encoder,), {}, "no token was given"),
        ((encoder, "кот"), {"worst": 3}, "both given"),
        ((encoder, "кот"), {"top": 0}, "top 0 is not a number of things to show"),
        ((folders.root / "nowhere", "кот"), {}, "does not exist"),
        ((folders.source, "кот"), {}, "has no transfer.json"),
        ((load_encoder(folders.source), "кот"), {}, "this encoder has no record"),
    ):
        with pytest.raises(ValueError, match=message):
            explain(*arguments, **options)


def test_vectors_in_memory_have_no_name(folders):
    encoder = load_encoder(folders.source)
    task = make_task(encoder, load_tokenizer(folders.tokenizer))
    vectors: BridgeVectors = SemBridge(folders.bridge).vectors(task)
    by_vectors = transfer(encoder, folders.tokenizer, SemBridge(vectors))
    assert by_vectors.transfer_record.recipe.inputs == {}
    assert np.isfinite(by_vectors.transfer_record.strength[by_vectors.transfer_record.origin == "mixed"]).all()
    again = transfer(folders.source, folders.tokenizer, SemBridge(folders.bridge))
    weights = [splade_modules(each).model.get_input_embeddings().weight for each in (by_vectors, again)]
    assert torch.equal(*weights)


def test_hub_ids_without_and_with_a_revision(hub, folders, tmp_path):
    """As transformers takes them; what was read is written down with its commit."""
    encoder = hub.add("org/enc", hub_models.encoder(tmp_path / "enc", "saved"), "models")
    words = hub.add("org/words", hub_models.tokenizer(tmp_path / "words", "ru"), "models")
    for options in ({}, {"revision": encoder, "tokenizer_revision": words}):
        made_of = transfer("org/enc", "org/words", SemBridge(folders.bridge), **options).transfer_record.recipe
        assert (made_of.source.name, made_of.source.revision) == ("org/enc", encoder)
        assert (made_of.tokenizer.name, made_of.tokenizer.revision) == ("org/words", words)
