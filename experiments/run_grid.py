"""Run the comparison grid, as `sembridge-bench grid` does: `python experiments/run_grid.py --help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # works from a checkout that is not installed

from harness.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["grid", *sys.argv[1:]]))
