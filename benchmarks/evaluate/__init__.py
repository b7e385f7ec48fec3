"""How well cleaning does, against right answers: `make evaluate`."""
