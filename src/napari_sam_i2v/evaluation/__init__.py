"""Scores of masklets against the truth, protocols and their reports."""
