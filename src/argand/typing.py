"""Shape aliases for signatures (jaxtyping), which document the axes of arrays."""

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

Vector2 = Float[np.ndarray, "2"]
Vector3 = Float[np.ndarray, "3"]
Matrix3 = Float[np.ndarray, "3 3"]
Points2 = Float[np.ndarray, "n 2"]
Points3 = Float[np.ndarray, "n 3"]
Miller = Int[np.ndarray, "n 3"]
Image = Shaped[np.ndarray, "slow fast"]
Mask = Bool[np.ndarray, "slow fast"]
Values = Float[np.ndarray | np.floating, "*n"]
"""Array of any shape; numpy returns a single value as a scalar."""
