"""Engines: interchangeable ways of computing a graph's features."""
