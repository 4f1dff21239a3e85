"""What the attempts of an unsuccessful search say about more time: simple statistics, no promise."""

from collections.abc import Sequence

import numpy as np

_FEWEST = 10
"""Fewest attempts with a meaningful scatter. By hand."""
_APART = 4.0
"""Robust standard deviations above the median at which an attempt is better than the rest. By hand: of
some hundred equal ones, hardly one is by chance."""
_PROMISING = 0.42
"""R1 below which a model is partly correct; wrong acentric ones have 0.59 (Wilson 1950, Acta Cryst. 3, 397).
`structure_search` completes those below the same value."""
_LOG_CHANCE = -np.log(0.05)
"""After n attempts without success, the success rate is below -ln 0.05 / n, about 3 / n (95 % confidence)."""


def outlook(correlations: Sequence[float], best_r1: float, seconds: float) -> str:
    """A sentence on what `seconds` of search gave and whether more would help.

    `correlations` of amplitudes are those of all attempts, `best_r1` the R1 of the best model. Only what the
    attempts show is said: a bound on the success rate, and whether any attempt was better than the rest.
    """
    count = len(correlations)
    made = f"{count} {'attempt' if count == 1 else 'attempts'} in {seconds:.1f} s"
    if best_r1 < _PROMISING:
        return f"{made}; the best model, R1 = {best_r1:.2f}, is partly correct: more time may complete it"
    if count < _FEWEST:
        return f"{made}, too few for a statement: give --time-limit {_longer(seconds)} or more"
    rate = f"fewer than one attempt in {count / _LOG_CHANCE:.0f} succeeds (95 % confidence)"
    values = np.asarray(correlations, float)
    # 1.48 times the median of |x| is the standard deviation of a normal distribution.
    usual = float(np.median(values))
    spread = max(1.48 * float(np.median(np.abs(values - usual))), 1e-3)
    off = (float(values.max()) - usual) / spread
    if off > _APART:
        return (
            f"{made}; the best correlation, {values.max():.2f}, is {off:.1f} standard deviations above the "
            "median, but gave no trusted model: check formula and cell contents, or try another --d-min"
        )
    return (
        f"{made}, none better than the rest; {rate}, so only much more time may help "
        f"(--time-limit {_longer(seconds)}); else check space group, formula and resolution"
    )


def _longer(seconds: float) -> str:
    """Ten times as long, rounded up to one digit."""
    ten = 10 * max(seconds, 0.1)
    step = 10 ** np.floor(np.log10(ten))
    return f"{np.ceil(ten / step) * step:g}"
