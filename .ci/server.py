"""Starts `surefire serve` on a free port, for a script that calls the API. Standard library only."""

import contextlib
import re
import subprocess
import tempfile


@contextlib.contextmanager
def serve(program):
    """Gives the server's URL, a token with every scope, and a directory; stops the server at the end."""
    with tempfile.TemporaryDirectory() as data:
        flags = ["--memory", "--data", data, "--listen", "127.0.0.1:0", "--no-throttle", "--no-watch"]
        server = subprocess.Popen(
            [program, "serve", *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            url = url_of(server)
            token = subprocess.run([program, "token", "--data", data], check=True, capture_output=True, text=True)
            yield url, token.stdout.strip(), data
        finally:
            server.terminate()
            server.communicate()


def url_of(server):
    for line in server.stdout:
        if found := re.search(r"Surefire\s+(http://\S+)", line):
            return found.group(1)
    raise SystemExit("surefire serve ended before it printed its address")
