"""`python -m lodestream.metrics` prints the page `docs/metrics.md`."""

import sys

from lodestream.metrics.catalogue import markdown

sys.stdout.write(markdown())
