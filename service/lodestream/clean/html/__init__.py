"""Markup: running HTML of a body (`running.py`)."""
