"""Structures as vectors: representation, element codes, decoding, and ways between vectors."""
