//! An answer that `lambda_http` passes on as it is.

use std::future::{Future, ready};
use std::pin::Pin;

use lambda_http::{Body, IntoResponse, Response};

/// A response whose body is text already, or nothing.
///
/// From a bare [`Response`], `lambda_http` would read the body, convert it from the character set
/// of its content type, and copy it. Our bodies are UTF-8, so that would change nothing, and bring
/// the tables of every other character set into the function.
#[derive(Debug)]
pub struct AsIs(pub Response<Body>);

impl IntoResponse for AsIs {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_of_an_answer_is_converted() {
        // `lambda_http` would make text of these bytes, in the character set.
        let bytes = Body::Binary(vec![0xE9]);
        let response = Response::builder()
            .status(203)
            .header("content-type", "text/plain; charset=iso-8859-1")
            .body(bytes.clone())
            .unwrap();
        let passed = AsIs(response).into_response().await;
        assert_eq!(passed.status(), 203);
        assert_eq!(passed.body(), &bytes);
        assert_eq!(passed.headers().len(), 1);
    }
}
