"""Tiny retrievers as on the hub: a BGE-M3 with its sparse head, and a MILCO, which is code in its repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, processors

from tests.helpers.tokenizers_made import made_tokenizer

SIZE = 32


def made_bge_m3_folder(
    folder: Path, *, head: str | None = "sparse_linear.pt", dtype: torch.dtype = torch.float16, seed: int = 0
) -> Path:
    """Write a one-layer XLM-RoBERTa of 48 usable positions, its tokenizer, and the head in a file of that name.

    The head has half precision, as the published one.
    """
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    backend = Tokenizer.from_str(made_tokenizer("unigram", "english").backend_tokenizer.to_str())
    specials = {"cls_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "sep_token": "</s>"}
    specials |= {"unk_token": "<unk>", "mask_token": "<mask>"}
    ids = {name: backend.token_to_id(token) for name, token in specials.items()}
    marks = [("<s>", ids["cls_token"]), ("</s>", ids["eos_token"])]
    backend.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=marks)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **specials, model_max_length=512)
    tokenizer.save_pretrained(folder)
    body_shape = {"hidden_size": SIZE, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48}
    sizes = {"vocab_size": len(tokenizer), "max_position_embeddings": 48 + ids["pad_token"] + 1}
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config = XLMRobertaConfig(**body_shape, **sizes, **no_dropout, pad_token_id=ids["pad_token"])
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        body = XLMRobertaModel(config)
    with torch.no_grad():
        for name, parameter in body.named_parameters():
            if "LayerNorm" not in name:
                parameter.normal_(std=0.3, generator=generator)
    body.save_pretrained(folder)
    if head is not None:
        weight = torch.randn(1, SIZE, generator=generator).to(dtype)
        write_head(folder / head, {"weight": weight, "bias": torch.full((1,), 0.1).to(dtype)})
    return folder


def write_head(path: Path, content: Any) -> None:
    if path.suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path)


MILCO = '''
import os
from pathlib import Path

import torch
from transformers import PretrainedConfig, PreTrainedModel

with Path(os.environ["MILCO_RUNS"]).open("a") as log:
    log.write("imported\\n")


class MilcoConfig(PretrainedConfig):
    model_type = "made-milco"


class Milco(PreTrainedModel):
    config_class = MilcoConfig

    def __init__(self, config):
        super().__init__(config)
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.post_init()

    def encode_query(self, texts, **options):
        return self.encode_text(texts, **options)

    def encode_document(self, texts, **options):
        return self.encode_text(texts, **options)

    def encode_text(self, texts, batch_size=32, max_length=None, return_dict=False, source_view=False):
        """One column per word length; in the source view also one of 26 by the first letter of each word."""
        entries = []
        for row, text in enumerate(texts):
            words = text.lower().split()[:max_length]
            entries += [(row, column) for column in sorted({min(len(word), 9) for word in words})]
            entries += [(row, 10 + ord(word[0]) % 26) for word in words if source_view]
        values = torch.ones(len(entries)) * self.scale
        return torch.sparse_coo_tensor(torch.tensor(entries).T, values, (len(texts), 36))
'''


def made_milco_folder(folder: Path, *, code: str = MILCO, scale: float = 2.0) -> Path:
    """Write a repository whose code appends a line to the file $MILCO_RUNS when it is imported."""
    folder.mkdir(parents=True)
    auto_map = {"AutoConfig": "milco.MilcoConfig", "AutoModel": "milco.Milco"}
    config = {"model_type": "made-milco", "architectures": ["Milco"], "auto_map": auto_map}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "milco.py").write_text(code)
    save_file({"scale": torch.tensor([scale])}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
