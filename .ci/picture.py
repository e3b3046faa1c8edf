"""Draws docs/order.svg from docs/order.dot with Graphviz. `--check` only says whether the picture is up to date.

The check needs no Graphviz: the picture holds a digest of its source and of the style below.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
SOURCE = DOCS / "order.dot"
PICTURE = DOCS / "order.svg"
TITLE = "What happens to an order"

# The picture paints its own background: a page may be dark in a browser that prefers light.
STYLE = """
  svg { --page: #ffffff; --text: #1f2328; --line: #59636e; --plain: #f6f8fa; --edge: #8c959f;
        --blue: #ddf4ff; --blue-edge: #0969da; --green: #dafbe1; --green-edge: #1a7f37;
        --amber: #fff8c5; --amber-edge: #9a6700; --red: #ffebe9; --red-edge: #cf222e; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #0d1117; --text: #e6edf3; --line: #9198a1; --plain: #161b22; --edge: #6e7681;
          --blue: #0c2d52; --blue-edge: #58a6ff; --green: #10301c; --green-edge: #3fb950;
          --amber: #332b10; --amber-edge: #d29922; --red: #3c1618; --red-edge: #f85149; }
  }
  .graph > polygon { fill: var(--page); stroke: none; }
  text { fill: var(--text); font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
  .node text:first-of-type:not(:only-of-type) { font-weight: 600; }
  .node path { fill: var(--plain); stroke: var(--edge); }
  .write path { fill: var(--blue); stroke: var(--blue-edge); stroke-width: 2; }
  .good path { fill: var(--green); stroke: var(--green-edge); }
  .node.again path { fill: var(--amber); stroke: var(--amber-edge); }
  .refused path { fill: var(--red); stroke: var(--red-edge); }
  .edge path { fill: none; stroke: var(--line); }
  .edge polygon { fill: var(--line); stroke: var(--line); }
  .edge.again path { stroke: var(--amber-edge); }
  .edge.again polygon { fill: var(--amber-edge); stroke: var(--amber-edge); }
"""


def digest():
    """The SHA-256 of everything that the picture is made of."""
    return hashlib.sha256(SOURCE.read_bytes() + STYLE.encode()).hexdigest()


def draw():
    """Writes the picture: Graphviz's shapes, with the style above in place of its own colours and fonts."""
    try:
        drawn = subprocess.run(["dot", "-Tsvg", SOURCE], check=True, stdout=subprocess.PIPE, text=True).stdout
    except FileNotFoundError:
        sys.exit("dot is missing: install Graphviz (`apt-get install graphviz`)")
    shapes = drawn[drawn.index("<g id=") :]
    shapes = re.sub(r"<!--.*?-->\n|<title>.*?</title>\n", "", shapes)
    shapes = re.sub(r' (fill|stroke|font-family|font-size)="[^"]*"', "", shapes)
    # Graphviz measures in points. As pixels they are a third larger, which GitHub's column has room for.
    _, _, width, height = map(float, re.search(r'viewBox="([^"]*)"', drawn)[1].split())
    size = f'width="{width * 4 / 3:.0f}" height="{height * 4 / 3:.0f}" viewBox="0 0 {width} {height}"'
    PICTURE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>{TITLE}</title>\n'
        f"<!-- Drawn by .ci/picture.py from {digest()} -->\n<style>{STYLE}</style>\n{shapes}",
        encoding="utf-8",
    )


def check():
    """Ends with a sentence and a failure unless the picture was drawn from the source as it is now."""
    if not PICTURE.exists() or f"from {digest()} " not in PICTURE.read_text(encoding="utf-8"):
        sys.exit("docs/order.svg is older than docs/order.dot or .ci/picture.py: run `python3 .ci/picture.py`")


if __name__ == "__main__":
    check() if sys.argv[1:] == ["--check"] else draw()
