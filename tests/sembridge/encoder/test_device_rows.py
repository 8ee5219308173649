"""Dense weights as sparse rows, fetched in the order of the calls whatever was started in between."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sembridge.encoder.device_rows import rows_later
from tests.helpers.triton_device import DEVICE


@pytest.mark.gpu
def test_rows_are_the_non_zeros_of_the_weights():
    generator = torch.Generator().manual_seed(0)
    tables = [torch.rand((texts, 30), generator=generator) - 0.6 for texts in (4, 1, 0, 7)]
    tables[0][1:3] = 0
    fetches = [rows_later(torch.relu(table.to(DEVICE))) for table in tables]
    for table, fetch in zip(tables, fetches, strict=True):
        rows = fetch()
        assert rows.dtype == np.float32 and rows.has_canonical_format
        np.testing.assert_array_equal(rows.toarray(), torch.relu(table).numpy())
        assert rows.nnz == int((table > 0).sum())
