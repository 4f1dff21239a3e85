"""The chains of an answer in 3-D: their backbones, and the view that draws them."""

import numpy as np
from jaxtyping import Float

from argand.page.view import packed, view
from argand.physics.fibre.twist import DEG_PER_NM, twisted
from argand.runs.record import Record
from argand.systems.molmnist.fibril.cellulose import cellulose
from argand.systems.molmnist.fibril.fibril import (
    FIBRILS,
    LENGTH,
    chain_atoms,
    chain_labels,
    chain_places,
    chain_sites,
)
from argand.systems.molmnist.page.words import CHAINS_TOLD, HAND_TOLD, STRAIGHT_TOLD
from argand.systems.molmnist.simulate import turned

BACKBONE = ("C4", "C1")
"""Atoms of each glucose that the line of a drawn chain passes through."""
_HEIGHT = 300
"""Of the view in px. By hand: a fibril lies in it from side to side."""


def chains_view(record: Record, title: str) -> str:
    """The view of the chains of an answer; empty where they are unknown."""
    sites = _sites(record)
    if sites is None:
        return ""
    twist = _drawn_twist(record)
    paths = chain_paths(sites, twist, record["rotation_deg"])
    data = {
        "title": title,
        # A tenth of an Å is less than a line is wide.
        "tenths": packed(np.rint(10 * paths).astype(np.int16)),
        "sheets": [float(sheet) for sheet in sites[:, 0]],
        "trusted": record["trusted"],
    }
    caption = f"{CHAINS_TOLD} {HAND_TOLD if twist else STRAIGHT_TOLD}"
    return view("chains", data, f"{title}: {len(sites)} chains in 3-D", caption, _HEIGHT)


def chain_paths(
    sites: Float[np.ndarray, "chain 2"], twist_deg_per_nm: float, rotation_deg: float
) -> Float[np.ndarray, "chain point 3"]:
    """Backbone of the chain at each site, in Å: twisted about their centroid and rotated about it."""
    count = 2 * int(np.ceil(LENGTH / (2 * cellulose().rise)))
    names = np.array(chain_labels(count)[0])
    on_path = np.isin(names, BACKBONE)
    places = chain_places(np.asarray(sites, float))
    paths = []
    for (u, _), place in zip(sites, places - places.mean(0), strict=True):
        cart = chain_atoms(int(u) % 2, count)[on_path]
        cart = cart[cart[:, 2].argsort()]
        paths.append(cart + np.array([*place, -cart[:, 2].mean()]))
    wound = twisted(np.concatenate(paths), twist_deg_per_nm / DEG_PER_NM)
    return turned(wound, float(np.radians(rotation_deg))).reshape(len(paths), -1, 3)


def _sites(record: Record) -> Float[np.ndarray, "chain 2"] | None:
    if record.get("sites"):
        return np.array(record["sites"], float)
    return chain_sites(record["fibril"]) if record["fibril"] in FIBRILS else None


def _drawn_twist(record: Record) -> float:
    """Twist of a drawn fibril in degrees/nm: as predicted, else what the end-to-end twist means at 200 Å."""
    if record["twist_deg_per_nm"] is not None:
        return record["twist_deg_per_nm"]
    return 10 * (record.get("turn_deg") or 0.0) / LENGTH
