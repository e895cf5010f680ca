"""Measures of how well samples match the data, each with its noise floor."""
