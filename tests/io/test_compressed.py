"""Arrays as compressed bytes."""

import numpy as np
import pytest

from argand.io.compressed import compressed, restored


def test_values_come_back_in_their_order_whatever_lay_between_them():
    values = np.arange(24, dtype=np.float32).reshape(4, 6).T
    assert (restored(compressed(values), np.float32) == values.ravel()).all()
    with pytest.raises(ValueError, match="cannot be read"):
        restored(np.zeros(8, np.uint8), np.float32)
