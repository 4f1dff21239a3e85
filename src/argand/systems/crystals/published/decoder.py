"""The trained published networks: a box to its vector, and a vector to atoms with their elements."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from argand.errors import InputError
from argand.io.weights import load_weights, restore
from argand.learn.device import fast_order
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.voxel_box import Atoms
from argand.system import from_config
from argand.systems.crystals.latent.decoding import Decoded
from argand.systems.crystals.latent.representation import Latent
from argand.systems.crystals.network import CLASSES, PublishedNetworks
from argand.systems.crystals.simulate import box_sample
from argand.systems.crystals.system import Crystals

FLOOR = 1.0
"""Electrons; lower maxima are no atoms. By hand: what hydrogen has. An electron is the height of a Gaussian
of weight 1 in the box."""

Volumes = Float[np.ndarray, "batch voxel voxel voxel"]


class PublishedDecoder:
    """The networks of a system, as trained; boxes and places are the system's, in Å from a corner."""

    def __init__(self, system: Crystals, networks: PublishedNetworks) -> None:
        self.system, self.box = system, system.box
        fast_order(networks.eval())
        self.networks = networks

    def encode(self, structure: Structure, is_single: bool, rng: np.random.Generator) -> Latent:
        """Mean latent of one box; InputError for elements without a class, and for an empty box."""
        if structure.species.max() >= CLASSES:
            raise InputError(f"the published networks know elements up to {CLASSES - 1} (Pu) only")
        sample = box_sample(structure, self.box, is_single, rng)
        if not len(sample.atoms.species):
            raise InputError(f"no atom is in the box of {self.box.side:g} Å")
        return self.latents(sample.density[None])[0]

    @torch.inference_mode()
    def latents(self, densities: Volumes) -> Float[np.ndarray, "batch latent"]:
        """Mean latents of boxes in e/Å³."""
        mean, _ = self.networks.autoencoder.encode(torch.from_numpy(densities)[:, None])
        return mean.float().numpy()

    def decode(self, latent: Latent) -> Decoded:
        """The atoms of a vector in a cubic cell of the box's side; InputError where there are none."""
        if latent.shape != (self.system.latent,) or not np.isfinite(latent).all():
            raise InputError(f"not a latent of the published networks: {self.system.latent} finite numbers")
        density, scores = self.volumes(latent[None].astype(np.float32))
        atoms, probability = self.atoms(density[0], scores[0])
        if not len(atoms.species):
            raise InputError("the decoded density has no maximum that could be an atom")
        left = density[0] - self.box.density(atoms)
        misfit = float(np.sqrt(np.mean(left**2) / max(float(density[0].var()), 1e-12)))
        side = self.box.side
        structure = Structure(side * np.eye(3), atoms.species, atoms.places / side)
        # A maximum of a box of voxels is no better placed than its voxel.
        spread = np.full(len(structure), self.box.spacing)
        return Decoded(structure, misfit, probability, spread)

    @torch.inference_mode()
    def volumes(self, latents: Float[np.ndarray, "batch latent"]) -> tuple[Volumes, Tensor]:
        """Decoded boxes in e/Å³, and the scores of their voxels [batch, class, n, n, n]."""
        density = self.networks.autoencoder.decode(torch.from_numpy(latents))
        return self.system.decode(density), self.networks.segmenter(density)

    def atoms(
        self, density: Float[np.ndarray, "voxel voxel voxel"], scores: Tensor
    ) -> tuple[Atoms, Float[np.ndarray, " atom"]]:
        """Maxima of the density, each with the element that its voxels are likest to, and how surely.

        The probability is the mean over 3³ voxels, emptiness aside: a ball of 0.667 Å is four voxels wide.
        """
        found = self.box.read_peaks(density, FLOOR)
        if not len(found.species):
            return found, np.zeros(0)
        # What a voxel is if it is not empty: that an atom is there, the density has told.
        chances = torch.softmax(scores[1:].float(), 0).numpy()
        n, near = self.box.voxels, np.floor(found.places / self.box.spacing).astype(int)
        line = np.arange(-1, 2)
        around = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
        voxels = np.clip(near[:, None] + around, 0, n - 1)
        mean = chances[:, voxels[..., 0], voxels[..., 1], voxels[..., 2]].mean(-1)
        species = (mean.argmax(0) + 1).astype(np.uint8)
        return Atoms(found.places, species), mean.max(0).astype(float)


def load_decoder(path: Path) -> PublishedDecoder:
    """The networks of weights; InputError where they cannot be read or are of another system."""
    state, header = load_weights(path)
    if header["system"] != "crystals":
        raise InputError(f"{path}: weights of the system '{header['system']}', not of crystals")
    # The weights that a training began from are not needed again.
    system = replace(from_config(Crystals, header["config"]), start="")
    networks = system.network()
    restore(networks, {name: tensor.float() for name, tensor in state.items()}, path)
    return PublishedDecoder(system, networks)
