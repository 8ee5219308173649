"""Training settings. The paper does not publish most of them; these defaults are this project's."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingSettings(BaseModel):
    """The settings of a fine-tune; all of them are part of the trained encoder's key."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    epochs: int = Field(1, ge=1, le=10_000)
    batch_size: int = Field(
        64, ge=2, le=1_000_000, description="pairs per step over all workers; also the number of in-batch candidates"
    )
    micro_batch: int | None = Field(
        None,
        ge=1,
        description="texts a worker encodes at once, to save memory; each is encoded twice, the step stays the same",
    )
    max_length: int = Field(512, ge=8, le=1_000_000, description="tokens per text, special tokens included")
    max_pairs: int | None = Field(
        None, ge=2, description="use at most this many training pairs, the first in a seeded order"
    )
    learning_rate: float = Field(2e-5, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(
        0.1, ge=0, le=1, description="share of the steps over which the learning rate rises; it falls linearly after"
    )
    scale: float = Field(1.0, gt=0, description="factor on the dot products in InfoNCE")
    lambda_document: float = Field(3e-5, ge=0)
    lambda_query: float = Field(5e-5, ge=0)
    ramp: float = Field(1 / 3, ge=0, le=1, description="share of the steps over which FLOPS rises quadratically")
    max_gradient: float = Field(1.0, gt=0, description="gradient norm above which gradients are scaled down")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 on a GPU that has it, float32 elsewhere"
    )
    checkpoint_every: int = Field(
        500, ge=1, description="steps between checkpoints, from which a killed training resumes"
    )


GROWTH = "SEMBRIDGE_GPUS"  # environment variable of a growing cluster's processes: the GPUs it may grow to
