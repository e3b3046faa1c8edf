//! A wrong list of origins stops the start, with one line that names the wrong entry.

use local::serve::{Options, start};

async fn refusal(parameter: &str, list: &str) -> String {
    let mut options = Options::in_memory();
    options
        .parameters
        .push((parameter.to_owned(), list.to_owned()));
    let error = start(options).await.map(drop).unwrap_err();
    let line = error.to_string();
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[tokio::test]
async fn a_wrong_header_stops_the_start_and_is_named() {
    for (list, named) in [
        (
            "traceparent,*",
            "ALLOWED_HEADERS: entry 2, \"*\", is a wildcard",
        ),
        ("a b", "ALLOWED_HEADERS: entry 1, \"a b\", is not the name"),
    ] {
        let line = refusal("AllowedHeaders", list).await;
        assert!(line.contains(named), "{list}: {line}");
    }
}

#[tokio::test]
async fn a_wrong_origin_stops_the_start_and_is_named() {
    for (list, position, entry, fault) in [
        ("*", 1, "*", "wildcard"),
        ("https://shop.example,null", 2, "null", "sandboxed"),
        (
            "https://shop.example/,https://b.example",
            1,
            "https://shop.example/",
            "trailing slash",
        ),
        (
            "https://shop.example/app",
            1,
            "https://shop.example/app",
            "path",
        ),
        (
            "https://a.example, https://B.example",
            2,
            "https://B.example",
            "upper-case",
        ),
        (
            "https://shop.example:443",
            1,
            "https://shop.example:443",
            "default port",
        ),
        ("http://shop.example", 1, "http://shop.example", "http"),
        (
            "https://*.shop.example",
            1,
            "https://*.shop.example",
            "pattern",
        ),
        (
            "https://a.example,https://a.example",
            2,
            "https://a.example",
            "twice",
        ),
        ("https://a.example,", 2, "", "empty"),
        ("", 1, "", "empty"),
    ] {
        let line = refusal("AllowedOrigins", list).await;
        let named = format!("ALLOWED_ORIGINS: entry {position}, {entry:?}, ");
        let (place, said) = line
            .split_once(&named)
            .unwrap_or_else(|| panic!("{list}: {line}"));
        assert!(place.contains("(template line "), "{list}: {line}");
        assert!(said.contains(fault), "{list}: {line}");
    }
}
