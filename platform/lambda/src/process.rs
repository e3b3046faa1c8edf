//! The process of a function: its environment, its output, and what it used.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// How a function is started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Program {
    /// The file that is run.
    pub file: PathBuf,
    /// Its arguments. A built function has none.
    pub arguments: Vec<String>,
    /// The directory that Lambda unpacks the function into.
    pub directory: PathBuf,
    /// The variables of the function's configuration.
    pub environment: BTreeMap<String, String>,
}

/// What a function wrote until it ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Written {
    /// Its log: the standard output.
    pub log: String,
    /// The standard error.
    pub stderr: String,
}

/// What a process used since its start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// The time that its threads ran.
    pub cpu: Duration,
    /// The most memory that it had at once.
    pub peak_bytes: u64,
}

impl Usage {
    /// What a running process used until now, by its id. Zero where there is no `/proc`.
    pub fn of(process: u32) -> Self {
        let directory = PathBuf::from(format!("/proc/{process}"));
        Self {
            cpu: cpu(&directory.join("task")),
            peak_bytes: peak_bytes(&directory.join("status")),
        }
    }
}

/// A process whose output is read while it runs. It is killed when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

/// The variables that Lambda sets.
///
/// Source: "Defined runtime environment variables", AWS Lambda Developer Guide.
fn set_by_lambda(program: &Program, api: &str) -> [(&'static str, String); 14] {
    let root = program.directory.display().to_string();
    [
        ("AWS_LAMBDA_RUNTIME_API", api.to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO".to_owned()),
        (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            "/aws/lambda/surefire".to_owned(),
        ),
        (
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "2026/11/22/[1]0123456789abcdef".to_owned(),
        ),
        ("AWS_SESSION_TOKEN", "local".to_owned()),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".to_owned()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
        ("LAMBDA_TASK_ROOT", root),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
    ]
}

impl Process {
    /// Starts a program against a runtime API. It does not get this machine's environment.
    pub(crate) fn start(program: &Program, api: &str) -> std::io::Result<Self> {
        let mut child = Command::new(&program.file)
            .args(&program.arguments)
            .current_dir(&program.directory)
            .env_clear()
            .env(
                "LD_LIBRARY_PATH",
                "/lib64:/usr/lib64:/var/runtime:/var/task",
            )
            .envs(set_by_lambda(program, api))
            // Last, so that a test can change what Lambda sets.
            .envs(&program.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().map(read);
        let stderr = child.stderr.take().map(read);
        Ok(Self {
            child,
            stdout,
            stderr,
        })
    }

    /// Waits until the process ends by itself.
    pub(crate) fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait()
    }

    /// What the process used until now.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }

    /// Ends the process and returns what it wrote.
    pub(crate) fn end(&mut self) -> Written {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let text = |read: &mut Option<JoinHandle<String>>| {
            let text = read.take().and_then(|read| read.join().ok());
            text.unwrap_or_default()
        };
        Written {
            log: text(&mut self.stdout),
            stderr: text(&mut self.stderr),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// The sum of what the scheduler counts for each thread, in nanoseconds.
fn cpu(tasks: &Path) -> Duration {
    let of_thread = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    let tasks = std::fs::read_dir(tasks).into_iter().flatten().flatten();
    Duration::from_nanos(tasks.filter_map(of_thread).sum())
}

fn peak_bytes(status: &Path) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB"));
    kilobytes
        .and_then(|text| text.trim().parse().ok())
        .map_or(0, |kilobytes: u64| kilobytes * 1024)
}

/// Reads to the end in a thread of its own, because a full pipe would block the function.
fn read(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
