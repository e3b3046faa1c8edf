//! Random requests: every route answers each of them, and an invalid one changes nothing.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::answer::Answer;
use crate::support::harness::{STAFF, Shop, shop};

/// How many requests are sent, or `PROPTEST_CASES` if that is more.
const CASES: u32 = 600;

#[derive(Clone, Debug)]
struct Made {
    method: String,
    path: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("GET"),
        Just("POST"),
        Just("PUT"),
        Just("OPTIONS"),
        Just("DELETE"),
        Just("PATCH"),
        Just("HEAD"),
    ]
    .prop_map(str::to_owned)
}

/// A path like those of the API, with anything in place of its parameters.
fn path() -> impl Strategy<Value = Vec<u8>> {
    let hole = prop_oneof![
        Just("TEA-01".to_owned()),
        Just("ord_aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned()),
        "[!-~]{0,40}",
        "(%[0-9a-fA-F]{2}){0,10}",
        "(%[0-9a-fA-F]?[g-z]?){0,4}",
    ];
    let query = prop_oneof![
        Just(String::new()),
        "\\?(limit|cursor|x)=[!-~]{0,30}",
        "\\?[!-~]{0,30}",
        "\\?limit=[0-9]{1,12}&cursor=[A-Za-z0-9_-]{0,40}",
    ];
    let shape = prop_oneof![
        Just("/orders"),
        Just("/orders/{}"),
        Just("/orders/{}/confirm"),
        Just("/orders/{}/cancel"),
        Just("/products"),
        Just("/products/{}"),
        Just("/products/{}/stock"),
        Just("/{}"),
        Just("//{}"),
    ];
    (shape, hole, query).prop_map(|(shape, hole, query)| {
        format!("{}{query}", shape.replace("{}", &hole))
            .replace([' ', '#'], "_")
            .into_bytes()
    })
}

/// A body: JSON like what a route takes, other JSON, or any bytes.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"TEA-01\"".to_owned()),
        Just("\"KRW\"".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:?}")),
        (0_i64..5).prop_map(|n| n.to_string()),
        Just("500".to_owned()),
        "\"[ -!#-\\[\\]-~]{0,20}\"",
    ];
    let name = prop_oneof![
        Just("currency"),
        Just("lines"),
        Just("sku"),
        Just("quantity"),
        Just("unit_price"),
        Just("delta"),
        Just("reason"),
        Just("name"),
        Just("sellable"),
        Just("payment_reference"),
        Just("__proto__"),
    ];
    let json = leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    prop_oneof![
        json.prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..200)
    ]
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = prop_oneof![
        Just("idempotency-key"),
        Just("if-match"),
        Just("if-none-match"),
        Just("origin"),
        Just("content-type"),
        Just("cookie"),
        Just("x-forwarded-for"),
        Just("accept"),
    ];
    let value = prop_oneof![
        Just(b"application/json".to_vec()),
        Just(b"\"1\"".to_vec()),
        Just(b"*".to_vec()),
        // All bytes that a field value may hold (RFC 9110, section 5.5).
        prop::collection::vec(prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8], 0..60),
    ];
    prop::collection::vec((name.prop_map(str::to_owned), value), 0..4)
}

fn made() -> impl Strategy<Value = Made> {
    (method(), path(), headers(), body()).prop_map(|(method, path, headers, body)| Made {
        method,
        path,
        headers,
        body,
    })
}

/// Sends the bytes as they are. openapi.yaml must describe the API's answer.
async fn send(shop: &Shop, token: &str, made: &Made) -> Answer {
    let mut bytes = made.method.clone().into_bytes();
    bytes.push(b' ');
    bytes.extend(&made.path);
    bytes.extend(b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    bytes.extend(format!("authorization: Bearer {token}\r\n").bytes());
    bytes.extend(format!("content-length: {}\r\n", made.body.len()).bytes());
    let has = |name: &str| made.headers.iter().any(|(other, _)| other == name);
    if !has("content-type") {
        bytes.extend(b"content-type: application/json\r\n");
    }
    if !has("idempotency-key") {
        bytes.extend(b"idempotency-key: made-up\r\n");
    }
    for (name, value) in &made.headers {
        bytes.extend(name.bytes());
        bytes.extend(b": ");
        bytes.extend(value);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"\r\n");
    bytes.extend(&made.body);
    let mut stream = TcpStream::connect(shop.address()).await.unwrap();
    // The server may answer, and close, before it has read everything.
    let _ = stream.write_all(&bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let method = made.method.parse().unwrap();
    let answer = Answer::read(&answer);
    // Bytes that are not HTTP never reach the API: the server refuses them, without the API's headers.
    if answer.status == 400 && answer.header("strict-transport-security").is_none() {
        assert_eq!(answer.body, "", "{made:?}");
        return answer;
    }
    answer.described(&method, &String::from_utf8_lossy(&made.path))
}

#[test]
fn arbitrary_input_is_answered_and_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(shop(async |shop| {
        shop.stock("TEA-01", 5).await;
        let token = shop
            .running
            .token("demo", &format!("orders:write {STAFF}"))
            .unwrap();
        let mut runner = TestRunner::new(crate::support::cases::made_up(CASES));
        for _ in 0..runner.config().cases {
            let made = made().new_tree(&mut runner).unwrap().current();
            let before = shop.items().await;
            let answer = send(shop, &token, &made).await;
            let status = answer.status;
            let shown = format!("{answer:?}");
            assert!(
                (200..500).contains(&status),
                "{status} for {made:?}: {shown}"
            );
            assert!(!shown.contains(&token), "{made:?}: {shown}");
            // A decision or a refusal may have been recorded, but not under these statuses.
            if matches!(
                status,
                400 | 401 | 403 | 404 | 405 | 410 | 412 | 413 | 415 | 431
            ) || made.method == "GET"
            {
                assert_eq!(shop.items().await, before, "{status} for {made:?}: {shown}");
            }
        }
    }));
}
