"""Checks the rules of CONTRIBUTING.md that the compiler does not know. Standard library only."""

import json
import re
import subprocess
import sys
from pathlib import Path

FILE_BYTES_MAX = 1_000_000
# CONTRIBUTING.md says "about 400": a longer file has two subjects.
RUST_LINES_MAX = 450
# What a terminal shows without breaking the line.
README_COLUMNS_MAX = 120
# Inputs of fuzz targets are bytes, not text.
CORPUS = "corpus"
VERBATIM = {"Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT"}
# A number that points to a list outside the project: a name or a comment says what the behaviour is.
CASE_NUMBER = re.compile(r"(?<![a-z])cases?[ _-]\d+", re.IGNORECASE)
CASE_NUMBER_FILES = {".rs", ".md", ".py", ".yaml", ".yml", ".toml", ".sh"}
FENCED = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")


def files():
    """Every file that is, or is about to be, part of the project."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    ).stdout
    return [path for path in map(Path, filter(None, listed.split("\0"))) if path.is_file() and CORPUS not in path.parts]


def text_faults(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip():
            yield f"{path}:{number}: space at the end of the line"
        if re.match(r"(<{7}|>{7}|\|{7}) |={7}$", line):
            yield f"{path}:{number}: conflict marker"
        if "\t" in line and path.suffix in {".md", ".py", ".rs", ".toml", ".yaml", ".yml"}:
            yield f"{path}:{number}: tab"
        if (path.suffix in CASE_NUMBER_FILES or text.startswith("#!")) and (found := CASE_NUMBER.search(line)):
            yield f"{path}:{number}: “{found.group()}”: say what the behaviour is instead of a case's number"
    if "\r" in text:
        yield f"{path}: carriage return"
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end"
    if text.endswith("\n\n"):
        yield f"{path}: empty line at the end"


def rust_faults(path, text):
    lines = text.splitlines()
    if len(lines) > RUST_LINES_MAX:
        yield f"{path}: {len(lines)} lines, at most {RUST_LINES_MAX}: split the file by subject"
    first = next((line for line in lines if line.strip() and not line.startswith("#!")), "")
    if not first.startswith("//!"):
        yield f"{path}:1: start the module with a sentence, `//!`, that says what it does"
    elif first.startswith("//! Owns "):
        yield f"{path}:1: start with what the module does (“Parses …”, “Sends …”), not with “Owns”"
    for number, line in enumerate(lines, 1):
        if re.search(r"(^|\s)//.*\b(TODO|FIXME)\b", line):
            yield f"{path}:{number}: open an issue instead of leaving a TODO or FIXME"


def json_faults(path, text):
    try:
        json.loads(text)
    except ValueError as error:
        yield f"{path}: not JSON: {error}"


def anchors(text):
    """The fragments that a page's headings make, as GitHub names them."""
    names = set()
    for heading in re.findall(r"^#+\s+(.+?)\s*$", FENCED.sub("", text), re.MULTILINE):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = 0
        while (unique := f"{name}-{count}" if count else name) in names:
            count += 1
        names.add(unique)
    return names | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def link_faults(path, text):
    without_code = re.sub(r"`[^`\n]*`", "", FENCED.sub("", text))
    for target in LINK.findall(without_code):
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
            continue
        name, _, fragment = target.partition("#")
        page = path.parent / name if name else path
        if not page.exists():
            yield f"{path}: the file of this link does not exist: {target}"
        elif fragment and page.suffix == ".md" and fragment not in anchors(page.read_text(encoding="utf-8")):
            yield f"{path}: the heading of this link does not exist: {target}"


def readme_faults(path, text):
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"(```|~~~)", line):
            fenced = not fenced
        if len(line) > README_COLUMNS_MAX:
            advice = "pass long JSON through `jq`, or cut it with `…`" if fenced else "break the line"
            yield f"{path}:{number}: {len(line)} characters, at most {README_COLUMNS_MAX}: {advice}"


RULES = {".rs": rust_faults, ".json": json_faults, ".md": link_faults}


def faults(path):
    content = path.read_bytes()
    if len(content) > FILE_BYTES_MAX:
        yield f"{path}: {len(content)} bytes, at most {FILE_BYTES_MAX}"
    if b"\0" in content or path.name in VERBATIM:
        return
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        yield f"{path}: not UTF-8: {error}"
        return
    yield from text_faults(path, text)
    if path.suffix in RULES:
        yield from RULES[path.suffix](path, text)
    if path.name == "README.md":
        yield from readme_faults(path, text)


def main():
    checked = files()
    found = [fault for path in checked for fault in faults(path)]
    for fault in found:
        print(fault)
    print(f"    {len(checked)} files, {len(found)} faults")
    return 1 if found or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
