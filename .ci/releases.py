"""Lets each release answer repeats of requests that another one has decided: before a deployment, and after a rollback.

    python3 .ci/releases.py SUREFIRE FOLDER

SUREFIRE is this release's program. The earlier releases are those of tests/api/records/releases.txt. Each is built from
its commit in a worktree under FOLDER, which is kept for the next time. Exit status: 0 all agree, 1 not, 3 a commit is
not in this clone. Standard library only.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

RECORDS = Path("tests/api/records")
MAKE = (RECORDS / "make.py").resolve()

# What releases answer otherwise on purpose: a word of the earlier answer, and one of the later.
ON_PURPOSE = [
    # A cancelled order that had been paid: the first release did not say so.
    ("urn:surefire:problem:order-cancelled", '"status":"cancelled"'),
    # An order that ended without a payment has a problem of its own.
    ("urn:surefire:problem:order-cancelled", "urn:surefire:problem:cancelled-unpaid"),
]


def build(name, commit, folder):
    """The program of an earlier release, and its checkout."""
    checkout = folder / name
    if not checkout.exists():
        subprocess.run(["git", "worktree", "prune"], check=True)
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(checkout), commit], check=True)
    # A directory of its own for what is built: the two releases have crates of the same names.
    target = folder / f"{name}-target"
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--bin", "surefire"], cwd=checkout, check=True,
                   env={**os.environ, "CARGO_TARGET_DIR": str(target)})
    return target / "debug/surefire", checkout


def record(program, checkout, out, *more):
    """Runs a program with the template of its own checkout."""
    subprocess.run([sys.executable, str(MAKE), str(program), str(out), *map(str, more)], cwd=checkout, check=True)
    return json.loads(out.read_text(encoding="utf-8"))


def agree(made, answered, what):
    """Whether repeats get from one release what they got from the release that had decided them."""
    faults, replays, unsure = [], 0, 0
    for mine, theirs in zip(made["repeats"], answered["repeats"], strict=True):
        named = f"{what}: {mine['method']} {mine['path']} {mine['key'] or ''}"
        if theirs["status"] == 503:
            # It says that it does not know, and changes nothing.
            unsure += 1
            continue
        # A later release may send a header more.
        common = mine["headers"].keys() & theirs["headers"].keys()
        same = all(mine[part] == theirs[part] for part in ("status", "answer"))
        same = same and all(mine["headers"][name] == theirs["headers"][name] for name in common)
        pair = (mine["answer"], theirs["answer"])
        meant = any(before in one and after in other for before, after in ON_PURPOSE for one, other in (pair, pair[::-1]))
        if not same and not meant:
            faults.append(f"{named}: {mine['status']} {mine['answer']}\n    became {theirs['status']} {theirs['answer']}")
        if mine["path"] == "/orders" and mine["status"] == 201:
            if theirs["status"] != 201 or theirs["headers"].get("idempotent-replayed") != "true":
                faults.append(f"{named}: an order was not replayed: {theirs['status']}")
            replays += 1
    if not replays:
        faults.append(f"{what}: no order was repeated")
    print(f"    {what}: {len(made['repeats'])} repeats, {replays} of placed orders replayed, {unsure} times 503")
    return faults


def both_ways(mine, theirs, folder):
    """Faults between two releases, each a name, a program and a checkout."""
    faults = []
    for (maker, program, at), (reader, other, there) in ((mine, theirs), (theirs, mine)):
        items = folder / f"of-{maker}.json"
        made = record(program, at, items)
        answered = record(other, there, folder / f"of-{maker}-by-{reader}.json", "--items", items)
        faults += agree(made, answered, f"{maker}, answered by {reader}")
    return faults


def main(program, folder):
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    lines = (RECORDS / "releases.txt").read_text(encoding="utf-8").splitlines()
    faults = []
    for line in lines:
        if line.startswith("#"):
            continue
        name, commit = line.split()
        if subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], capture_output=True).returncode:
            print(f"{name}: the commit {commit} is not in this clone; type: git fetch --unshallow", file=sys.stderr)
            return 3
        theirs = (name, *build(name, commit, folder))
        faults += both_ways(("this", Path(program).resolve(), Path.cwd()), theirs, folder)
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
