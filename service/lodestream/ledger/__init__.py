"""The ledger of design guarantee 2: every record has exactly one fate. `verify` reads it from the topics."""

from lodestream.ledger.audit import verify
from lodestream.ledger.bounds import Bounds
from lodestream.ledger.breaches import Breach, Problem, StageReport
from lodestream.ledger.report import Report

__all__ = ["Bounds", "Breach", "Problem", "Report", "StageReport", "verify"]
