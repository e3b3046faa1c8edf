# shellcheck shell=bash
#
# What the scripts of this folder share. They source it from the project's root.
#
# Variables of all of them:
#   ARTIFACTS_BUCKET  the bucket that keeps the artefacts of each release, with versioning
#   RELEASE           the commit, 40 hexadecimal digits; by default that of the working tree
#   IMAGE_REPOSITORY  the ECR repository of the image, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/surefire;
#                     empty for no container
#   AWS_REGION        the region
# Each stage (staging, production) has a file deploy/stages/STAGE.json: {"stack", "parameters", "origin"?, "container"?}.

readonly DIST=dist

stop() {
    echo "$(basename "$0"): $*" >&2
    exit 2
}

needs() {
    local name
    for name in "$@"; do
        [ -n "${!name:-}" ] || stop "$name is not set (deploy/lib.sh says what it is)"
    done
}

# The commit that is released. A name from outside goes into paths and tags, so its form is checked.
release() {
    local release="${RELEASE:-}"
    [ -n "$release" ] || release="$(git rev-parse HEAD)"
    [[ "$release" =~ ^[0-9a-f]{40}$ ]] || stop "RELEASE is not a commit of 40 hexadecimal digits: $release"
    echo "$release"
}

# stage_file STAGE: the file of a stage.
stage_file() {
    [[ "${1:-}" =~ ^[a-z][a-z0-9-]*$ ]] || stop 'give a stage, such as staging or production'
    [ -f "deploy/stages/$1.json" ] || stop "deploy/stages/$1.json is missing: it names the stack and its parameters"
    echo "deploy/stages/$1.json"
}

# json FILE EXPRESSION: a part of a JSON file, as text; nothing if it is missing.
json() {
    python3 - "$1" "$2" <<'END'
import json, sys
value = json.load(open(sys.argv[1], encoding="utf-8"))
for name in sys.argv[2].split("."):
    value = value.get(name, "") if isinstance(value, dict) else ""
print(value if isinstance(value, str) else json.dumps(value))
END
}

# fetch_release RELEASE: puts the artefacts of a release into DIST, and checks that they are the ones that were packaged.
fetch_release() {
    rm -rf "$DIST"
    mkdir -p "$DIST"
    aws s3 cp "s3://$ARTIFACTS_BUCKET/releases/$1/" "$DIST/" --recursive --only-show-errors
    [ -f "$DIST/release.json" ] || stop "the release $1 was never packaged: it is not under releases/ in $ARTIFACTS_BUCKET"
    [ "$(json "$DIST/release.json" release)" = "$1" ] || stop "the artefacts under releases/$1 are of another release"
    (cd "$DIST" && sha256sum --check --quiet SHA256SUMS) || stop "the artefacts of $1 are not those that were packaged"
}
