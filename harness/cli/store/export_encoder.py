"""`sembridge-bench export-encoder`: write the encoder of a cell as a folder with record and model card."""

from __future__ import annotations

import argparse
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.cli.messages import failed, say
from harness.cli.output import check_output, replacing
from harness.cli.refusal import RefusedError
from harness.cli.store.chosen_cell import chosen_cell
from harness.cli.store.encoder_parts import ENCODER, TOKENIZER, EncoderParts, PartFinder
from harness.cli.store.encoder_record import cell_recipe, language_code, measured, transfer_record
from harness.cli.store.opening import existing_store
from harness.results.needed import cell_name
from harness.results.scored_cells import ScoredCell, read_cells
from harness.store.integrity import MANIFEST
from sembridge.model_card.measured import Measured
from sembridge.model_card.record import TransferRecord

_OURS = (MANIFEST, "about.json")  # files of a stored encoder that belong to the store


def export_encoder(args: argparse.Namespace) -> int:
    """Write the folder and return 0, 1 if that fails; RefusedError before anything is written."""
    try:
        cells = read_cells(args.results)
    except ValueError as error:
        raise RefusedError(str(error)) from None
    cell = chosen_cell(cells, args.cell, args.results)
    store = existing_store(args.store)
    own = {ENCODER: args.source, TOKENIZER: args.tokenizer}
    out = check_output(
        args.out, args.force, [path.resolve() for path in (*own.values(), store.root, args.results) if path]
    )
    if store.root.resolve() in out.parents:
        raise RefusedError(f"--out {str(args.out)!r} is inside the store {str(args.store)!r}; choose another folder")
    finder = PartFinder(
        store, cell.key, {name: None if path is None else path.expanduser() for name, path in own.items()}
    )
    parts = finder.parts()
    say("cell", f"{cell_name(cell)} ({cell.key})")
    for role, part in parts.ingredients.items():
        say("source" if role == ENCODER else role, part.name)
    try:
        _write(out, cell, cells, parts, finder)
    except (ValueError, OSError, RuntimeError, MemoryError) as error:  # of loaders, the disk
        if isinstance(error, RefusedError):
            raise
        return failed(error, " (nothing was written)")
    _end(args.out, parts.initialization is not None)
    return 0


def _write(out: Path, cell: ScoredCell, cells: Sequence[ScoredCell], parts: EncoderParts, finder: PartFinder) -> None:
    from harness.cli.transfer import quiet
    from sembridge.encoder.loading import load_encoder

    quiet()
    record = None if parts.initialization is None else transfer_record(parts, finder)
    about = measured(cell, cells, parts)
    with replacing(out) as folder:
        if parts.trained is None:
            from harness.initialization.encoders import zero_shot_encoder

            encoder = zero_shot_encoder(parts.maker.manifest["parameters"], parts.located)
            encoder.save_pretrained(str(folder), create_model_card=False)
        else:
            _copy(parts.trained.folder, folder)
        encoder = load_encoder(str(folder))  # as anybody will; refuses weights that are not all there
        if record is not None:
            record.save(folder)
        card = _card(encoder, folder, out.name, cell, about, record, parts)
        (folder / "README.md").write_text(card, encoding="utf-8")
    say("encoder", "zero-shot" if about.training is None else about.training_text().replace("**", ""))
    say("scores", _scores(about))


def _copy(stored: Path, folder: Path) -> None:
    """Copy a fine-tuned encoder as it is, so that its weights are those that were measured, bit for bit."""
    for path in sorted(stored.iterdir()):
        if path.name not in _OURS:
            shutil.copytree(path, folder / path.name) if path.is_dir() else shutil.copyfile(path, folder / path.name)


def _card(
    encoder: Any, folder: Path, name: str, cell: ScoredCell, about: Measured, record: TransferRecord | None,
    parts: EncoderParts,
) -> str:  # fmt: skip
    from sembridge.encoder.loading import masked_lm_folder
    from sembridge.encoder.modules import splade_modules
    from sembridge.model_card.card import model_card, trained_card

    pooling, inner = splade_modules(encoder).pooling, masked_lm_folder(folder)
    options: dict[str, Any] = {
        "language": language_code(cell),
        "masked_lm": "" if inner == folder else inner.name,
        "strategy": pooling.pooling_strategy,
        "activation": pooling.activation_function,
    }
    if record is None:
        return trained_card(cell_recipe(parts), name, about, **options)
    return model_card(record, name, measured=about, **options)


def _scores(about: Measured) -> str:
    measure = about.scores.measures[0]
    rows = [f"{name} {values[measure]:.3f}" for name, values in about.scores.rows if measure in values]
    return f"{measure} on {about.scores.collection}: {', '.join(rows)}"


def _end(out: Path, has_record: bool) -> None:
    quoted = shlex.quote(str(out))
    say("written", f"{out}; README.md in it is the model card: check its licenses")
    print(f'\nUse it in Python:    from sentence_transformers import SparseEncoder; encoder = SparseEncoder("{out}")')
    if has_record:
        print(f"What it is made of:  sembridge-bench explain {quoted} --worst 20")
    print(f"To publish it, once the licenses allow that:  hf upload OWNER/NAME {quoted}")
