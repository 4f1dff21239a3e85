"""Whether a simulated quantity has stopped drifting, with its correlation in time taken into account."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Series = Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Drift:
    """Change over a window by a straight line, its standard error, and the independent values behind it."""

    change: float
    error: float
    effective: float

    def is_stationary(self, least: float = 5.0, sigmas: float = 2.0) -> bool:
        """Whether the change is within `sigmas` errors, on at least `least` independent values.

        The defaults are by hand: two standard errors, and enough values for an error to mean something.
        """
        return self.effective >= least and abs(self.change) <= sigmas * self.error


def drift(values: Series) -> Drift:
    """Drift of equally spaced values; the error of the slope counts correlated values once.

    `change` is the slope times the window, in the unit of the values.
    """
    place = np.linspace(-0.5, 0.5, len(values))
    slope = float(place @ values / (place @ place))
    rest = values - values.mean() - slope * place
    inefficiency = statistical_inefficiency(rest)
    effective = len(values) / inefficiency
    variance = float(rest @ rest) / max(len(values) - 2, 1)
    return Drift(slope, float(np.sqrt(variance * inefficiency / (place @ place))), effective)


def statistical_inefficiency(values: Series) -> float:
    """Spacing in samples at which values are independent: 1 + 2 Σ (1 - t/n) C(t) up to the first C(t) <= 0.

    Chodera et al., J. Chem. Theory Comput. 3, 26 (2007), equation 23.
    """
    count, away = len(values), values - values.mean()
    variance = float(away @ away) / count
    if variance == 0:
        return float(count)
    total = 1.0
    for lag in range(1, count - 1):
        correlation = float(away[:-lag] @ away[lag:]) / ((count - lag) * variance)
        if correlation <= 0:
            break
        total += 2 * correlation * (1 - lag / count)
    return total
