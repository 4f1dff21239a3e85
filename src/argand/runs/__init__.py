"""The one course of every verb over many items: answers or failures, records, a folder with its page."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
