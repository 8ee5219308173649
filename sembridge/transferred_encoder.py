"""A sparse encoder that remembers its transfer, so that whatever saves it writes the record and the model card."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import sentence_transformers

from sembridge.encoder.loading import masked_lm_folder
from sembridge.encoder.modules import splade_modules
from sembridge.model_card.card import model_card
from sembridge.model_card.record import TransferRecord

logger = logging.getLogger(__name__)


class SparseEncoder(sentence_transformers.SparseEncoder):
    """An ordinary `SparseEncoder` whose `save`, `save_pretrained` and `push_to_hub` write the record as well.

    It bears the name of its base, which sentence-transformers writes into model cards and commit messages. What it
    saves is an ordinary folder. The model card says that nothing was trained; after a training by the trainer of
    sentence-transformers the card is theirs.

    transfer_record    what the rows are made of; None in encoders that a trainer loads anew
    transfer_language  code of the target language for the card, e.g. "ko"
    """

    transfer_record: TransferRecord | None = None
    transfer_language: str | None = None

    def save(
        self, path: str, model_name: str | None = None, create_model_card: bool = True, *args: Any, **options: Any
    ) -> None:
        """Write the folder as `sentence_transformers.SparseEncoder.save` does, its record and its model card."""
        record, trained = self.transfer_record, "generated_from_trainer" in (self.model_card_data.tags or ())
        own_card = create_model_card and record is not None and not trained
        super().save(path, model_name, create_model_card and not own_card, *args, **options)
        if path is None or record is None:
            return
        folder = Path(path)
        record.save(folder)
        if own_card:
            name = model_name or self.model_card_data.model_id or folder.resolve().name
            (folder / "README.md").write_text(self._card(record, name, folder), encoding="utf-8")

    def _card(self, record: TransferRecord, name: str, folder: Path) -> str:
        pooling, inner = splade_modules(self).pooling, masked_lm_folder(folder)
        return model_card(
            record,
            name,
            language=self.transfer_language,
            masked_lm="" if inner == folder else inner.name,
            strategy=pooling.pooling_strategy,
            activation=pooling.activation_function,
        )


def remember(encoder: Any, record: TransferRecord, language: str | None = None) -> Any:
    """Give an encoder its record, and make it one that saves it; changes and returns the encoder."""
    if type(encoder) is sentence_transformers.SparseEncoder:
        encoder.__class__ = SparseEncoder
    elif not isinstance(encoder, SparseEncoder):
        logger.warning(
            "%s has methods of its own, so its save_pretrained stays as it is: "
            "write the record with encoder.transfer_record.save(folder)",
            type(encoder).__name__,
        )
    encoder.transfer_record, encoder.transfer_language = record, language
    return encoder
