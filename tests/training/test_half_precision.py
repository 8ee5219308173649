"""An encoder stored in half precision is trained as its float32 copy is: small steps move all of its weights."""

from __future__ import annotations

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from harness.training.loop import train
from harness.training.settings import TrainingSettings
from sembridge.encoder.loading import load_encoder
from tests.helpers.encoders_made import made_encoder_folder, same_bits, weights
from tests.helpers.pairs_made import toy_pairs
from tests.helpers.spoiled_models import as_type, rewritten

SMALL = {"precision": "float32", "batch_size": 8, "epochs": 4, "learning_rate": 2e-5, "max_length": 16}


def trained(folder):
    """Return the weights before and after, and the types of AdamW's moments."""
    encoder, types = load_encoder(str(folder)), set()

    def look(optimizer, *_):
        for moments in optimizer.state.values():
            types.update(moments[name].dtype for name in ("exp_avg", "exp_avg_sq"))

    before, hook = weights(encoder), register_optimizer_step_post_hook(look)
    try:
        figures = train(encoder, toy_pairs(), TrainingSettings(**SMALL), 3)
    finally:
        hook.remove()
    assert figures["steps"] == 20
    return before, weights(encoder), types


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_as_many_weights_move_as_of_the_float32_copy(tmp_path, half):
    stored = rewritten(made_encoder_folder(tmp_path / "made"), tmp_path / "half", as_type(half))
    copy = rewritten(stored, tmp_path / "copy", as_type(torch.float32))
    before, after, types = trained(stored)
    assert types == {torch.float32} == {weight.dtype for weight in after.values()}
    start, end, _ = trained(copy)
    assert same_bits(before, start) and same_bits(after, end)
    layer = "bert.encoder.layer.0.output.dense.weight"
    assert (before[layer] != after[layer]).float().mean() > 0.99
    rounded = (before[layer].to(half) != after[layer].to(half)).float().mean()
    assert rounded < 0.9, "the steps are smaller than half precision can tell"
