#!/usr/bin/env python3
"""Builds functions as they ship, and fails when one has grown by more than a twentieth over infra/bench/RESULTS.md.

    .ci/sizes.py [function …]        all of them, if none is named

A larger function starts later and takes longer to deploy. If the growth is worth it, measure again:
`cargo run --release -p local-bench -- --write`.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARGIN = 1.05


def recorded(results):
    """Bytes by function, as the table of functions has them."""
    rows = re.findall(r"^\| ([a-z-]+) +\| +([0-9.]+) MB", results, re.MULTILINE)
    return {name: float(megabytes) * 1e6 for name, megabytes in rows if name != "local-hello"}


def built(names):
    """Bytes by function, built with the release profile."""
    packages = [argument for name in names for argument in ("-p", name)]
    command = ["cargo", "build", "--release", "--locked", "--bins", "--message-format=json-render-diagnostics", *packages]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = [json.loads(line) for line in output.splitlines()]
    binaries = [message for message in messages if message.get("executable")]
    return {message["target"]["name"]: Path(message["executable"]).stat().st_size for message in binaries}


def main():
    names = sys.argv[1:] or sorted(path.parent.name for path in ROOT.glob("functions/*/Cargo.toml"))
    known, now = recorded((ROOT / "infra/bench/RESULTS.md").read_text()), built(names)
    wrong = [f"{name} is not in infra/bench/RESULTS.md" for name in sorted(set(now) - set(known))]
    for name in sorted(set(now) & set(known)):
        print(f"{name:15} {now[name] / 1e6:.2f} MB, recorded {known[name] / 1e6:.2f} MB")
        if now[name] > known[name] * MARGIN:
            wrong.append(f"{name} has grown from {known[name] / 1e6:.2f} to {now[name] / 1e6:.2f} MB")
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
