"""Runs deploy/smoke against `surefire serve` and against the container's program, and shows it broken ones.

    python3 .ci/smoke.py SUREFIRE SUREFIRE-HOST

The second program gets the database and the secrets of the first. Standard library only.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

SCOPES = "orders:write orders:read orders:confirm orders:cancel:any stock:write"
ORIGIN = "http://localhost:5173"


class Program:
    """A running program, ended with the block."""

    def __init__(self, command, environment=None):
        self.command, self.environment = command, environment

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return self.process

    def __exit__(self, *_):
        self.process.terminate()
        self.process.stdout.close()
        status = self.process.wait(timeout=60)
        if status != 0:
            sys.exit(f"{self.command[0]} ended with status {status} after SIGTERM")


def served(surefire, data, *more):
    command = [surefire, "serve", "--memory", "--no-throttle", "--listen", "127.0.0.1:0", "--data", data]
    return Program([*command, *more])


def wait_for_banner(process):
    for line in process.stdout:
        if "Place an order" in line:
            return
    sys.exit("surefire serve did not start")


def token(surefire, data, scopes):
    return subprocess.run([surefire, "token", "--data", data, "--scope", scopes], check=True, capture_output=True,
                          text=True).stdout.strip()


def smoke(url, text, status=0, says="", more=(), **environment):
    done = subprocess.run(["deploy/smoke", url, "--origin", ORIGIN, *more], capture_output=True, text=True,
                          env={**os.environ, "SMOKE_TOKEN": text, "LOOK_SECONDS": "0.2", **environment})
    if done.returncode != status or says not in done.stdout + done.stderr:
        sys.exit(f"deploy/smoke: status {done.returncode} instead of {status}, {says!r}:\n{done.stdout}{done.stderr}")
    if text in done.stdout + done.stderr:
        sys.exit("deploy/smoke printed the token")
    return done.stdout.count("ok  ")


def environment(surefire, data):
    """The variables of the functions behind the API."""
    found = {"LISTEN": "127.0.0.1:0", "HEALTH_LISTEN": "127.0.0.1:0", "DRAIN_SECONDS": "0"}
    for function in ("orders", "cors", "authorizer"):
        lines = subprocess.run([surefire, "env", function, "--format", "sam", "--data", data], check=True,
                               capture_output=True, text=True).stdout
        for variables in json.loads(lines).values():
            found.update(variables)
    return found


def hosted(process, started):
    """The container's URL, and the milliseconds until it was ready."""
    for line in process.stdout:
        found = json.loads(line)
        if found.get("message") == "the program serves":
            health = f"http://{found['health']}/_health/ready"
            while True:
                try:
                    urllib.request.urlopen(health, timeout=5).close()
                    return f"http://{found['address']}", (time.monotonic() - started) * 1000
                except urllib.error.HTTPError:
                    continue
    sys.exit("surefire-host did not start")


def memory_kib(process):
    status = Path(f"/proc/{process.pid}/status")
    found = re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found.group(1)) if found else 0


# Stands in for the AWS CLI: the alert has arrived when it has been looked for three times, if it arrives.
AWS = r'''#!/usr/bin/env python3
import os, sys
from pathlib import Path
calls = Path(os.environ["AWS_CALLS"])
with open(calls, "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\n")
text = calls.read_text()
if sys.argv[2] == "set-alarm-state":
    sys.exit("AccessDenied: not allowed" if os.environ.get("DENIED") else 0)
looked = text.count("get-metric-statistics")
print("1.0" if os.environ.get("ARRIVES") and 3 <= looked else "0.0" if looked % 2 else "")
'''


def alerts_of_a_stack(url, text, folder):
    program = Path(folder, "aws")
    program.write_text(AWS)
    program.chmod(0o755)
    calls = Path(folder, "calls")
    where = {"PATH": f"{folder}:{os.environ['PATH']}", "AWS_CALLS": str(calls)}
    to = ("--alerts", "surefire")
    smoke(url, text, 0, "ok  a test alert arrives in Discord", to, ARRIVES="1", **where)
    made = calls.read_text().splitlines()
    if not made[0].startswith("cloudwatch set-alarm-state --alarm-name surefire-delivery-test --state-value ALARM"):
        sys.exit(f"the alarm of the daily test was not set: {made}")
    if len(made) != 4:
        sys.exit(f"{len(made)} calls of AWS instead of 4: {made}")
    smoke(url, text, 1, "did not arrive in Discord within 1 seconds", to, ALERT_SECONDS="1", **where)
    smoke(url, text, 1, "a test alert is sent: AccessDenied", to, DENIED="1", **where)


def alerts_of_this_machine(surefire, data):
    """An alarm of the running services reaches the local Discord, and a broken way to it is noticed."""
    with served(surefire, data, "--alarm-speed", "60") as process:
        wait_for_banner(process)
        url = json.loads(Path(data, "endpoints.json").read_text())["api"]
        own = token(surefire, data, SCOPES)
        to = ("--alerts", "local")
        print(f"    with a test alert: {smoke(url, own, 0, 'ok  a test alert arrives', to)} steps passed")
    with served(surefire, data, "--alarm-speed", "60", "--fault", "discord=error") as process:
        wait_for_banner(process)
        url = json.loads(Path(data, "endpoints.json").read_text())["api"]
        smoke(url, token(surefire, data, SCOPES), 1, "did not arrive in Discord", to, ALERT_SECONDS="15")


def main(surefire, host):
    with tempfile.TemporaryDirectory() as data:
        alerts_of_this_machine(surefire, data)
    with tempfile.TemporaryDirectory() as data:
        with served(surefire, data, "--no-watch") as process:
            wait_for_banner(process)
            url = json.loads(Path(data, "endpoints.json").read_text())["api"]
            own = token(surefire, data, SCOPES)
            print(f"    serve: {smoke(url, own)} steps passed")
            print(f"    and once more: {smoke(url, own)} steps passed")
            smoke(url, token(surefire, data, "orders:read"), 1, "status 403")
            alerts_of_a_stack(url, own, data)
            variables = environment(surefire, data)
            started = time.monotonic()
            with Program([host], variables) as container:
                at, milliseconds = hosted(container, started)
                print(f"    surefire-host: {smoke(at, own)} steps passed")
                print(f"    ready after {milliseconds:.0f} ms; {memory_kib(container)} KiB of memory after the test")
            wrong = {**variables, "ALLOWED_ORIGINS": "https://other.example"}
            with Program([host], wrong) as container:
                smoke(hosted(container, time.monotonic())[0], own, 1, "FAILED  a page may call the API")
        smoke(url, own, 1, "no answer")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
