//! A real `redis-server` on a free port, which tests can stop, pause, fill and demote.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};

use ::redis::{FromRedisValue, ToRedisArgs};

/// How many ports are tried. Another program may take a free port before the server does.
const PORTS_MAX: usize = 10;

/// A server. It ends when it is dropped.
pub(super) struct Server {
    port: u16,
    process: Child,
    // If this pipe were closed, the server would end when it writes its next line.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server on a free port.
    pub(super) fn start() -> Self {
        let mut said = String::new();
        for _ in 0..PORTS_MAX {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            match Self::on(port) {
                Ok(server) => return server,
                Err(output) => said = output,
            }
        }
        panic!("redis-server does not start: {said}");
    }

    /// Starts a server on a port. The error is the server's output.
    fn on(port: u16) -> Result<Self, String> {
        let port_text = port.to_string();
        let started = Command::new("redis-server")
            .args(["--port", &port_text, "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            // A replica keeps what it got in a file, which the next server there would load.
            .args(["--rdb-del-sync-files", "yes", "--dir"])
            .arg(std::env::temp_dir())
            .args(["--dbfilename", &format!("surefire-{port}.rdb")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("redis-server is missing; install it with: apt-get install -y redis-server")
            }
            Err(error) => panic!("redis-server does not start: {error}"),
        };
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ready to accept connections") {
            if output.read_line(&mut said).unwrap() == 0 {
                process.wait().unwrap();
                return Err(said);
            }
        }
        Ok(Self {
            port,
            process,
            _output: output,
        })
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends the server at once, like a power failure.
    pub(super) fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts the server again on the same port, without data.
    pub(super) fn restart(&mut self) {
        self.stop();
        *self = Self::on(self.port).unwrap();
    }

    /// Pauses the server: connections stay open, but nothing answers.
    pub(super) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Continues after a pause.
    pub(super) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
    }

    /// Deletes all keys and scripts.
    pub(super) async fn flush(&self) {
        self.ask::<()>("FLUSHALL", &["SYNC"]).await;
        self.ask::<()>("SCRIPT", &["FLUSH"]).await;
    }

    /// Makes the server refuse every write, as if its memory were full.
    pub(super) async fn fill(&self) {
        self.ask::<()>("CONFIG", &["SET", "maxmemory-policy", "noeviction"])
            .await;
        self.ask::<()>("CONFIG", &["SET", "maxmemory", "1"]).await;
    }

    /// Removes the limit that [`Server::fill`] set.
    pub(super) async fn empty(&self) {
        self.ask::<()>("CONFIG", &["SET", "maxmemory", "0"]).await;
    }

    /// Makes the server a replica, as after a failover: reads work, writes do not.
    pub(super) async fn demote(&self) {
        self.ask::<()>("REPLICAOF", &["127.0.0.1", "1"]).await;
    }

    /// Makes the server a primary again.
    pub(super) async fn promote(&self) {
        self.ask::<()>("REPLICAOF", &["NO", "ONE"]).await;
    }

    /// Sends one command on a new connection.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        command: &str,
        arguments: &[impl ToRedisArgs],
    ) -> T {
        let client = ::redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = ::redis::cmd(command);
        for argument in arguments {
            command.arg(argument);
        }
        command.query_async(&mut connection).await.unwrap()
    }

    /// All keys that contain `part`, sorted.
    pub(super) async fn keys(&self, part: &str) -> Vec<String> {
        let mut keys: Vec<String> = self.ask("KEYS", &[format!("*{part}*")]).await;
        keys.sort();
        keys
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
