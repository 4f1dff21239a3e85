"""A prediction and the record that is kept of it say the same."""

import json

import numpy as np
import pytest

from argand.errors import ConfigError
from argand.physics.still.detector import BeamGeometry
from argand.systems.geometry.refine.prediction import Prediction
from argand.systems.geometry.refine.sample import Sample

CELL = (57.8, 57.8, 150.1, 90.0, 90.0, 90.0)


def made() -> Prediction:
    geometry = BeamGeometry((412.5, 380.25), 250.0, 0.98, (0.172, 0.172), 0.004, -0.002)
    return Prediction(
        "a.cbf", 3, (820, 810), True, "", "lattice", geometry, 0.1, (0.02, 0.03), True, (410.0, 381.0),
        (413.0, 380.0), 2.0, (0.2, -0.1), 120, 100, 0.3, 1.25, ("a note",), 1, 249.5, 0.998, 0.001,
        Sample(True, 2.1, 0.83, 1, CELL, (0.1,) * 6, ("tP", "oP")), np.diag([0.01, 0.01, 1e-6, 1e-6]),
    )  # fmt: skip


def test_a_prediction_comes_back_from_its_record():
    answer = made()
    back = Prediction.from_dict(json.loads(json.dumps(answer.to_dict())))
    assert back == answer
    assert back.covariance is not None
    np.testing.assert_allclose(back.covariance, answer.covariance)


def test_a_record_of_panels_or_without_its_numbers_is_refused():
    record = made().to_dict()
    with pytest.raises(ConfigError, match="panels"):
        Prediction.from_dict(record | {"panels": 8})
    del record["shape"]
    with pytest.raises(ConfigError, match="shape"):
        Prediction.from_dict(record)
