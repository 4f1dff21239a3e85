"""Readers and writers: images, beam geometry, data sets, weights."""
