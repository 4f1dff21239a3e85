"""Structures as vectors: representation, element codes, decoding, and ways between vectors."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
