"""Trains the toy system in two processes; test_train.py runs it, since Lightning starts it a second time.

Arguments: the folder of the run and, where its second batch is never to come, the one to tell so in.
"""

import sys
from pathlib import Path

from toy import GatedToySystem, ToySystem

from argand.learn.train import train

if __name__ == "__main__":
    folders = sys.argv[2:]
    train(
        GatedToySystem(plain=True, folder=folders[0], gated=(8, 12)) if folders else ToySystem(plain=True),
        Path(sys.argv[1]),
        max_time=None,
        max_steps=4,
        batch_size=4,
        workers=len(folders),
        accelerator="cpu",
        devices=2,
        val_count=8,
        val_every_steps=4,
        average=False,
        quiet=True,
    )
