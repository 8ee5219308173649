"""Paths of the computing machine do not leave it; what only looks like a path stays."""

from __future__ import annotations

import pytest

from harness.files.redaction import without_folders


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No such file: '/home/ann/my data/ko.txt'", "No such file: 'ko.txt'"),
        ('File "/home/ann/x/loop.py", line 3', 'File "loop.py", line 3'),
        ("store /mnt/a/store is gone; see /mnt/a/log/", "store store is gone; see log"),
        ("collection /data/ko has no pairs (/data/ko/qrels/train.tsv)", "collection ko has no pairs (train.tsv)"),
        ("texts/s, and/or, 1/2, BAAI/bge-m3, https://hub/a/b, data/ko/x", None),
        ("weights 0/3 of /", None),
    ],
)
def test_absolute_paths_become_their_last_part(text, expected):
    assert without_folders(text) == (text if expected is None else expected)
