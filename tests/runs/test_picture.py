import io
import warnings

import pytest
from matplotlib.figure import Figure

from argand.runs.picture import any_letters


def drawn(name: str) -> None:
    figure = Figure()
    figure.suptitle(name)
    figure.savefig(io.BytesIO(), format="png")


def test_letters_that_the_font_lacks_are_drawn_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="Glyph"):
            drawn("a\tb 結晶")
        with any_letters():
            drawn("a\tb 結晶")
