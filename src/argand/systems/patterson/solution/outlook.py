"""What the tries of a search that was not successful say of more time: simple statistics, no promise."""

from collections.abc import Sequence

import numpy as np

_FEWEST = 10
"""Tries below which their scatter says nothing. By hand."""
_APART = 4.0
"""Robust standard deviations above the median at which a try stands apart. By hand: hardly one of some
hundred equal ones does by chance."""
_PROMISING = 0.42
"""R1 below which a model holds something that is right: wrong ones have 0.59 if acentric (Wilson 1950, Acta
Cryst. 3, 397). `structure_search` mends those below the same value."""
_LOG_CHANCE = -np.log(0.05)
"""Of n tries without success, the success rate is below -ln 0.05 / n, about 3 / n, with 95 % confidence."""


def outlook(correlations: Sequence[float], best_r1: float, seconds: float) -> str:
    """A sentence on what `seconds` of search gave and whether more would help.

    `correlations` of amplitudes are those of all tries, `best_r1` the R1 of the best model. Only what follows
    from the tries is said: a bound on the success of one, and whether any stood apart from the others.
    """
    count = len(correlations)
    made = f"{count} {'try' if count == 1 else 'tries'} in {seconds:.1f} s"
    if best_r1 < _PROMISING:
        return f"{made}; the best model, of R1 {best_r1:.2f}, is partly right: more time may mend it"
    if count < _FEWEST:
        return f"{made}, too few to tell: give at least {_longer(seconds)} s"
    rate = f"a try succeeds less often than once in {count / _LOG_CHANCE:.0f} (95 % sure)"
    values = np.asarray(correlations, float)
    # 1.48 times the median of |x| is the standard deviation of a normal distribution.
    usual = float(np.median(values))
    spread = max(1.48 * float(np.median(np.abs(values - usual))), 1e-3)
    off = (float(values.max()) - usual) / spread
    if off > _APART:
        return (
            f"{made}; the best correlation, {values.max():.2f}, stands {off:.1f} deviations above the "
            "others, but gave no model: check formula and cell contents, or try other data limits"
        )
    return (
        f"{made}, none of which stood apart; {rate}, so that only much more time, such as "
        f"{_longer(seconds)} s, is worth a try; else check space group, formula and resolution"
    )


def _longer(seconds: float) -> str:
    """Ten times as long, rounded up to one digit."""
    ten = 10 * max(seconds, 0.1)
    step = 10 ** np.floor(np.log10(ten))
    return f"{np.ceil(ten / step) * step:g}"
