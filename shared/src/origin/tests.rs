//! Texts that are origins, and texts that are not.

use super::*;

#[track_caller]
fn check(text: &str, expected: Result<(), OriginFault>) {
    assert_eq!(text.parse::<Origin>().map(|_| ()), expected, "{text:?}");
}

#[track_caller]
fn refused(texts: &[&str], fault: OriginFault) {
    for text in texts {
        check(text, Err(fault));
    }
}

#[test]
fn an_origin_as_a_browser_sends_it_parses_and_keeps_its_bytes() {
    for text in [
        "https://app.example",
        "https://app.example:8443",
        "https://app.example:80",
        "http://localhost:443",
        "https://xn--9d0bm53a.example",
        "https://a_b.example",
        "https://198.51.100.7",
        "https://[2001:db8::1]:8443",
        "https://[::ffff:c633:6407]",
        "https://1.example",
        "http://localhost",
        "http://localhost:5173",
        "http://127.0.0.1:5173",
        "http://127.8.9.10",
        "http://[::1]:3000",
    ] {
        let origin: Origin = text.parse().unwrap();
        assert_eq!(origin.header_value().as_bytes(), text.as_bytes());
    }
}

#[test]
fn an_entry_that_stands_for_several_origins_is_refused() {
    refused(&["*"], OriginFault::Wildcard);
    refused(&["null"], OriginFault::Null);
    refused(
        &["https://*", "https://*.example", "https://app.example:*"],
        OriginFault::Pattern,
    );
}

#[test]
fn text_after_the_port_is_refused() {
    refused(
        &["https://app.example/", "http://localhost:5173/"],
        OriginFault::TrailingSlash,
    );
    refused(
        &[
            "https://app.example/shop",
            "https://app.example/shop/",
            "https://app.example//",
            "https://app.example?a",
            "https://app.example?a/",
            "https://app.example#a",
            "https://app.example\\",
        ],
        OriginFault::Path,
    );
}

#[test]
fn a_form_that_no_browser_sends_is_refused() {
    refused(&[""], OriginFault::Empty);
    refused(
        &["HTTPS://app.example", "https://App.example", "NULL"],
        OriginFault::UpperCase,
    );
    refused(&["https://b\u{fc}cher.example"], OriginFault::NotAscii);
    refused(
        &["app.example", "https:app.example", "//app.example", "https"],
        OriginFault::NoScheme,
    );
    refused(
        &[
            "ftp://app.example",
            "://app.example",
            "file://x",
            "chrome-extension://abc",
        ],
        OriginFault::Scheme,
    );
    refused(
        &["https://me@app.example", "https://me:pw@app.example"],
        OriginFault::UserInfo,
    );
}

#[test]
fn a_host_must_be_a_name_or_an_address_in_the_form_browsers_send() {
    let long_label = format!("https://{}.example", "a".repeat(LABEL_BYTES_MAX + 1));
    let long_name = format!("https://{}example", "a.".repeat(HOST_BYTES_MAX / 2));
    refused(
        &[
            "https://",
            "https://:8443",
            "https://app..example",
            "https://app.example.",
            "https://-app.example",
            "https://app-.example",
            "https://app example",
            "https://app.example\n",
            "https://app%2eexample",
            "https://127.1",
            "https://127.0.0.01",
            "https://0x7f.0x1",
            "https://1.2.3.4.5",
            "https://256.1.1.1",
            "https://[::1",
            "https://[::1]x",
            "https://[]",
            "https://[0:0:0:0:0:0:0:1]",
            "https://[::ffff:198.51.100.7]",
            "https://[fe80::1%25eth0]",
            &long_label,
            &long_name,
        ],
        OriginFault::Host,
    );
}

#[test]
fn a_default_port_and_an_invalid_port_are_refused() {
    refused(
        &[
            "https://app.example:443",
            "http://localhost:80",
            "https://[::2]:443",
        ],
        OriginFault::DefaultPort,
    );
    refused(
        &[
            "https://app.example:",
            "https://app.example:0",
            "https://app.example:08443",
            "https://app.example:+8443",
            "https://app.example:65536",
            "https://app.example:1:2",
            "https://app.example:http",
        ],
        OriginFault::Port,
    );
}

#[test]
fn only_this_machine_may_use_http() {
    refused(
        &[
            "http://app.example",
            "http://localhost.example",
            "http://app.localhost",
            "http://10.0.0.1",
            "http://128.0.0.1",
            "http://[::2]",
            "http://[::ffff:7f00:1]",
        ],
        OriginFault::PlainHttp,
    );
}
