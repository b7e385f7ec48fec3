"""Metrics of a worker: one catalogue, and the class that the engine and the agents report to."""

from lodestream.metrics.catalogue import CATALOGUE, Metric, Outcome, Stage
from lodestream.metrics.worker import Metrics, new_registry

__all__ = ["CATALOGUE", "Metric", "Metrics", "Outcome", "Stage", "new_registry"]
