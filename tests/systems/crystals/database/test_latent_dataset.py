"""Latents for torch: of a file as of structures in memory, padded and by size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import argand
from argand.errors import ConfigError, InputError
from argand.systems.crystals.database.dataset import prototypes
from argand.systems.crystals.database.latent_dataset import LatentDataset, padded
from argand.systems.crystals.database.latents import StoredLatent, write_latents
from argand.systems.crystals.models.named import model_of

ROWS = [
    StoredLatent("a", "a.cif", 1, np.arange(5, dtype=np.float32)),
    StoredLatent("b", "b.cif", 1, np.arange(3, dtype=np.float32)),
    StoredLatent("c", "c.cif", 1, np.arange(5, dtype=np.float32) + 1),
]


def test_vectors_of_a_file_come_padded_by_size_and_in_batches(tmp_path: Path):
    write_latents(tmp_path / "latents.parquet", ROWS, {"numbers": 64})
    latents = LatentDataset(tmp_path / "latents.parquet")
    assert (len(latents), latents.names, latents.config) == (3, ["a", "b", "c"], {"numbers": 64})
    assert repr(latents) == "<LatentDataset: 3 vectors, 3 to 5 numbers>"
    names, whole, sizes = latents.all_padded()
    assert names == ["a", "b", "c"]
    assert whole.dtype == torch.float32
    assert whole.tolist() == [[0, 1, 2, 3, 4], [0, 1, 2, 0, 0], [1, 2, 3, 4, 5]]
    assert sizes.tolist() == [5, 3, 5]
    groups = latents.by_size()
    assert {size: group.names for size, group in groups.items()} == {3: ["b"], 5: ["a", "c"]}
    assert groups[5].latents.shape == (2, 5)
    batches = list(DataLoader(latents, batch_size=2, collate_fn=padded))
    assert [batch.names for batch in batches] == [["a", "b"], ["c"]]


def test_what_holds_no_latents_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no such file"):
        LatentDataset(tmp_path / "none.parquet")
    with pytest.raises(InputError, match="no latents"):
        LatentDataset.of([], {}).all_padded()


def test_a_predictor_makes_the_same_of_structures():
    crystals, structures = argand.load("crystals", "symmetric"), prototypes()[:3]
    latents = crystals.latents(structures)
    assert latents.names == ["0", "1", "2"]
    for item, structure in zip(latents, structures, strict=True):
        np.testing.assert_array_equal(item.latent, crystals.encode(structure))
    assert model_of(latents.config) == crystals.model
    assert crystals.latents(structures[:1], ["salt"]).names == ["salt"]
    with pytest.raises(ConfigError, match="2 names for 1 structures"):
        crystals.latents(structures[:1], ["a", "b"])
