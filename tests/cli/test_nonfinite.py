"""--nonfinite of `transfer`: refused by default, left out on demand."""

from __future__ import annotations

from pathlib import Path

import torch

from sembridge.model_card.record import load_record
from tests.helpers.encoders_made import made_bridge_folder, made_encoder_folder
from tests.helpers.tokenizers_made import english, made_tokenizer, russian


def spoiled(folder: Path) -> Path:
    """Write an encoder whose token of id 60 has a NaN in its row."""
    from safetensors.torch import load_file, save_file

    file = made_encoder_folder(folder) / "model.safetensors"
    tensors = load_file(file)
    name = "bert.embeddings.word_embeddings.weight"
    tensors[name][60, 3] = torch.nan
    save_file(tensors, file, metadata={"format": "pt"})
    return folder


def test_of_a_transfer(command, tmp_path):
    encoder, bridge = spoiled(tmp_path / "encoder"), made_bridge_folder(tmp_path / "bridge", english() + russian())
    made_tokenizer("wordpiece", "russian").save_pretrained(tmp_path / "target")
    arguments = ["transfer", encoder, "--tokenizer", tmp_path / "target", "--bridge", bridge, "--out", tmp_path / "out"]
    code, _, err = command(*arguments)
    token = made_tokenizer("wordpiece", "english").convert_ids_to_tokens(60)
    assert code == 1 and f"not finite: embedding of 1 token ({token!r} id 60); get the model again, or" in err
    assert not (tmp_path / "out").exists()
    code, out, err = command(*arguments, "--nonfinite", "leave-out")
    assert code == 0 and "left out   1 source tokens have numbers that are not finite" in out, err
    assert load_record(tmp_path / "out").recipe.options["nonfinite"] == "leave-out"
    code, _, err = command(*arguments, "--nonfinite", "drop")
    assert code == 2 and err == "error: --nonfinite 'drop' is unknown; known: leave-out, refuse\n"
