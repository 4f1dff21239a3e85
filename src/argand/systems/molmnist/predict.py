"""The predictor: from patterns to shapes, fibrils and twists, with a verdict on each answer."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from torch import Tensor

from argand.errors import InputError
from argand.io.resource import shipped_weights
from argand.io.weights import load_weights, network_of, system_of
from argand.page.notebook import html_card
from argand.physics.coherent.projection import Radiation
from argand.runs.answers import Answers
from argand.runs.course import Failure, attempted
from argand.systems.molmnist.benchmark.dataset import check_forward
from argand.systems.molmnist.benchmark.dataset import load as load_pairs
from argand.systems.molmnist.benchmark.pairs import Pairs
from argand.systems.molmnist.files.batch import Batch, answer_case, answer_cases
from argand.systems.molmnist.files.inputs import PatternCase
from argand.systems.molmnist.files.sources import Source, Stated, cases_of, cases_of_list, is_list
from argand.systems.molmnist.inversion.chain_network import ChainNetwork
from argand.systems.molmnist.inversion.prediction import Prediction
from argand.systems.molmnist.predictors.chain_predictor import ChainPredictor
from argand.systems.molmnist.predictors.fibril_predictor import FibrilPredictor
from argand.systems.molmnist.predictors.pattern_predictor import PatternPredictor
from argand.systems.molmnist.system import Molmnist
from argand.typing import Mask

WEIGHTS = shipped_weights("molmnist-chains") / "model.safetensors"
"""Of the network of bundles."""
WEIGHTS_TEN = shipped_weights("molmnist-best") / "model.safetensors"
"""Of the network of the ten fibrils."""


class Predictor:
    """Predicts shape, fibril or chains, and twist from diffraction patterns.

    `inversion` answers arrays of one size, mask and window; `system` is the configuration of its training,
    `weights` the file that it is from.
    """

    def __init__(self, inversion: PatternPredictor, system: Molmnist, weights: Path) -> None:
        self.inversion, self.system, self.weights = inversion, system, weights

    @overload
    def predict(
        self,
        pattern: str | Path,
        live: Mask | None = None,
        window_side: float | None = None,
        rounds: int = 0,
        length: float | None = None,
        *,
        radiation: Radiation | None = None,
        mask: str | Path | None = None,
    ) -> Prediction | Answers[Prediction]: ...
    @overload
    def predict(
        self,
        pattern: np.ndarray | Tensor | Mapping[str, Any],
        live: Mask | None = None,
        window_side: float | None = None,
        rounds: int = 0,
        length: float | None = None,
        *,
        radiation: Radiation | None = None,
        mask: str | Path | None = None,
    ) -> Prediction: ...
    @overload
    def predict(
        self,
        pattern: Sequence[Source] | Pairs,
        live: Mask | None = None,
        window_side: float | None = None,
        rounds: int = 0,
        length: float | None = None,
        *,
        radiation: Radiation | None = None,
        mask: str | Path | None = None,
    ) -> Answers[Prediction]: ...
    def predict(
        self,
        pattern: Source | Sequence[Source] | Pairs,
        live: Mask | None = None,
        window_side: float | None = None,
        rounds: int = 0,
        length: float | None = None,
        *,
        radiation: Radiation | None = None,
        mask: str | Path | None = None,
    ) -> Prediction | Answers[Prediction]:
        """The answer to a pattern, or `Answers` to several.

        `pattern` is an array or tensor [slow, fast] (also [1, slow, fast]), a file as the command line takes
        it (`scan.h5#0-9`), or a pair of a data set (`molmnist.load("sample")[0]`), whose window, mask, length
        and truth are used. Several are a list of these, an array [n, slow, fast], a data set, or a file with
        several patterns; those that cannot be answered are `Failure`s in their place.

        `live` marks the measured pixels of an array, `mask` is the file of a mask for files. `window_side`
        and `length` (of the object) are in Å; without a window that is stated or known, 200 Å is assumed, and
        the answer's notes say so. The pattern is recentred where q = 0 is not in pixel [n // 2, n // 2]. With
        `rounds`, the shape is refined by so many rounds of phase retrieval. `radiation` is that of the
        measurement, by default the data set's, else X-rays.

        Raises InputError for a single input that is not a pattern or cannot be read, or for a window that
        cannot be answered.
        """
        named = None if mask is None else Path(mask)
        stated = Stated(live, named, window_side, length, radiation)
        if is_list(pattern):
            return Answers(tuple(self._answers(cases_of_list(pattern, stated), rounds)))
        cases = cases_of(pattern, stated)
        first = next(cases, None)
        if first is None:
            raise InputError(f"{pattern}: no pattern found")
        rest = attempted(first.file, lambda: cases)
        second = next(rest, None)
        if second is None:
            return answer_case(first, self.inversion, rounds=rounds)
        return Answers(tuple(self._answers(chain([first, second], rest), rounds)))

    def _answers(self, cases: Iterator[PatternCase | Failure], rounds: int) -> Iterator[Prediction | Failure]:
        """The answer to each case, asked together as far as they are of one size; failures stay."""
        waiting: Batch[None] = Batch(self.inversion.together)
        for case in cases:
            if isinstance(case, Failure) or not waiting.takes(case):
                yield from answer_cases([one for _, one in waiting.taken()], self.inversion, rounds=rounds)
            if isinstance(case, Failure):
                yield case
            else:
                waiting.add(None, case)
        yield from answer_cases([one for _, one in waiting.taken()], self.inversion, rounds=rounds)

    @property
    def _objects(self) -> str:
        """What the network can recognise."""
        if isinstance(self.inversion, ChainPredictor):
            return "bundles of any outline"
        return ", ".join(self.system.kinds)

    def __repr__(self) -> str:
        return f"<Predictor of molmnist: {self._objects}; weights {self.weights.parent.name}>"

    def _repr_html_(self) -> str:
        parameters = sum(one.numel() for one in self.inversion.network.parameters())
        rows = {
            "recognises": self._objects,
            "network": f"{self.system.network_name}, {parameters:,} parameters",
            "weights": str(self.weights),
        }
        return html_card("Predictor of molmnist", rows, note="predictor.predict(file, pattern or pair)")


def load(path: str | Path | None = None, network: Literal["any", "ten"] = "any") -> Predictor:
    """The predictor from weights, by default those shipped; InputError for others' or damaged ones.

    Of those shipped, `any` finds bundles of any outline and twist, `ten` tells the ten fibrils of the
    published set apart, which takes a hundredth of the time. They are read once in a process.
    """
    return _read(Path(path)) if path else _kept(WEIGHTS if network == "any" else WEIGHTS_TEN)


@cache
def _kept(path: Path) -> Predictor:
    return _read(path)


def _read(path: Path) -> Predictor:
    state, header = load_weights(path)
    if header["system"] != "molmnist":
        raise InputError(f"{path}: weights of {header['system']}, not of molmnist; give others")
    system = system_of(Molmnist, header, path)
    state = {name: tensor.float() for name, tensor in state.items()}
    if system.network_name == "chains":
        reader = network_of(system.network, state, path)
        assert isinstance(reader, ChainNetwork)
        return Predictor(ChainPredictor(reader), system, path)
    if system.network_name != "modes":
        raise InputError(f"{path}: weights of the published network, which predicts shapes only")
    network_of_modes = network_of(system.blank_network, state, path)
    return Predictor(FibrilPredictor(system, network_of_modes), system, path)


def selftest() -> str:
    """Answer a pattern of the sample, after the forward model has been checked; say how it went.

    RuntimeError where the answer is wrong or not trusted. Row 13, a 5x5, is by hand.
    """
    checked = check_forward()
    pairs, row = load_pairs("sample"), 13
    answer = load().predict(pairs[row])
    truth = pairs.system.kinds[int(pairs[row]["fibril"])]
    if answer.fibril != truth or not answer.trusted:
        raise RuntimeError(f"a pattern of {truth} is answered with {answer.fibril}: {answer.reason}")
    return f"{checked}; {truth} found, residual {answer.residual:.3f}"
