"""
A hosted demo with Gradio
=========================

A web page that takes a diffraction image and shows its beam centre, for those who want to host a demo. For
your own work use `argand app`, which has all four systems. Needs `pip install gradio`.
"""

from io import BytesIO

import gradio
from PIL import Image

import argand

predictor = argand.load("geometry")


def answer(path: str) -> tuple[Image.Image, dict[str, object]]:
    """The picture and the numbers of an image."""
    found = predictor.predict(path)
    numbers = {"trusted": found.trusted, "reason": found.reason, "beam_centre_px": found.beam_centre_px}
    return Image.open(BytesIO(found.picture())), numbers


gradio.Interface(answer, gradio.File(), [gradio.Image(), gradio.JSON()], title="Beam centre").launch()
