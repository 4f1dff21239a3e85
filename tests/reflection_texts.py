"""Measured reflections of cod_2016452, written in the dialects of the tests."""

import gzip
from pathlib import Path

import numpy as np

from argand.io.hklf import parse_hklf

EXAMPLES = Path(__file__).parents[1] / "examples" / "data"
CELL = (9.748, 8.890, 7.566, 90.0, 112.74, 90.0)
CARDS = "CELL 0.71073 9.748 8.890 7.566 90 112.74 90\nLATT 1\nSYMM -X, 0.5+Y, 0.5-Z\n"
INS = f"TITL x = y\n{CARDS}SFAC C H O\nUNIT 28 28 4\n"


def reflections(count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """h k l, F² and sigma of the first measured reflections."""
    text = gzip.decompress((EXAMPLES / "cod_2016452.hkl.gz").read_bytes()).decode()
    rows = parse_hklf(text, "cod_2016452")
    return rows.hkl[:count], rows.intensity[:count], rows.sigma[:count]


def fixed(hkl, intensity, sigma, batch=None, end: bool = True) -> str:
    """FORMAT(3I4,2F8.2,I4) with its last line."""
    tails = [""] * len(hkl) if batch is None else [f"{number:4d}" for number in batch]
    rows = zip(np.asarray(hkl).tolist(), intensity, sigma, tails, strict=True)
    lines = [f"{h:4d}{k:4d}{el:4d}{i:8.2f}{s:8.2f}{tail}" for (h, k, el), i, s, tail in rows]
    return "\n".join([*lines, *(["   0   0   0    0.00    0.00"] if end else []), ""])
