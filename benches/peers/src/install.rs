//! Installs the peers in the pinned versions, and builds the two functions to compare with.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Fallible, say};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Where everything is.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    pub(crate) node: PathBuf,
    pub(crate) python: PathBuf,
    /// Python's packages, and the peer's own files.
    pub(crate) python_packages: PathBuf,
    pub(crate) typescript: PathBuf,
    /// The directory with a directory for each of the two functions.
    pub(crate) bare: PathBuf,
    /// The functions of template.yaml, as `sam build` leaves them.
    pub(crate) built: PathBuf,
}

/// The top of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(HERE).join("../..")
}

/// Where this program installs and writes. It can be deleted at any time.
pub(crate) fn state() -> PathBuf {
    root().join(".check/peers")
}

/// Installs what is missing.
pub(crate) fn install() -> Fallible<Installed> {
    let built = root().join(".aws-sam/build");
    if !built.join("OrdersFunction/bootstrap").is_file() {
        return Err("the functions are not built; type: ./check build".into());
    }
    std::fs::create_dir_all(state())?;
    say("building the functions to compare with");
    let tools = root().join(".check/bin");
    #[expect(
        clippy::disallowed_methods,
        reason = "the search path is this program's own"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    // An absolute path, because cargo runs in another directory.
    let tools = std::path::absolute(tools)?;
    let path = std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path)))?;
    // The same command as for the functions of template.yaml.
    run(Command::new("cargo")
        .args(["lambda", "build", "--release"])
        .current_dir(Path::new(HERE).join("bare"))
        .env("PATH", path))?;
    Ok(Installed {
        node: file_of("node", &["-p", "process.execPath"])?,
        python: file_of("python3", &["-c", "import sys; print(sys.executable)"])?,
        python_packages: python()?,
        typescript: typescript()?,
        bare: root().join("target/lambda"),
        built,
    })
}

/// Builds the container's program with the flags of the Dockerfile.
pub(crate) fn build_host() -> Fallible<PathBuf> {
    say("building the container's program");
    let version = Command::new("rustc").arg("-vV").output()?;
    let version = String::from_utf8(version.stdout)?;
    let target = version.lines().find_map(|line| line.strip_prefix("host: "));
    let target = target.ok_or("rustc -vV names no host")?;
    run(Command::new("cargo")
        .args(["build", "--release", "--locked", "--package", "host"])
        .args(["--target", target])
        .current_dir(root())
        .env("RUSTFLAGS", "-C target-feature=+crt-static"))?;
    Ok(root()
        .join("target")
        .join(target)
        .join("release/surefire-host"))
}

fn python() -> Fallible<PathBuf> {
    let (from, to) = (Path::new(HERE).join("python"), state().join("python"));
    if copy(
        &from,
        &to,
        &["requirements.txt", "bootstrap.py", "orders.py"],
    )? {
        say("installing Powertools for Python");
        run(Command::new("python3")
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                // Nothing is installed for anybody else, so neither matters here.
                "--no-warn-conflicts",
                "--root-user-action=ignore",
                "--upgrade",
                "--target",
                ".",
            ])
            .args(["--requirement", "requirements.txt"])
            .current_dir(&to))?;
        mark(&to)?;
    }
    Ok(to)
}

fn typescript() -> Fallible<PathBuf> {
    let (from, to) = (
        Path::new(HERE).join("typescript"),
        state().join("typescript"),
    );
    let files = [
        "package.json",
        "bootstrap.mjs",
        "orders.ts",
        "authorizer.ts",
    ];
    if copy(&from, &to, &files)? {
        say("installing Powertools for TypeScript and aws-jwt-verify");
        run(Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--silent"])
            .current_dir(&to))?;
        run(Command::new("npm")
            .args(["run", "--silent", "build"])
            .current_dir(&to))?;
        mark(&to)?;
    }
    Ok(to)
}

/// Copies files. Says whether one has changed since the last installation.
fn copy(from: &Path, to: &Path, files: &[&str]) -> Fallible<bool> {
    std::fs::create_dir_all(to)?;
    let mut changed = !to.join(DONE).is_file();
    for file in files {
        let (wanted, target) = (std::fs::read(from.join(file))?, to.join(file));
        if std::fs::read(&target).ok().as_ref() != Some(&wanted) {
            std::fs::write(target, wanted)?;
            changed = true;
        }
    }
    if changed && to.join(DONE).is_file() {
        std::fs::remove_file(to.join(DONE))?;
    }
    Ok(changed)
}

/// The file that says that an installation was finished.
const DONE: &str = "installed";

fn mark(directory: &Path) -> Fallible<()> {
    std::fs::write(directory.join(DONE), "")?;
    Ok(())
}

fn run(command: &mut Command) -> Fallible<()> {
    let status = command
        .status()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if !status.success() {
        return Err(format!("{command:?} failed: {status}").into());
    }
    Ok(())
}

/// The file of an interpreter, past the shims of version managers.
fn file_of(program: &str, arguments: &[&str]) -> Fallible<PathBuf> {
    let answer = Command::new(program).args(arguments).output();
    let answer = answer.map_err(|error| format!("{program} is needed: {error}"))?;
    Ok(PathBuf::from(String::from_utf8(answer.stdout)?.trim()))
}

/// How many bytes a directory or a file has, zipped, without some of its entries.
pub(crate) fn zipped_bytes(directory: &Path, entries: &[&str], without: &[&str]) -> Fallible<u64> {
    let archive = state().join("weight.tar.gz");
    let mut command = Command::new("tar");
    command
        .args(["--use-compress-program", "gzip -9", "--create", "--file"])
        .arg(&archive);
    for name in without {
        command.arg(format!("--exclude={name}"));
    }
    run(command.arg("--directory").arg(directory).args(entries))?;
    let bytes = std::fs::metadata(&archive)?.len();
    std::fs::remove_file(archive)?;
    Ok(bytes)
}
