//! Owns what Lambda is told of a function that does not start: why, in the function's own words.
//!
//! Without it, whoever invokes the function is told that its process ended, and no reason.

use std::fmt::Display;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use serde_json::json;

/// The Runtime API is next to the function; a start that failed must not hang on it as well.
const CALL_MAX: Duration = Duration::from_secs(1);

/// The longest first line of an answer that is read.
const STATUS_BYTES_MAX: u64 = 256;

/// Passes on a step of a function's start; why it failed is logged and told to Lambda first.
///
/// For `main`, before the runtime runs: the call blocks, and there is nothing else to do.
pub fn or_tell<T, E: Display>(
    var: impl Fn(&str) -> Option<String>,
    step: Result<T, E>,
) -> Result<T, E> {
    step.inspect_err(|error| {
        tracing::error!(%error, "the function does not start");
        // Elsewhere than in Lambda, nobody is there to be told.
        let Some(api) = var("AWS_LAMBDA_RUNTIME_API") else {
            return;
        };
        let kind = std::any::type_name::<E>();
        if let Err(fault) = tell(&api, kind, &error.to_string()) {
            tracing::warn!(%fault, "Lambda could not be told why the function does not start");
        }
    })
}

/// `POST /runtime/init/error`, of "Using the Lambda runtime API", AWS Lambda Developer Guide.
fn tell(api: &str, kind: &str, message: &str) -> io::Result<()> {
    // Lambda names a host and a port; emulators also put a scheme before and a path behind.
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
    let address = address.ok_or_else(|| io::Error::other("its address is none"))?;
    let mut stream = TcpStream::connect_timeout(&address, CALL_MAX)?;
    stream.set_read_timeout(Some(CALL_MAX))?;
    stream.set_write_timeout(Some(CALL_MAX))?;
    stream.write_all(request.as_bytes())?;
    // Its answer is waited for: a process that ends at once would cut the call off.
    let mut status = String::new();
    BufReader::new(stream.take(STATUS_BYTES_MAX)).read_line(&mut status)?;
    match status.split(' ').nth(1) {
        Some(code) if code.starts_with('2') => Ok(()),
        _ => Err(io::Error::other(format!("it answered {:?}", status.trim()))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// A Runtime API for one call; what it was sent.
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

    /// What Lambda is told of a start that fails with these words; `{}` is the API's address.
    fn told(variable: &str, words: &str) -> String {
        let (address, served) = runtime_api(ACCEPTED);
        let api = variable.replace("{}", &address);
        let var = |name: &str| (name == "AWS_LAMBDA_RUNTIME_API").then(|| api.clone());
        let step: Result<(), String> = Err(words.to_owned());
        assert_eq!(or_tell(var, step), Err(words.to_owned()));
        // Nobody waits for a call that was never made.
        drop(TcpStream::connect(&address));
        served.join().unwrap()
    }

    #[test]
    fn lambda_is_told_why_a_function_does_not_start() {
        let request = told("{}", "TABLE_NAME is not \"set\"");
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nlambda-runtime-function-error-type: Runtime.InitError\r\n"));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["errorMessage"], "TABLE_NAME is not \"set\"");
        assert_eq!(body["errorType"], "alloc::string::String");
    }

    #[test]
    fn an_emulators_address_may_have_a_scheme_and_a_path() {
        let request = told("http://{}/orders", "no");
        assert!(
            request.starts_with("POST /orders/2018-06-01/runtime/init/error "),
            "{request}"
        );
    }

    #[test]
    fn a_step_that_succeeds_is_nobodys_news() {
        let var = |_: &str| panic!("asked for");
        assert_eq!(or_tell(var, Ok::<_, String>(7)), Ok(7));
    }

    #[test]
    fn the_error_stays_the_same_when_lambda_cannot_be_told() {
        let nobody = |_: &str| Some("127.0.0.1:9".to_owned());
        assert_eq!(or_tell(nobody, Err::<(), _>("no")), Err("no"));
        assert_eq!(or_tell(|_| None, Err::<(), _>("no")), Err("no"));
        let (address, served) = runtime_api("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        let refused = tell(&address, "kind", "no").unwrap_err().to_string();
        assert!(refused.contains("403 Forbidden"), "{refused}");
        served.join().unwrap();
    }
}
