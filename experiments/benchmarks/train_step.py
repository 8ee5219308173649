"""A training step of an encoder of BERT-base's shape, from tokenizing to AdamW, against SparseEncoderTrainer."""

from __future__ import annotations

import tempfile
from typing import Any

from experiments.benchmarks.base_encoder import base_encoder, passages
from experiments.benchmarks.measure import Ours, Row, compare_all, peak_mb, seconds

HELP = "a training of one step, 16 pairs of 128 tokens, BERT-base shape, against SparseEncoderTrainer"
PAIRS, TOKENS = 16, 128


def rows(quick: bool) -> list[Row]:
    vocabulary, tokens = (8_500, 16) if quick else (119_547, TOKENS)
    shape = f"pairs of {tokens} and {tokens} tokens, V {vocabulary:,}"
    ours, theirs = base_encoder(vocabulary, small=quick), base_encoder(vocabulary, small=quick)
    questions, answers = (passages(vocabulary, [tokens] * (4 * PAIRS), seed) for seed in (1, 2))

    def our_step(pairs: int = PAIRS, micro_batch: int | None = None) -> None:
        from harness.training.loop import Pair, train
        from harness.training.settings import TrainingSettings

        settings = TrainingSettings(batch_size=pairs, micro_batch=micro_batch, max_length=tokens, precision="float32")
        texts = zip(questions[:pairs], answers[:pairs], strict=True)
        batch = [Pair(question, answer, number) for number, (question, answer) in enumerate(texts)]
        ours.zero_grad(set_to_none=True)
        train(ours, batch, settings, seed=0)

    def their_step() -> None:
        theirs.zero_grad(set_to_none=True)
        _trainer(theirs, questions[:PAIRS], answers[:PAIRS]).train()

    job, trainer, rounds = f"training step, {PAIRS} {shape}", "SparseEncoderTrainer", 1 if quick else 2
    half, twice = PAIRS // 2, "each of our texts is read twice"
    whole = Ours(job, our_step, 3, "float32; goal: half the memory")
    halves = Ours(f"{job}, micro batches of {half}", lambda: our_step(PAIRS, half), 3, f"the same; {twice}")
    results = compare_all([whole, halves], trainer, their_step, rounds=rounds)
    first = results[0]
    large_note = f"{twice}; memory of theirs: one step of 16 pairs; goal: no more memory than that"
    for times, size, note in ((1, PAIRS // 4, twice), (4, PAIRS, large_note)):
        durations: list[float] = []

        def timed(times: int = times, size: int = size, durations: list[float] = durations) -> None:
            durations.append(seconds(lambda: our_step(times * PAIRS, size)))

        memory = peak_mb(timed)
        theirs_s = times * first.theirs  # for as many pairs, in batches of 16
        job = f"training step, {times * PAIRS} {shape}, micro batches of {size}"
        against, ratio = f"SparseEncoderTrainer, {times} x {PAIRS} pairs", theirs_s / durations[0]
        results.append(Row(job, against, durations[0], theirs_s, ratio, 1, memory, first.theirs_mb, None, note))
    return results


def _trainer(encoder: Any, questions: list[str], answers: list[str]) -> Any:
    from datasets import Dataset
    from sentence_transformers import SparseEncoderTrainer, SparseEncoderTrainingArguments
    from sentence_transformers.sparse_encoder.losses import SparseMultipleNegativesRankingLoss, SpladeLoss

    optimizer = {
        "max_steps": 1,
        "per_device_train_batch_size": len(questions),
        "learning_rate": 2e-5,
        "weight_decay": 0.01,
    }
    silent = {"save_strategy": "no", "logging_strategy": "no", "report_to": "none", "disable_tqdm": True}
    cpu = {"use_cpu": True, "dataloader_pin_memory": False}
    arguments = SparseEncoderTrainingArguments(output_dir=tempfile.gettempdir(), **optimizer, **silent, **cpu)
    lambdas = {"document_regularizer_weight": 3e-5, "query_regularizer_weight": 5e-5}
    loss = SpladeLoss(encoder, SparseMultipleNegativesRankingLoss(encoder), **lambdas)
    dataset = Dataset.from_dict({"query": questions, "answer": answers})
    return SparseEncoderTrainer(model=encoder, args=arguments, train_dataset=dataset, loss=loss)
