"""Sends requests that Schemathesis makes up from openapi.yaml to a local server.

Every answer must be one that openapi.yaml describes. The same seed sends the same requests.
"""

import os
import subprocess
import sys
from pathlib import Path

from server import serve

SEED = os.environ.get("SUREFIRE_SEED", "1")
EXAMPLES = os.environ.get("SUREFIRE_EXAMPLES", "25")

# The checks that cannot hold here, each with its reason.
EXCLUDED = {
    "unsupported_method": "it wants a 405, but API Gateway answers 404 where there is no route",
    "positive_data_acceptance": "a valid request can be refused: 404, 409, 410, 412 and 422 depend on the shop",
}
# A refusal of a request that the description forbids. The gateway adds 413 and 431: its limits come first.
REFUSALS = [400, 401, 403, 404, 413, 415, 422, 431]
CONFIG = f"""
headers = {{ Authorization = "Bearer ${{SUREFIRE_TOKEN}}" }}
checks.negative_data_rejection.expected-statuses = {REFUSALS}
"""
# Preflights have no parameters to make up; tests/cors/ sends every kind of them.
ARGUMENTS = ["--exclude-method", "OPTIONS", "--workers", "1", "--generation-deterministic", "--no-color"]


def main(program, schemathesis):
    print(f"    seed {SEED}, at most {EXAMPLES} examples for each operation and phase", flush=True)
    for check, reason in EXCLUDED.items():
        print(f"    not checked: {check}: {reason}", flush=True)
    with serve(program) as (url, token, directory):
        # The token is in the environment, because anybody can list the arguments of a program.
        config = Path(directory) / "schemathesis.toml"
        config.write_text(CONFIG)
        command = [schemathesis, "--config-file", config, "run", Path("openapi.yaml").absolute(), "--url", url, *ARGUMENTS]
        command += ["--seed", SEED, "--max-examples", EXAMPLES, "--exclude-checks", ",".join(EXCLUDED)]
        return subprocess.run(command, env=os.environ | {"SUREFIRE_TOKEN": token}, cwd=directory).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
