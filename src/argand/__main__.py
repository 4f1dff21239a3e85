"""`python -m argand` is the command `argand`, as torchrun starts it."""

from argand.cli import main

if __name__ == "__main__":
    main()
