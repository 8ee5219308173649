"""One whole training step of an encoder of the shape of BERT-base: tokenizing, both sides, loss, gradients, AdamW; against SparseEncoderTrainer."""

from __future__ import annotations

import tempfile
from typing import Any

from experiments.benchmarks.base_encoder import base_encoder, passages
from experiments.benchmarks.measure import Row, compare, peak_mb, seconds

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
        given = [
            Pair(question, answer, number)
            for number, (question, answer) in enumerate(zip(questions[:pairs], answers[:pairs], strict=True))
        ]
        ours.zero_grad(set_to_none=True)
        train(ours, given, settings, seed=0)

    def their_step() -> None:
        theirs.zero_grad(set_to_none=True)
        _trainer(theirs, questions[:PAIRS], answers[:PAIRS]).train()

    job, trainer, rounds = f"training step, {PAIRS} {shape}", "SparseEncoderTrainer", 1 if quick else 2
    first = compare(job, trainer, our_step, their_step, rounds=rounds, goal=1.5, note="float32; goal: half the memory")
    half, twice = PAIRS // 2, "each of our texts is read twice"
    found = [first, compare(f"{job}, micro batches of {half}", trainer, lambda: our_step(PAIRS, half), their_step, rounds=rounds, goal=1.5,
                            note=f"the same; {twice}")]  # fmt: skip
    for times, size, note in (
        (1, PAIRS // 4, twice),
        (4, PAIRS, f"{twice}; memory of theirs: one step of 16 pairs; goal: no more memory than that"),
    ):
        taken: list[float] = []
        memory = peak_mb(
            lambda times=times, size=size, taken=taken: taken.append(seconds(lambda: our_step(times * PAIRS, size)))
        )
        theirs_s = times * first.theirs  # for as many pairs, in batches of 16
        job, against = (
            f"training step, {times * PAIRS} {shape}, micro batches of {size}",
            f"SparseEncoderTrainer, {times} x {PAIRS} pairs",
        )
        found.append(Row(job, against, taken[0], theirs_s, theirs_s / taken[0], 1, memory, first.theirs_mb, None, note))
    return found


def _trainer(encoder: Any, questions: list[str], answers: list[str]) -> Any:
    from datasets import Dataset
    from sentence_transformers import SparseEncoderTrainer, SparseEncoderTrainingArguments
    from sentence_transformers.sparse_encoder.losses import SparseMultipleNegativesRankingLoss, SpladeLoss

    arguments = SparseEncoderTrainingArguments(
        output_dir=tempfile.gettempdir(), max_steps=1, per_device_train_batch_size=len(questions), learning_rate=2e-5, weight_decay=0.01,
        save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True, dataloader_pin_memory=False,
    )  # fmt: skip
    loss = SpladeLoss(
        encoder,
        SparseMultipleNegativesRankingLoss(encoder),
        document_regularizer_weight=3e-5,
        query_regularizer_weight=5e-5,
    )
    dataset = Dataset.from_dict({"query": questions, "answer": answers})
    return SparseEncoderTrainer(model=encoder, args=arguments, train_dataset=dataset, loss=loss)
