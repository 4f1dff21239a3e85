"""Where a process of a training computes."""

import pytest

from argand.errors import ConfigError
from argand.learn.place import Place


@pytest.mark.parametrize("devices", ["x", "", "-1", "0", 0, "1.5", "²", "1025", "9" * 5000])
def test_what_is_no_number_of_devices_is_told(devices: int | str):
    with pytest.raises(ConfigError, match="is not a number of devices"):
        Place.taken("cpu", devices)
