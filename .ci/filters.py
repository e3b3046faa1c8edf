"""Fails when a filter of .config/nextest.toml matches no test. Standard library only.

Filters name tests by their paths. When tests move, a filter may match nothing, and the suite
that it makes silently runs less, or loses its time limit.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

CONFIG = Path(".config/nextest.toml")
# A line that sets a filter, and the part of it that can be read: a string on the same line.
SETTING = re.compile(r"^\s*(?:default-)?filter\b")
FILTER = re.compile(r"^\s*(?:default-)?filter\s*=\s*(['\"])(.+)\1\s*$")


def filters(text):
    """The number of the line and the filter of every profile and override."""
    for number, line in enumerate(text.splitlines(), 1):
        if SETTING.match(line):
            found = FILTER.match(line)
            if not found:
                sys.exit(f"{CONFIG}:{number}: write the filter as one string on this line")
            yield number, found.group(2)


def matched(expression, quiet):
    """How many tests a filter matches. Ignored tests count too."""
    listed = subprocess.run(
        ["cargo", "nextest", "list", "--workspace", "--locked", "--message-format", "json"]
        + ["--ignore-default-filter", "--run-ignored", "all", "-E", expression]
        + (["--cargo-quiet"] if quiet else []),
        stdout=subprocess.PIPE, text=True,
    )
    if listed.returncode != 0:
        sys.exit(f"cargo nextest list failed for the filter {expression}")
    suites = json.loads(listed.stdout)["rust-suites"].values()
    tests = [test for suite in suites for test in suite["testcases"].values()]
    return sum(test["filter-match"]["status"] == "matches" for test in tests)


def main():
    empty = 0
    for index, (number, expression) in enumerate(filters(CONFIG.read_text(encoding="utf-8"))):
        # The first call builds the tests and shows its progress.
        count = matched(expression, quiet=0 < index)
        if count == 0:
            empty += 1
            print(f"{CONFIG}:{number}: no test matches {expression}; mend the filter, or delete its section")
        else:
            print(f"    {count:4} tests match {expression}")
    return 1 if empty else 0


if __name__ == "__main__":
    sys.exit(main())
