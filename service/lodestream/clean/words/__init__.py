"""Words that cleaning knows: of languages (`languages/*.toml`, read by `patterns.py`) and names (`names.toml`)."""
