"""Measures of how well samples match the data, each with its noise floor."""

from engine.metrics.coverage import Coverage, coverage, perfect

__all__ = ["Coverage", "coverage", "perfect"]
