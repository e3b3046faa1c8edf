//! The target of the cors function: preflights with any headers.

use std::cell::LazyCell;

use cors::{App, Config, handle};
use http::{HeaderName, HeaderValue, Method};
use lambda_http::{Body, Request};
use shared::as_is::AsIs;

use crate::stage::block_on;

const ORIGIN: &str = "http://localhost:5173";

thread_local! {
    static APP: LazyCell<App> = LazyCell::new(|| {
        let var = |name: &str| (name == "ALLOWED_ORIGINS").then(|| ORIGIN.to_owned());
        App::new(Config::from_env(var).unwrap())
    });
}

/// Each line of the input is a header. Only the allowed origin may be approved, and it is echoed
/// byte by byte.
pub(crate) fn headers(data: &[u8]) {
    let mut request = Request::new(Body::Empty);
    *request.method_mut() = Method::OPTIONS;
    for line in data.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts
            .next()
            .and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts
            .next()
            .and_then(|value| HeaderValue::from_bytes(value).ok());
        if let Some((name, value)) = name.zip(value) {
            // `try_append` refuses what would be too many headers.
            let _ = request.headers_mut().try_append(name, value);
        }
    }
    let origins: Vec<_> = request
        .headers()
        .get_all("origin")
        .iter()
        .cloned()
        .collect();
    let Ok(AsIs(response)) = APP.with(|app| block_on(handle(app, request)));
    let approved = response.headers().get("access-control-allow-origin");
    match approved {
        Some(echoed) => {
            assert_eq!(echoed, ORIGIN);
            assert_eq!(origins, [ORIGIN], "approved for another origin");
        }
        None => assert!(
            !response
                .headers()
                .contains_key("access-control-allow-methods")
        ),
    }
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-credentials")
    );
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
}
