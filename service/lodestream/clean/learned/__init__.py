"""What a site repeats on its pages, learned: the windowed state of `clean`. Pure.

`recall.py` says how a record is read beside what the records before it taught; `reading.py` makes keys of texts,
`rules.py` has the limits, `cut.py` cuts. The state is `memory.py`, over `table.py` (keys) and `stories.py`; `blocks.py`
and `frozen.py` are its bytes.
"""

from __future__ import annotations

from lodestream.clean.learned.memory import Memory
from lodestream.clean.learned.recall import Recalled, recall

__all__ = ["Memory", "Recalled", "recall"]
