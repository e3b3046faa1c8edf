//! Owns case 11: a list of origins that cannot be right ends the start, in one line that names the entry.

use local::serve::{Options, start};

async fn refusal(list: &str) -> String {
    let mut options = Options::in_memory();
    options
        .parameters
        .push(("AllowedOrigins".to_owned(), list.to_owned()));
    let error = start(options).await.map(drop).unwrap_err();
    let line = error.to_string();
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[tokio::test]
async fn case_11_a_wrong_origin_ends_the_start_and_is_named() {
    for (list, entry, fault) in [
        ("*", "*", "wildcard"),
        ("https://shop.example,null", "null", "null"),
        (
            "https://shop.example/,https://b.example",
            "https://shop.example/",
            "trailing slash",
        ),
        (
            "https://shop.example/app",
            "https://shop.example/app",
            "path",
        ),
        ("https://Shop.example", "https://Shop.example", "upper-case"),
        (
            "https://shop.example:443",
            "https://shop.example:443",
            "default port",
        ),
        ("http://shop.example", "http://shop.example", "http"),
        ("https://*.shop.example", "https://*.shop.example", ""),
        (
            "https://a.example,https://a.example",
            "https://a.example",
            "",
        ),
        ("https://a.example,", "", "empty"),
        ("", "", "empty"),
    ] {
        let line = refusal(list).await;
        let position = list.split(',').count().min(match entry {
            "https://shop.example/" => 1,
            _ => usize::MAX,
        });
        let named = format!("ALLOWED_ORIGINS: entry {position}, {entry:?}, ");
        assert!(line.contains(&named), "{list}: {line}");
        assert!(line.contains(fault), "{list}: {line}");
        assert!(line.contains("template line"), "{list}: {line}");
    }
}
