"""Runs the scripts of deploy/ with stand-ins for aws, sam and docker, and checks what they would have called.

The stand-in for aws keeps a bucket in a folder and what was deployed in a file, and records each call. So a release
can be packaged, deployed, promoted and taken back here. Standard library only.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

DIGEST = "sha256:" + "ab" * 32
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/surefire"
CONTAINER = {"RepositoryArn": "arn:aws:ecr:eu-west-1:123456789012:repository/surefire", "OrdersTableName": "orders",
             "SigningSecretArn": "arn:secret", "AlertsTopicArn": "arn:topic"}

STAND_IN = r'''#!/usr/bin/env python3
import json, os, shutil, sys
from pathlib import Path
state, name, arguments = Path(os.environ["STAND_IN"]), Path(sys.argv[0]).name, sys.argv[1:]
with open(state / "calls", "a") as calls:
    calls.write(json.dumps([name, *arguments]) + "\n")

def option(flag):
    return arguments[arguments.index(flag) + 1] if flag in arguments else None

def object_of(url):
    return state / url.removeprefix("s3://")

def deployed():
    file = state / "stacks.json"
    return json.loads(file.read_text()) if file.exists() else {}

if name == "sam" and arguments[0] == "package":
    shutil.copy(option("--template-file"), option("--output-template-file"))
elif name == "docker" and arguments[0] == "info":
    sys.exit(0)
elif name == "docker" and arguments[0] == "login":
    assert sys.stdin.read() == "password"
elif name == "docker" and arguments[0] == "create":
    print("container")
elif name == "docker" and arguments[0] == "export":
    import tarfile
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        for path in os.environ.get("IMAGE_FILES", "surefire-host etc/ssl/certs/ca-certificates.crt").split():
            entry = tarfile.TarInfo(path)
            entry.size = 1000
            archive.addfile(entry, open("/dev/zero", "rb"))
elif name == "docker" and arguments[0] == "inspect":
    print("65532:65532")
elif name == "aws" and arguments[:2] == ["s3", "cp"]:
    source, target = arguments[2:4]
    if source == "-":
        object_of(target).parent.mkdir(parents=True, exist_ok=True)
        object_of(target).write_text(sys.stdin.read())
    elif target == "-":
        print(object_of(source).read_text(), end="")
    elif "--recursive" in arguments:
        source = object_of(source) if source.startswith("s3:") else Path(source)
        target = object_of(target) if target.startswith("s3:") else Path(target)
        if source.exists():
            shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        target = object_of(target) if target.startswith("s3:") else Path(target)
        source = object_of(source) if source.startswith("s3:") else Path(source)
        if not source.exists():
            sys.exit("no such object")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
elif name == "aws" and arguments[:2] == ["ecr", "get-login-password"]:
    print("password", end="")
elif name == "aws" and arguments[:2] == ["ecr", "describe-images"]:
    print(os.environ.get("IMAGE_DIGEST", ""))
elif name == "aws" and arguments[:2] == ["cloudformation", "deploy"]:
    if os.environ.get("DEPLOY_FAILS"):
        sys.exit("UPDATE_ROLLBACK_COMPLETE")
    given = json.loads(Path(option("--parameter-overrides").removeprefix("file://")).read_text())
    stacks = deployed()
    stacks[option("--stack-name")] = dict(pair.split("=", 1) for pair in given) | {
        "template": Path(option("--template-file")).read_text()[:40]}
    (state / "stacks.json").write_text(json.dumps(stacks))
elif name == "aws" and arguments[:2] == ["cloudformation", "describe-stacks"]:
    query = option("--query")
    if "Release" in query:
        print(deployed().get(option("--stack-name"), {}).get("Release", "None"))
    elif "WebhookSecretArn" in query:
        print("arn:aws:secretsmanager:eu-west-1:123456789012:secret:webhook")
    elif "AlertsTopicArn" in query:
        print("arn:aws:sns:eu-west-1:123456789012:alerts")
elif name == "aws" and arguments[:2] == ["secretsmanager", "get-secret-value"]:
    if "WEBHOOKS" not in os.environ:
        sys.exit("AccessDeniedException: not allowed")
    print(os.environ["WEBHOOKS"])
elif name == "aws" and arguments[:2] == ["cloudformation", "detect-stack-drift"]:
    print("detection-1")
elif name == "aws" and arguments[:2] == ["cloudformation", "describe-stack-drift-detection-status"]:
    print(os.environ.get("DRIFT", "DETECTION_COMPLETE\tIN_SYNC"))
elif name == "aws" and arguments[:2] == ["cloudformation", "describe-stack-resource-drifts"]:
    print("OrdersTable")
'''


class Place:
    """A repository with the scripts, and stand-ins on the path."""

    def __init__(self, folder):
        self.root, self.state = Path(folder) / "project", Path(folder) / "state"
        self.state.mkdir()
        shutil.copytree("deploy", self.root / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("container.yaml", "template.yaml"):
            shutil.copy(name, self.root)
        (self.root / "Dockerfile").touch()
        # The list of dependencies is made of the real project's; here it would need cargo.
        (self.root / "deploy/sbom.py").write_text("print('{}')\n")
        check = self.root / "check"
        check.write_text('#!/bin/sh\nexit "${CHECK_STATUS:-0}"\n')
        check.chmod(0o755)
        (self.root / ".gitignore").write_text("dist\n.aws-sam\n")
        built = self.root / ".aws-sam/build/template.yaml"
        built.parent.mkdir(parents=True)
        built.write_text("built: 1\n")
        programs = Path(folder) / "bin"
        programs.mkdir()
        for name in ("aws", "sam", "docker"):
            program = programs / name
            program.write_text(STAND_IN)
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}", "HOME": folder, "STAND_IN": str(self.state),
            "ARTIFACTS_BUCKET": "artifacts", "AWS_REGION": "eu-west-1", "IMAGE_REPOSITORY": REPOSITORY,
            "IMAGE_DIGEST": DIGEST, "PAUSE_SECONDS": "0",
        }
        self.git("init", "--quiet")
        self.commit("first")

    def git(self, *arguments):
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, text):
        (self.root / "text").write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", text)
        return self.git("rev-parse", "HEAD")

    def run(self, *command, status=0, says="", **environment):
        """Runs a script, and returns the calls that it made."""
        calls = self.state / "calls"
        calls.write_text("")
        done = subprocess.run(
            command, cwd=self.root, env={**self.environment, **environment}, capture_output=True, text=True)
        output = done.stdout + done.stderr
        what = " ".join(command)
        expect(f"{what}: status {status}", done.returncode == status, output)
        expect(f"{what}: says {says!r}", says in output, output)
        return [json.loads(line) for line in calls.read_text().splitlines()]

    def stacks(self):
        file = self.state / "stacks.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def stage(self, name, **more):
        (self.root / f"deploy/stages/{name}.json").write_text(json.dumps({
            "stack": "surefire" if name == "production" else f"surefire-{name}", "parameters": {}, **more}))


count = 0


def expect(what, holds, found):
    global count
    count += 1
    if not holds:
        sys.exit(f"FAILED  {what}\n{found}")


def named(calls, *start):
    return [call for call in calls if call[: len(start)] == list(start)]


def value(call, flag):
    return call[call.index(flag) + 1]


def package(place):
    calls = place.run("deploy/build")
    expect("the functions are built for arm64", named(calls, "sam", "build")[0][-1] == "Architecture=arm64", calls)
    release = place.git("rev-parse", "HEAD")
    built = named(calls, "docker", "build")
    expect("the image is tagged with the commit", value(built[0], "--tag") == f"{REPOSITORY}:{release}", built)
    calls = place.run("deploy/package", says=f"packaged {release}, {REPOSITORY}@{DIGEST}")
    login = named(calls, "docker", "login")[0]
    expect("the password is not an argument", "password" not in login, login)
    expect("nothing is deployed by packaging", not named(calls, "aws", "cloudformation"), calls)
    return release


def forward(place):
    """A first release to staging and production."""
    rust = place.root / "deploy/pins"
    text = rust.read_text().replace("sha256:REPLACE-WITH-ITS-DIGEST", DIGEST)
    place.run("deploy/build", status=1, says="the image rust has no digest yet")
    rust.write_text(text)
    place.stage("staging", container=CONTAINER)
    place.stage("production", parameters={"Monitoring": "core", "AllowedOrigins": "https://a.example,https://b.example"})
    place.run("deploy/build", status=2, says="the working tree has changes")
    place.commit("pins")
    first = package(place)

    place.run("deploy/promote", "staging", "production", status=2, says="staging runs None")
    calls = place.run("deploy/deploy", "staging", says=f"staging runs {first}")
    main, container = named(calls, "aws", "cloudformation", "deploy")
    expect("the stack is tagged with the commit", f"release={first}" in main and "stage=staging" in main, main)
    expect("nothing else than its own roles may be made", value(container, "--capabilities") == "CAPABILITY_IAM", container)
    stacks = place.stacks()
    expect("each stack has the release", all(it["Release"] == first for it in stacks.values()), stacks)
    image = stacks["surefire-staging-container"]["Image"]
    expect("the image is deployed by its digest", image == f"{REPOSITORY}@{DIGEST}", image)

    calls = place.run("deploy/promote", "staging", "production", says=f"production runs {first}")
    expect("nothing is built or packaged again", not named(calls, "sam") and not named(calls, "docker"), calls)
    production = place.stacks()["surefire"]
    expect("production gets the template that staging got",
           production["template"] == place.stacks()["surefire-staging"]["template"], place.stacks())
    expect("a value with commas stays whole", production["AllowedOrigins"].endswith(",https://b.example"), production)
    return first


def back(place, first):
    """A second release, which is taken back."""
    place.run("deploy/rollback", "production", status=2, says="ran no release before")
    place.stage("production", parameters={"Monitoring": "full", "TrafficShift": "Canary10Percent5Minutes"})
    (place.root / ".aws-sam/build/template.yaml").write_text("built: 2\nParameters:\n  TrafficShift:\n")
    second = place.commit("second")
    package(place)
    place.run("deploy/promote", "staging", "production", status=2, says=f"staging runs {first}, not {second}")
    place.run("deploy/deploy", "staging")
    failed = place.run("deploy/deploy", "production", status=1, DEPLOY_FAILS="1")
    expect("a failed deployment is not remembered", not named(failed, "aws", "s3", "cp", "-"), failed)
    place.run("deploy/promote", "staging", "production", says=f"production runs {second}")
    shift = place.stacks()["surefire"].get("TrafficShift")
    expect("a promotion shifts the traffic", shift == "Canary10Percent5Minutes", shift)
    expect("production has the second release", place.stacks()["surefire"]["Monitoring"] == "full", place.stacks())

    place.run("deploy/rollback", "production", says=f"production runs {first}")
    production = place.stacks()["surefire"]
    expect("the rollback brings the first release's template", production["template"] == "built: 1\n", production)
    expect("and the parameters of then", production["Monitoring"] == "core", production)
    expect("and its name", production["Release"] == first, production)
    expect("and no parameter that it does not know", "TrafficShift" not in production, production)
    place.run("deploy/rollback", "production", says=f"production runs {second}")
    shift = place.stacks()["surefire"].get("TrafficShift")
    expect("all traffic goes back at once", shift == "AllAtOnce", shift)
    place.run("deploy/rollback", "production", first, says=f"production runs {first}")
    place.run("deploy/rollback", "production", "f" * 40, status=2, says="never ran")
    place.run("deploy/rollback", "production", "../x", status=2, says="not a commit")
    return second


def refused(place, second):
    place.run("deploy/deploy", "../production", status=2, says="give a stage")
    place.run("deploy/deploy", "test", status=2, says="deploy/stages/test.json is missing")
    place.run("deploy/deploy", "staging", status=2, says="ARTIFACTS_BUCKET is not set", ARTIFACTS_BUCKET="")
    place.run("deploy/deploy", "staging", status=2, says="was never packaged", RELEASE="e" * 40)
    place.run("deploy/package", status=2, says="gave no digest", IMAGE_DIGEST="None")
    place.run("deploy/build", status=2, says="other files than these two", IMAGE_FILES="surefire-host bin/sh")
    changed = place.state / f"artifacts/releases/{second}/template.yaml"
    changed.write_text("built: 3\n")
    calls = place.run("deploy/deploy", "staging", status=2, says="not those that were packaged")
    expect("changed artefacts are not deployed", not named(calls, "aws", "cloudformation", "deploy"), calls)


class Discord(BaseHTTPRequestHandler):
    """Webhooks: one that exists, and two that do not answer for themselves."""

    def do_GET(self):
        self.send_response({"/there": 200, "/busy": 429}.get(self.path, 404))
        self.end_headers()

    def log_message(self, *_):
        pass


def drift(place):
    discord = HTTPServer(("127.0.0.1", 0), Discord)
    threading.Thread(target=discord.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{discord.server_port}"
    place.environment["WEBHOOKS"] = f"{at}/there?wait=true"
    calls = place.run("deploy/drift", "staging")
    expect("without a finding, nobody is told", not named(calls, "aws", "sns"), calls)
    expect("both stacks are looked at", len(named(calls, "aws", "cloudformation", "detect-stack-drift")) == 2, calls)
    beat = named(calls, "aws", "cloudwatch", "put-metric-data")
    expect("each run beats", len(beat) == 1 and "DriftChecked" in beat[0], beat)
    for environment, text in (
        ({"DRIFT": "DETECTION_COMPLETE\tDRIFTED"}, "surefire-staging was changed by hand: OrdersTable"),
        ({"DRIFT": "DETECTION_FAILED\tUNKNOWN"}, "could not be detected: DETECTION_FAILED"),
        ({"CHECK_STATUS": "1"}, "known vulnerability"),
        ({"WEBHOOKS": f"{at}/gone"}, "the webhook default of surefire-staging does not exist any more (Discord answers 404)"),
        ({"WEBHOOKS": json.dumps({"default": f"{at}/there", "oncall": f"{at}/gone"})}, "the webhook oncall of"),
        ({"WEBHOOKS": f"{at}/busy"}, "could not be looked at: Discord answers 429"),
        ({"WEBHOOKS": "http://127.0.0.1:9/secret"}, "could not be looked at: Discord did not answer"),
        ({"WEBHOOKS": "a-value-that-aws-made"}, "is not set yet"),
    ):
        calls = place.run("deploy/drift", "staging", status=1, **environment)
        told = named(calls, "aws", "sns", "publish")
        expect(f"the topic hears: {text}", len(told) == 1 and text in value(told[0], "--message"), told)
        expect("no address of a webhook is told", "127.0.0.1" not in json.dumps(told), told)
        expect("a run with findings beats too", named(calls, "aws", "cloudwatch", "put-metric-data"), calls)
    del place.environment["WEBHOOKS"]
    place.run("deploy/drift", "staging", status=1, says="does the role allow secretsmanager:GetSecretValue?")
    discord.shutdown()


def pins(place):
    workflow = place.root / ".github/workflows/x.yml"
    workflow.parent.mkdir(parents=True)
    commit = "0123456789" * 4
    for uses, says in (
        ("a/b@REPLACE-WITH-THE-COMMIT # v1", "a/b has no commit yet"),
        ("a/b@v1", "a/b has no commit yet"),
        (f"a/b@{commit}", "name the tag"),
    ):
        workflow.write_text(f"    - uses: {uses}\n")
        place.run("deploy/pins", "--offline", status=1, says=says)
    workflow.write_text(f"    - uses: a/b@{commit} # v1\n")
    place.run("deploy/pins", "--offline")


def main():
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        first = forward(place)
        second = back(place, first)
        refused(place, second)
        drift(place)
        pins(place)
    print(f"    {count} expectations hold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
