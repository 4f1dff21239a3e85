"""Boxes of 10 Å as vectors, and atoms by fitting Gaussians to what a vector says.

Three coders of one interface: the linear code, which needs no weights; the same code with the refiner behind
it, whose maps say more of the density; and the published networks, whose decoded density is fitted to.
"""

from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.ndimage import gaussian_filter, maximum_filter

from argand.errors import InputError
from argand.io.weights import load_weights, network_of, system_of
from argand.learn.device import fast_order
from argand.physics.crystal.gaussian_fit import FittedAtoms, fit_atoms, fit_code
from argand.physics.crystal.linear_code import LinearCode
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.voxel_box import PUBLISHED_BOX, Atoms, Box
from argand.systems.crystals.density.refiner import CODE_DIMS, DensityRefiner
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.element_codes import codes, nearest
from argand.systems.crystals.latent.representation import Latent
from argand.systems.crystals.network import CLASSES, PublishedNetworks
from argand.systems.crystals.simulate import BoxSample, box_sample
from argand.systems.crystals.system import Crystals

_OCCUPIED, _BLUR = 0.3, 1.0
"""Least occupation, blurred by so many voxels, at which a maximum is an atom. By hand: half of what the
middle of a ball of two voxels keeps when it is blurred so."""

Volumes = Float[np.ndarray, "batch voxel voxel voxel"]


@runtime_checkable
class BoxCoder(Protocol):
    """Boxes to vectors of `numbers` numbers, and vectors to atoms; places in Å from a corner of `box`."""

    box: Box
    numbers: int

    def latents(self, densities: Volumes) -> Float[np.ndarray, "batch latent"]:
        """Vectors of boxes in e/Å³, float32."""
        ...

    def volumes(self, latents: Float[np.ndarray, "batch latent"]) -> Volumes:
        """The densities of vectors, e/Å³."""
        ...

    def fitted(self, latent: Latent) -> FittedAtoms:
        """The atoms of a vector, those beyond the box included; InputError where there are none."""
        ...


class LinearCoder:
    """The linear code in closed form; atoms are fitted to its numbers, without a density between."""

    def __init__(self, box: Box = PUBLISHED_BOX, numbers: int = 300) -> None:
        self.box, self.numbers, self.code = box, numbers, LinearCode(box, numbers)

    def latents(self, densities: Volumes) -> Float[np.ndarray, "batch latent"]:
        """As `BoxCoder.latents`."""
        return np.stack([self.code.encode(one.astype(float)) for one in densities]).astype(np.float32)

    def volumes(self, latents: Float[np.ndarray, "batch latent"]) -> Volumes:
        """As `BoxCoder.volumes`; a density can be below zero."""
        return np.stack([self.code.decode(one) for one in latents]).astype(np.float32)

    def fitted(self, latent: Latent) -> FittedAtoms:
        """As `BoxCoder.fitted`."""
        return fit_code(self.code, latent)


class RefinedCoder(LinearCoder):
    """The same vectors and atoms; densities and maps of atoms come from a network that has learnt them."""

    def __init__(self, system: Crystals, network: DensityRefiner) -> None:
        super().__init__(system.box, system.latent)
        self.network = network.eval()

    @torch.inference_mode()
    def volumes(self, latents: Float[np.ndarray, "batch latent"]) -> Volumes:
        """As `BoxCoder.volumes`."""
        return self.network.maps(torch.from_numpy(latents))[0][:, 0].numpy()

    @torch.inference_mode()
    def maps(self, latent: Latent) -> tuple[Float[np.ndarray, "x y z"], Float[np.ndarray, "code x y z"]]:
        """How surely each voxel is in an atom's ball [n, n, n], and the code of its element."""
        _, score, code = self.network.maps(torch.from_numpy(np.asarray(latent, np.float32))[None])
        return torch.sigmoid(score)[0, 0].numpy(), code[0].numpy()

    def labels(self, latent: Latent) -> UInt8[np.ndarray, "x y z"]:
        """The atomic number of each voxel, 0 where it is in no ball."""
        occupied, code = self.maps(latent)
        inside = occupied > 0.5
        found = np.zeros(occupied.shape, np.uint8)
        found[inside] = nearest(code[:, inside].T, np.ones(int(inside.sum())))[0]
        return found

    def seen(self, latent: Latent) -> Atoms:
        """Atoms at the maxima of occupation, each with the element whose code is nearest there."""
        occupied, code = self.maps(latent)
        blurred = gaussian_filter(occupied, _BLUR)
        voxels = np.argwhere((blurred == maximum_filter(blurred, 3)) & (blurred > _OCCUPIED))
        apart = np.linalg.norm(code[:, *voxels.T].T[:, None] - codes(CODE_DIMS), axis=-1)
        species = (apart.argmin(1) + 1).astype(np.uint8)
        return Atoms((voxels + 0.5) * self.box.spacing, species)


class NetworkCoder:
    """The published networks of a system, as trained."""

    def __init__(self, system: Crystals, networks: PublishedNetworks) -> None:
        self.system, self.box, self.numbers = system, system.box, system.latent
        fast_order(networks.eval())
        self.networks = networks

    @torch.inference_mode()
    def latents(self, densities: Volumes) -> Float[np.ndarray, "batch latent"]:
        """As `BoxCoder.latents`: the means."""
        mean, _ = self.networks.autoencoder.encode(torch.from_numpy(densities)[:, None])
        return mean.float().numpy()

    @torch.inference_mode()
    def volumes(self, latents: Float[np.ndarray, "batch latent"]) -> Volumes:
        """As `BoxCoder.volumes`."""
        return self.system.decode(self.networks.autoencoder.decode(torch.from_numpy(latents)))

    @torch.inference_mode()
    def labels(self, latent: Latent) -> UInt8[np.ndarray, "x y z"]:
        """The atomic number that the segmenter finds most probable for each voxel, 0 where it is empty."""
        density = torch.from_numpy(self.volumes(np.asarray(latent, np.float32)[None]))[:, None]
        return self.networks.segmenter(density)[0].argmax(0).numpy().astype(np.uint8)

    def fitted(self, latent: Latent) -> FittedAtoms:
        """As `BoxCoder.fitted`."""
        return fit_atoms(self.volumes(latent[None])[0], self.box)


def encode_box(
    coder: BoxCoder, structure: Structure, is_single: bool, rng: np.random.Generator
) -> tuple[Latent, BoxSample]:
    """The vector of one box, and the box.

    InputError for an empty box, and for elements beyond the published classes where networks have them.
    """
    if isinstance(coder, NetworkCoder) and structure.species.max() >= CLASSES:
        raise InputError(f"the published networks know elements up to {CLASSES - 1} (Pu) only")
    sample = box_sample(structure, coder.box, is_single, rng)
    if not len(sample.atoms.species):
        raise InputError(f"no atom is in the box of {coder.box.side:g} Å")
    return coder.latents(sample.density[None])[0], sample


def decode_box(coder: BoxCoder, latent: Latent) -> Decoded:
    """The atoms of a vector in a cubic cell of the box's side; InputError where there are none."""
    if latent.shape != (coder.numbers,) or not np.isfinite(latent).all():
        raise InputError(f"not a latent of a box of {coder.box.side:g} Å: {coder.numbers} finite numbers")
    found = coder.fitted(latent.astype(np.float32)).inside(coder.box)
    if not len(found):
        raise InputError("the vector has no atom whose centre is in the box")
    side = coder.box.side
    structure = Structure(side * np.eye(3), found.atoms.species, found.places / side)
    return Decoded(structure, found.misfit, found.probability, found.place_spread)


def load_coder(path: Path) -> RefinedCoder | NetworkCoder:
    """The networks of weights; InputError where they cannot be read or are of another system."""
    state, header = load_weights(path)
    if header["system"] != "crystals":
        raise InputError(f"{path}: weights of the system '{header['system']}', not of crystals")
    # The weights that a training began from are not needed again.
    system = replace(system_of(Crystals, header, path), start="")
    state = {name: tensor.float() for name, tensor in state.items()}
    networks = network_of(system.network, state, path)
    if isinstance(networks, DensityRefiner):
        return RefinedCoder(system, networks)
    return NetworkCoder(system, networks)
