"""InfoNCE and FLOPS against hand computations in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.training.loss import flops, info_nce, ramp


def by_hand(queries: np.ndarray, documents: np.ndarray, keys: list[int], scale: float) -> float:
    losses = []
    for i, query in enumerate(queries):
        candidates = [j for j in range(len(documents)) if j == i or keys[j] != keys[i]]
        scores = {j: scale * float(query @ documents[j]) for j in candidates}
        losses.append(np.log(sum(np.exp(score) for score in scores.values())) - scores[i])
    return float(np.mean(losses))


@pytest.mark.parametrize("scale", [1.0, 0.3])
@pytest.mark.parametrize("keys", [[0, 1, 2, 3, 4, 5], [0, 1, 0, 3, 1, 0], [7, 7, 7, 7, 7, 7]])
def test_info_nce_equals_a_hand_computation(keys, scale):
    rng = np.random.default_rng(0)
    queries, documents = (rng.random((6, 9)) for _ in range(2))
    loss = info_nce(torch.from_numpy(queries), torch.from_numpy(documents), torch.tensor(keys), scale)
    assert float(loss) == pytest.approx(by_hand(queries, documents, keys, scale), abs=1e-12)


def test_two_by_two_in_figures():
    queries, documents = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 1.0], [0.0, 1.0]])
    # scores [[3, 0], [2, 2]]
    expected = (np.log(np.exp(3) + 1) - 3 + np.log(2)) / 2
    assert float(info_nce(queries, documents, torch.tensor([0, 1]), 1.0)) == pytest.approx(expected, abs=1e-6)


def test_another_question_of_the_same_document_is_no_negative():
    queries = torch.tensor([[1.0, 0.0], [1.0, 0.5]])
    documents = torch.tensor([[0.1, 0.0], [9.0, 9.0]], requires_grad=True)
    alone = info_nce(queries, documents, torch.tensor([4, 4]), 1.0)
    assert alone.item() == 0.0
    alone.backward()
    assert not documents.grad.any()
    assert info_nce(queries, documents, torch.tensor([4, 5]), 1.0).item() > 1


def test_flops_by_hand():
    assert float(flops(torch.tensor([[1.0, 0.0, 2.0], [3.0, 2.0, 0.0]]))) == 2.0**2 + 1.0**2 + 1.0**2
    assert float(flops(torch.tensor([[-1.0], [1.0]]))) == 1.0


def test_flops_is_of_the_whole_batch_and_no_mean_over_parts():
    batch = torch.tensor([[4.0, 0.0], [0.0, 4.0]])
    assert float(flops(batch)) == 8.0
    assert float((flops(batch[:1]) + flops(batch[1:])) / 2) == 16.0


def test_ramp_rises_with_the_square_and_stays_at_one():
    assert [ramp(step, 12, 1 / 3) for step in range(6)] == pytest.approx([1 / 16, 4 / 16, 9 / 16, 1, 1, 1])
    assert [ramp(step, 4, 0.0) for step in range(4)] == [1, 1, 1, 1]
    assert ramp(9, 10, 1.0) == 1
