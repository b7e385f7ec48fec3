"""All benchmarks, one after another: `make benchmark`."""

from __future__ import annotations

from benchmarks import engine, flow, sandbox

if __name__ == "__main__":
    engine.main(standalone_mode=False)
    print()
    flow.main(standalone_mode=False)
    print()
    sandbox.main(standalone_mode=False)
