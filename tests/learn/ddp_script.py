"""Trains the toy system in two processes; test_train.py runs it, since Lightning starts it a second time."""

import sys
from pathlib import Path

from toy import ToySystem

from argand.learn.train import train

if __name__ == "__main__":
    train(
        ToySystem(plain=True),
        Path(sys.argv[1]),
        max_time=None,
        max_steps=4,
        batch_size=4,
        workers=0,
        accelerator="cpu",
        devices=2,
        val_count=8,
        val_every_steps=4,
        average=False,
        quiet=True,
    )
