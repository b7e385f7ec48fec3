"""All benchmarks, one after another: `make benchmark`. `benchmarks.restore` takes a million articles and runs alone."""

from __future__ import annotations

from benchmarks import engine, flow, latency, sandbox

if __name__ == "__main__":
    engine.main(standalone_mode=False)
    print()
    flow.main(standalone_mode=False)
    print()
    sandbox.main(standalone_mode=False)
    print()
    latency.main([], standalone_mode=False)
