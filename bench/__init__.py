"""Benchmarks: khoso and what a team would write instead, driven by the same load in one run."""
