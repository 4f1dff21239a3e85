"""The verbs that the app offers: which files each takes, which settings, and an example to click."""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from argand.app.setting import Setting, settings_of
from argand.errors import ConfigError
from argand.system import SYSTEMS

_IMAGES = (
    *("cbf", "img", "mccd", "marccd", "tif", "tiff", "edf", "npy", "h5", "hdf5", "nxs", "cxi", "sfrm", "osc"),
    *("rodhypix", "esperanto", "kcd", "mrc"),
)
_PACKED = ("", ".gz", ".bz2")
CALIBRANTS = ("LaB6", "Si", "CeO2", "AgBh", "Al2O3", "Au")
"""Powders that may be chosen: the common ones of `physics.still.calibrant`, which needs numpy."""


def _endings(*names: str, packed: tuple[str, ...] = _PACKED) -> tuple[str, ...]:
    return tuple(f".{name}{end}" for name in names for end in packed)


@dataclass(frozen=True)
class Files:
    """Files that a verb takes in one place: their endings, and how many."""

    name: str
    label: str
    endings: tuple[str, ...]
    most: int = 1
    as_folder: bool = False
    """Several are given as the folder that holds them: data files of HDF5 are then read by their master."""

    def require(self, names: list[str]) -> None:
        """Raise ConfigError for a number or kind of files that is not taken."""
        if not names:
            raise ConfigError(f"{self.label}: none given; choose {'some' if self.most > 1 else 'one'}")
        if len(names) > self.most:
            raise ConfigError(f"{self.label}: {len(names)} are given; give {self.most} at most")
        for name in names:
            self.require_kind(name)

    def require_kind(self, name: str) -> None:
        """Raise ConfigError for a file with another ending."""
        if not name.lower().endswith(self.endings) and not _is_poscar(name, self.endings):
            kinds = ", ".join(dict.fromkeys(re.sub(r"\.(gz|bz2)$", "", one) for one in self.endings))
            raise ConfigError(f"{name}: not one of {kinds}; {self.label} is expected")


def _is_poscar(name: str, endings: tuple[str, ...]) -> bool:
    return ".poscar" in endings and name.upper().startswith(("POSCAR", "CONTCAR"))


@dataclass(frozen=True)
class Example:
    """Files that are shipped (or a word that the verb takes in their place), and settings."""

    label: str
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    word: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def paths(self) -> dict[str, list[Path]]:
        """The shipped files by the place that takes them."""
        home = Path(str(files("argand") / "app" / "data" / "examples"))
        return {place: [home / name for name in names] for place, names in self.files.items()}


@dataclass(frozen=True)
class Verb:
    """A verb as the app offers it."""

    system: str
    name: str
    title: str
    sentence: str
    files: tuple[Files, ...]
    names: tuple[str, ...]
    """Settings, in the order of the form; those of `first` are shown at once."""
    first: tuple[str, ...]
    example: Example
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Words that options of free text take here."""
    endings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Endings of the files that settings take."""

    @property
    def key(self) -> str:
        """System and name, as in an address."""
        return f"{self.system}/{self.name}"

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """The settings, as the command line has them."""
        return settings_of(_callback(self.system, self.name), self.names, dict(self.choices))

    def setting(self, name: str) -> Setting:
        """The setting of this name; ConfigError if there is none."""
        found = next((one for one in self.settings if one.name == name), None)
        if found is None:
            raise ConfigError(f"{name[:40]!r} is no setting of {self.system} {self.name}")
        return found

    def words(self, settings: Mapping[str, str]) -> list[str]:
        """The words of the command line for settings; ConfigError for one that it does not take."""
        return [word for name, value in settings.items() for word in self.setting(name).words(value)]


def _callback(system: str, name: str) -> Callable[..., Any]:
    """The function of a verb of the command line."""
    for one in importlib.import_module(f"{SYSTEMS[system]}.cli").app.registered_commands:
        if one.callback is not None and (one.name or one.callback.__name__) == name:
            return one.callback
    raise ConfigError(f"no verb {system} {name}")


_GEOMETRY = Verb(
    "geometry",
    "predict",
    "Beam centre and tilt",
    "Where the direct beam meets the detector and how the detector is tilted, from diffraction images.",
    (Files("files", "diffraction images", _endings(*_IMAGES), 2000, as_folder=True),),
    (
        *("distance", "wavelength", "pixel_size", "calibrant", "mask", "geometry", "two_theta", "max_tilt"),
        *("use_fitted_distance", "hits_only", "hit_spots", "pool", "overlay", "processes"),
    ),
    ("distance", "wavelength", "pixel_size", "calibrant"),
    Example("a still of thaumatin", {"files": ("thaumatin.cbf.bz2",)}),
    choices={"calibrant": CALIBRANTS},
    endings={
        "mask": _endings("npy", "h5", "tif", "tiff", "edf", "cbf"),
        "geometry": (".geom", ".expt", ".nxs", ".h5"),
    },
)
_SOLVE = Verb(
    "patterson",
    "solve",
    "Structure from intensities",
    "Atoms of a crystal from its measured reflections, also where the space group is not known.",
    (
        Files(
            "data",
            "reflections",
            _endings("hkl", "cif", "fcf", "mtz", "m90", packed=("", ".gz")),
        ),
    ),
    (
        *(
            "cell",
            "spacegroup",
            "formula",
            "hydrogens",
            "time_limit",
            "molecule",
            "laue",
            "elements",
            "units",
        ),
        *("radiation", "d_min", "with_network", "seed", "processes"),
    ),
    ("cell", "spacegroup", "formula", "time_limit"),
    Example(
        "C14H14O2 from 1,045 reflections",
        {"data": ("cod_2016452.hkl.gz",)},
        settings={"cell": "9.748,8.890,7.566,90,112.74,90", "spacegroup": "P 21/c", "formula": "C14H14O2"},
    ),
    endings={"molecule": (".mol", ".sdf", ".xyz", ".cif")},
)
_MAPS = Verb(
    "patterson",
    "predict",
    "Atoms from Patterson maps",
    "Atoms that explain a map of all vectors between them.",
    (
        Files(
            "files",
            "Patterson maps",
            (".npy", *_endings("map", "ccp4", "mrc", packed=("", ".gz"))),
            500,
            as_folder=True,
        ),
    ),
    ("atoms", "centred", "voxel", "formula", "time_limit", "processes"),
    ("atoms", "voxel", "formula"),
    Example("the map of ten atoms", {"files": ("ten_atoms.map.gz",)}),
)
_MOLMNIST = Verb(
    "molmnist",
    "predict",
    "Fibrils from diffraction patterns",
    "Shape, number of chains and twist of a cellulose fibril from its coherent diffraction pattern.",
    (Files("patterns", "diffraction patterns", _endings("h5", "hdf5", "cxi", "npy", "tif", "tiff"), 500),),
    ("window", "length", "network", "mask", "polish", "radiation", "processes"),
    ("window", "length", "network"),
    Example("pattern 13 of the sample", word="sample#13"),
    endings={"mask": _endings("npy", "h5", "tif", "tiff")},
)
_STRUCTURES = (*_endings("cif", "vasp", "poscar", "contcar", "xyz", "extxyz", packed=("", ".gz")), ".parquet")
_ONE_MODEL = {"model": ("best", "symmetric", "paper")}
_RECONSTRUCT = Verb(
    "crystals",
    "reconstruct",
    "Structures as vectors",
    "Writes a crystal structure as a vector of numbers, reads it back, and compares the two.",
    (Files("files", "structures", _STRUCTURES, 500, as_folder=True),),
    ("model", "symmetrise", "numbers", "single", "as_given", "keep_setting", "restarts", "processes"),
    ("model", "symmetrise"),
    Example(
        "strontium titanate and an olivine",
        {"files": ("SrTiO3_mp-5229.cif", "LiFePO4_mp-19017.cif")},
    ),
    choices=_ONE_MODEL,
)
_INTERPOLATE = Verb(
    "crystals",
    "interpolate",
    "From one structure to another",
    "Structures on the way between two crystals, by steps between their vectors.",
    (
        Files("first", "first structure", _STRUCTURES),
        Files("second", "last structure", _STRUCTURES),
    ),
    ("steps", "model", "numbers", "single", "as_given", "restarts"),
    ("steps", "model"),
    Example(
        "from SrTiO3 to PbTiO3",
        {"first": ("SrTiO3_mp-5229.cif",), "second": ("PbTiO3_mp-20459.cif",)},
    ),
    choices=_ONE_MODEL,
)
VERBS = {verb.key: verb for verb in (_GEOMETRY, _SOLVE, _MAPS, _RECONSTRUCT, _INTERPOLATE, _MOLMNIST)}
"""The verbs by system and name."""


def verb_of(key: str, verbs: Mapping[str, Verb] = VERBS) -> Verb:
    """The verb of this key; ConfigError if it is not offered."""
    if key not in verbs:
        raise ConfigError(f"{key[:60]!r} is not offered; these are: {', '.join(verbs)}")
    return verbs[key]
