"""The geometry system: its configuration, and how it simulates, trains and scores."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from argand.learn.schedule import warm_cosine
from argand.nn.network import create_network
from argand.physics.still.features import extract_features, to_canvas
from argand.systems.geometry.loss import training_loss
from argand.systems.geometry.network import POINTS, CentreNetwork
from argand.systems.geometry.published.regression import (
    IMAGE_CHANNELS,
    NUMBERS,
    Target,
    published_image,
    published_loss,
    published_target,
)
from argand.systems.geometry.simulate import StillSet, simulate_still

Sample = dict[str, np.ndarray]


@dataclass(frozen=True)
class Portion:
    """A set of stills with its `share` of a mixture."""

    share: float
    stills: StillSet


GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
"""The golden ratio: fractional parts of its multiples are evenly distributed (Weyl's theorem), so that any
range of still numbers has the right share of each portion."""


@dataclass(frozen=True)
class Geometry:
    """Beam centre and detector tilt of still images.

    `network_name` is `argand` for our two-stage network, or one of the poster's by name (`cnn4`,
    `resnet18`, `resnet34`, `resnet50`, `vit`), which learn their `target` by the L1 loss from the image
    shrunk by `shrink`.

    Defaults are by hand: `width` channels (32) and a learning rate of 0.002 trained the shipped weights;
    `shrink` of 4 makes the poster's networks trainable without a GPU. `portions` have their shares of the
    stills, and `stills` the rest.
    """

    stills: StillSet = field(default_factory=StillSet)
    network_name: str = "argand"
    width: int = 32
    target: Target = "centre"
    shrink: int = 4
    optimiser_name: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    portions: tuple[Portion, ...] = ()

    @property
    def is_published(self) -> bool:
        """Whether one of the published networks is trained."""
        return self.network_name != "argand"

    def set_of(self, index: int) -> StillSet:
        """The set that still number `index` comes from."""
        place = index * GOLDEN % 1.0
        for portion in self.portions:
            place -= portion.share
            if place < 0:
                return portion.stills
        return self.stills

    def simulate(self, index: int, seed: int) -> Sample:
        """Still number `index`: image, live share of its pixels, labels and parameters.

        Lengths in px are those of the image itself (its pixels are `binning` detector pixels wide).
        """
        stills = self.set_of(index)
        still, counts, live, spots = simulate_still(stills, index, seed)
        geometry = still.geometry
        crystal, diffuse = still.crystal, still.diffuse
        fixed = stills.crop is not None
        image = counts if fixed else to_canvas(counts)
        numbers = {
            "shape": still.shape,
            "binning": still.binning,
            "beam_centre_px": geometry.beam_centre_px,
            "tilt_deg": np.degrees([geometry.pitch, geometry.yaw]),
            "poni_px": geometry.poni_px,
            "distance_mm": geometry.distance_mm,
            "wavelength": geometry.wavelength,
            "pixel_size_mm": geometry.pixel_size_mm,
            "spots": spots,
            "d_min": crystal.d_min if crystal else np.nan,
            "spot_scale": crystal.scale if crystal else 0.0,
            "longest_cell": max(crystal.cell.lengths) if crystal else np.nan,
            "mosaic_deg": np.degrees(crystal.spread.mosaic) if crystal else np.nan,
            "photons_per_mm2": diffuse.air + diffuse.water + diffuse.flat,
            "water_share": diffuse.water / max(diffuse.air + diffuse.water, 1e-9),
            "rings": len(diffuse.rings),
            "lopsided": float(np.hypot(*still.lopsided)),
            "shadow": 0.0 if still.shadow is None else 1.0 - still.shadow[2],
            "stop_radius_mm": still.stop.radius_mm if still.stop else 0.0,
        }
        sample: Sample = {name: np.asarray(value, np.float64) for name, value in numbers.items()}
        sample["image"] = image.astype(np.float32)
        sample["live"] = (live if fixed else to_canvas(live)).astype(np.float16)
        return sample

    def inputs(self, sample: Sample) -> Sample:
        """Inputs of the network with its labels, float32.

        Ours: `cells` [3, side, side], `points` [POINTS, 3], `known` [2], `centre_cells` and `tilt_deg` [2]; a
        published one: `image` [1, slow, fast] and `target` [2].
        """
        if self.is_published:
            return {
                "image": published_image(sample["image"], sample["live"], self.shrink),
                "target": published_target(sample, self.target),
            }
        slow, fast = sample["shape"].astype(int)
        image, live = sample["image"][:slow, :fast], sample["live"][:slow, :fast].astype(np.float32)
        evidence = extract_features(image, live)
        return {
            "cells": evidence.cells(),
            "points": evidence.points(POINTS),
            "known": known_numbers(
                float(sample["pixel_size_mm"][0]) * evidence.binning,
                float(sample["distance_mm"]),
                float(sample["wavelength"]),
            ),
            "centre_cells": (sample["beam_centre_px"] / evidence.binning).astype(np.float32),
            "tilt_deg": sample["tilt_deg"].astype(np.float32),
        }

    def network(self) -> nn.Module:
        """A network with fresh weights."""
        if self.is_published:
            return create_network(self.network_name, IMAGE_CHANNELS, NUMBERS[self.target])
        return CentreNetwork(self.width)

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise and metrics; without a generator, as in use."""
        if self.is_published:
            return published_loss(network, batch)
        assert isinstance(network, CentreNetwork)
        return training_loss(network, batch, generator)

    def optimiser(self, network: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
        """AdamW with a warm-up and a cosine, or SGD, as in the poster, at a constant rate.

        The momentum of 0.9 and the weight decay of 0.01 are by hand: the usual ones.
        """
        if self.optimiser_name == "sgd":
            return torch.optim.SGD(network.parameters(), lr=self.learning_rate, momentum=0.9), None
        optimiser = torch.optim.AdamW(network.parameters(), lr=self.learning_rate, weight_decay=0.01)
        return optimiser, warm_cosine


def known_numbers(cell_mm: float, distance_mm: float, wavelength: float) -> np.ndarray:
    """The known numbers as input of the network: log(cell / distance) and the wavelength in Å, [2]."""
    return np.array([np.log(cell_mm / distance_mm), wavelength], np.float32)
