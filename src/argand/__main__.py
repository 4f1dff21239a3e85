"""`python -m argand` runs the command `argand`; torchrun starts it this way."""

from argand.cli import main

if __name__ == "__main__":
    main()
