//! Reports to Lambda why a function could not start.
//!
//! Without this report, the error of an invocation says only that the process ended.

use std::fmt::Display;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use serde_json::json;

/// The longest wait for the Runtime API. It runs on the function's own machine, so it is fast.
const CALL_MAX: Duration = Duration::from_secs(1);

/// The `errorType` of a function that does not start. Its settings are the reason, the
/// values of its secrets among them.
const ERROR_TYPE: &str = "ConfigurationError";

/// The most that is read of the answer's status line.
const STATUS_BYTES_MAX: u64 = 256;

/// Returns `step` unchanged. An error is first logged and reported to Lambda.
///
/// Call it from `main` only, before the runtime runs: it blocks the thread.
pub fn or_tell<T, E: Display>(
    var: impl Fn(&str) -> Option<String>,
    step: Result<T, E>,
) -> Result<T, E> {
    step.inspect_err(|error| {
        tracing::error!(%error, "the function does not start");
        // Outside Lambda there is no Runtime API to report to.
        let Some(api) = var("AWS_LAMBDA_RUNTIME_API") else {
            return;
        };
        if let Err(fault) = report(&api, ERROR_TYPE, &error.to_string()) {
            tracing::warn!(%fault, "the reason could not be reported to Lambda");
        }
    })
}

/// Sends `POST /runtime/init/error`.
///
/// Source: "Using the Lambda runtime API", AWS Lambda Developer Guide.
fn report(api: &str, kind: &str, message: &str) -> io::Result<()> {
    // Lambda gives a host and a port. Emulators may add a scheme and a path.
    let api = api.strip_prefix("http://").unwrap_or(api);
    let (host, path) = api.split_once('/').unwrap_or((api, ""));
    let slash = if path.is_empty() { "" } else { "/" };
    let body = json!({"errorType": kind, "errorMessage": message, "stackTrace": []}).to_string();
    let request = format!(
        "POST {slash}{path}/2018-06-01/runtime/init/error HTTP/1.1\r\n\
         host: {host}\r\n\
         lambda-runtime-function-error-type: Runtime.InitError\r\n\
         content-type: application/json\r\n\
         content-length: {}\r\n\
         connection: close\r\n\
         \r\n\
         {body}",
        body.len(),
    );
    let address = host.to_socket_addrs()?.next();
    let address =
        address.ok_or_else(|| io::Error::other("the Runtime API's host has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, CALL_MAX)?;
    stream.set_read_timeout(Some(CALL_MAX))?;
    stream.set_write_timeout(Some(CALL_MAX))?;
    stream.write_all(request.as_bytes())?;
    // Wait for the answer: if the process ended now, the request could be lost.
    let mut status = String::new();
    BufReader::new(stream.take(STATUS_BYTES_MAX)).read_line(&mut status)?;
    match status.split(' ').nth(1) {
        Some(code) if code.starts_with('2') => Ok(()),
        _ => Err(io::Error::other(format!(
            "the Runtime API answered {:?}",
            status.trim()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// A Runtime API that answers one call. Its thread returns the request that it received.
    fn runtime_api(answer: &'static str) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut part = [0; 1024];
            while !request.ends_with(b"}") {
                let count = stream.read(&mut part).unwrap();
                assert_ne!(count, 0, "the call was cut off");
                request.extend_from_slice(&part[..count]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        (address, served)
    }

    const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";

    /// The request that Lambda receives when a start fails with this message.
    ///
    /// `variable` is the value of `AWS_LAMBDA_RUNTIME_API`; `{}` in it becomes the address.
    fn reported(variable: &str, message: &str) -> String {
        let (address, served) = runtime_api(ACCEPTED);
        let api = variable.replace("{}", &address);
        let var = |name: &str| (name == "AWS_LAMBDA_RUNTIME_API").then(|| api.clone());
        let step: Result<(), String> = Err(message.to_owned());
        assert_eq!(or_tell(var, step), Err(message.to_owned()));
        // If no call was made, this one ends the wait of the API's thread.
        drop(TcpStream::connect(&address));
        served.join().unwrap()
    }

    #[test]
    fn lambda_receives_the_reason_why_a_function_could_not_start() {
        let request = reported("{}", "TABLE_NAME is not \"set\"");
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nlambda-runtime-function-error-type: Runtime.InitError\r\n"));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["errorMessage"], "TABLE_NAME is not \"set\"");
        assert_eq!(body["errorType"], "ConfigurationError");
    }

    #[test]
    fn an_emulators_address_may_have_a_scheme_and_a_path() {
        let request = reported("http://{}/orders", "no");
        assert!(
            request.starts_with("POST /orders/2018-06-01/runtime/init/error "),
            "{request}"
        );
    }

    #[test]
    fn a_step_that_succeeds_reports_nothing() {
        let var = |name: &str| panic!("{name} was read");
        assert_eq!(or_tell(var, Ok::<_, String>(7)), Ok(7));
    }

    #[test]
    fn a_failed_report_leaves_the_error_as_it_is() {
        let unreachable = |_: &str| Some("127.0.0.1:9".to_owned());
        assert_eq!(or_tell(unreachable, Err::<(), _>("no")), Err("no"));
        assert_eq!(or_tell(|_| None, Err::<(), _>("no")), Err("no"));
        let (address, served) = runtime_api("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        let refused = report(&address, "kind", "no").unwrap_err().to_string();
        assert!(refused.contains("403 Forbidden"), "{refused}");
        served.join().unwrap();
    }
}
