"""Prints the dependencies of what is deployed, as CycloneDX 1.5 JSON. Standard library only.

Reads Cargo.lock's packages through `cargo metadata`, without those that only tests need.
"""

import json
import subprocess
import uuid

# What is deployed. Everything else in the workspace serves tests and the laptop.
DEPLOYED = ["alert-forwarder", "authorizer", "cors", "cost-report", "host", "orders"]


def reachable(resolve, roots):
    """The packages that the roots need when they run."""
    nodes = {node["id"]: node for node in resolve["nodes"]}
    found, left = set(), list(roots)
    while left:
        package = left.pop()
        if package in found:
            continue
        found.add(package)
        for dependency in nodes[package]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    return found


def component(package):
    name, version = package["name"], package["version"]
    entry = {"type": "library", "name": name, "version": version, "bom-ref": f"pkg:cargo/{name}@{version}",
             "purl": f"pkg:cargo/{name}@{version}"}
    if package["license"]:
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    return entry


def main():
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    roots = [package["id"] for package in metadata["packages"] if package["name"] in DEPLOYED and not package["source"]]
    needed = reachable(metadata["resolve"], roots)
    own = set(metadata["workspace_members"])
    packages = [package for package in metadata["packages"] if package["id"] in needed - own]
    packages.sort(key=lambda package: (package["name"], package["version"]))
    release = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    print(json.dumps({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        # The same commit gives the same document.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, release)}",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "surefire", "version": release}},
        "components": [component(package) for package in packages],
    }, indent=1))


if __name__ == "__main__":
    main()
