//! The program as a process: killed, interrupted, or started where it cannot be.
#![cfg(test)]

#[path = "../../../tests/support/books.rs"]
mod books;
#[path = "../../../tests/support/description.rs"]
mod description;
mod kills;
mod load;
#[path = "../../../tests/api/redis/server.rs"]
mod redis_server;
mod sale;
mod served;
mod slow_redis;

use std::process::Command;

use served::{Directory, PROGRAM, serve};

#[test]
fn an_interrupt_ends_it_with_success_and_removes_its_endpoints_file() {
    let directory = Directory::new("interrupted");
    let mut served = serve(&directory, None);
    assert!(directory.path().join("endpoints.json").exists());
    let interrupt = Command::new("kill")
        .args(["-INT", &served.child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
    assert!(!directory.path().join("endpoints.json").exists());
}

#[test]
fn a_taken_port_ends_it_with_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = Directory::new("taken");
    let output = Command::new(PROGRAM)
        .args(["serve", "--memory", "--listen", &address, "--data"])
        .arg(directory.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains(&address), "{error}");
}
