"""Runs the rivals on one data set and compares every figure with the notebook loop's; gpucost's status likewise.

python bench/check_rivals.py --events tasks-20k.parquet [--postgres URL]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import product
from scenario import default_dir

RIVALS = Path(__file__).parent / "rivals"
VARIANTS: dict[str, list[str]] = {
    "notebook_loop": [],
    "pandas_vectorised": [],
    "polars_streaming": [],
    "duckdb_hybrid": ["--ranges", "1"],
    "duckdb_hybrid, 3 ranges": ["--ranges", "3"],
    "duckdb_hybrid, hash": ["--way", "hash"],
}


def figures_of(name: str, options: list[str]) -> dict[str, Any]:
    """Runs one rival; raises CalledProcessError if it fails."""
    script = RIVALS / f"{name.split(',')[0]}.py"
    done = subprocess.run([sys.executable, str(script), *options], check=True, stdout=subprocess.PIPE)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def differences(expected: Any, got: Any, path: str = "") -> list[str]:
    """One line for each figure that differs."""
    if isinstance(expected, dict) and isinstance(got, dict):
        keys = sorted({*expected, *got})
        return [line for k in keys for line in differences(expected.get(k), got.get(k), f"{path}/{k}")]
    return [] if expected == got else [f"{path}: {expected} expected, {got} found"]


def told(name: str, wrong: list[str]) -> bool:
    """Says whether a contestant agrees; true if it does not."""
    print(f"{name}: {'agrees' if not wrong else f'{len(wrong)} figures differ'}", *wrong[:10], sep="\n  ")
    return bool(wrong)


def main() -> int:
    """Command line; the exit code is 1 if any figure differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=Path, default=default_dir() / "tasks-20k.parquet")
    parser.add_argument("--postgres", metavar="URL", help="a database that generate.py filled with the same events")
    args = parser.parse_args()
    variants = {name: ["--events", str(args.events), *options] for name, options in VARIANTS.items()}
    if args.postgres:
        variants["postgres_pushdown"] = ["--postgres", args.postgres]
    expected: dict[str, Any] = {}
    failed = 0
    for name, options in variants.items():
        got = figures_of(name, options)
        expected = expected or got
        wrong = differences(expected, got)
        failed += told(name, wrong)
    for db in filter(None, (args.events, args.postgres)):
        wrong = differences(product.held(expected), product.stated(product.status_of(db)))
        failed += told(f"gpucost, {'Parquet' if db is args.events else 'PostgreSQL'}", wrong)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
