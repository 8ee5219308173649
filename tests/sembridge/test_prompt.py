"""A token gets the prompt that a bridge declares for every text, and none that is an instruction for a search."""

from __future__ import annotations

import pytest

from sembridge.prompt import own_prompt

E5, SEARCH = {"query": "query: ", "passage": "passage: "}, {"query": "Find: ", "document": ""}


@pytest.mark.parametrize(
    ("prompts", "default", "prompt"),
    [
        (None, None, ""), ({}, None, ""), (E5, None, "query: "), (SEARCH, None, ""), (SEARCH, "query", "Find: "),
        ({"query": "q: ", "document": "d: "}, "document", "d: "), (E5, "absent", "query: "),
        ({"query": None, "document": "d: "}, None, ""),
    ],
)  # fmt: skip
def test_a_token_gets_the_prompt_that_every_text_gets(prompts, default, prompt):
    assert own_prompt(prompts, default) == prompt
