//! The whole program, called over HTTP.

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use super::*;
use crate::data::DataDirectory;
use crate::scratch::Directory;
use gateway::{AccessLog, BODY_BYTES_MAX, HEADER_BYTES_MAX};

mod tokens;

const ORIGIN: &str = "http://localhost:5173";

async fn running() -> Running {
    start(Options::in_memory()).await.unwrap()
}

fn kept_in(directory: &Directory) -> Options {
    Options {
        data: Some(DataDirectory::new(&directory.0)),
        memory: false,
        ..Options::in_memory()
    }
}

async fn message(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    (status, response.json().await.unwrap())
}

fn order(sku: &str, quantity: u32) -> Value {
    json!({"currency": "KRW", "lines": [{"sku": sku, "quantity": quantity, "unit_price": 19_900}]})
}

async fn place(running: &Running, key: &str, body: &Value) -> Response {
    let token = running.token("demo", "orders:write orders:read").unwrap();
    let request = Client::new()
        .post(format!("{}/orders", running.url()))
        .bearer_auth(token);
    request
        .header("idempotency-key", key)
        .json(body)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn an_order_is_placed_read_and_taken_from_the_stock() {
    let running = running().await;
    let placed = place(&running, "one", &order("TEA-01", 2)).await;
    assert_eq!(placed.status(), 201);
    assert!(placed.headers().contains_key("apigw-requestid"));
    let location = placed.headers()["location"].to_str().unwrap().to_owned();
    let token = running.token("demo", "orders:read").unwrap();
    let read = Client::new()
        .get(format!("{}{location}", running.url()))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let (status, read) = message(read).await;
    assert_eq!((status.as_u16(), &read["total"]), (200, &json!(39_800)));
    let product = reqwest::get(format!("{}/products/TEA-01", running.url()))
        .await
        .unwrap();
    assert_eq!(message(product).await.1["available"], 8);
    running.stop().await;
}

#[tokio::test]
async fn the_gateways_own_responses_have_its_message_and_status() {
    let running = running().await;
    let url = running.url();
    let client = Client::new();
    let own = |status: u16, text: &str| {
        (
            StatusCode::from_u16(status).unwrap(),
            json!({"message": text}),
        )
    };
    let get = |path: &str, token: &str| {
        client
            .get(format!("{url}{path}"))
            .header("authorization", token)
            .send()
    };

    let without = client.get(format!("{url}/orders")).send().await.unwrap();
    assert_eq!(message(without).await, own(401, "Unauthorized"));
    assert_eq!(
        message(get("/orders", "Bearer nonsense").await.unwrap()).await,
        own(403, "Forbidden")
    );
    let narrow = format!("Bearer {}", running.token("demo", "stock:write").unwrap());
    assert_eq!(
        message(get("/orders", &narrow).await.unwrap()).await,
        own(403, "Forbidden")
    );
    assert_eq!(
        message(get("/nowhere", "").await.unwrap()).await,
        own(404, "Not Found")
    );
    let huge = client
        .put(format!("{url}/products/X"))
        .body(vec![b' '; BODY_BYTES_MAX + 1])
        .send();
    assert_eq!(
        message(huge.await.unwrap()).await,
        own(413, "Request Entity Too Large")
    );
    let long = client
        .get(format!("{url}/products"))
        .header("x-long", "x".repeat(HEADER_BYTES_MAX))
        .send();
    assert_eq!(
        message(long.await.unwrap()).await,
        own(431, "Request Header Fields Too Large")
    );
    running.stop().await;
}

#[tokio::test]
async fn the_authorizers_failure_is_a_500() {
    let running = running().await;
    let (logical, _) = running.template.function(Kind::Authorizer).unwrap();
    let mut template = (*running.template).clone();
    // A function whose response is not an authorizer's.
    for route in &mut template.routes {
        if let Some(authorizer) = &mut route.authorizer {
            assert_eq!(authorizer.function, logical);
            "CorsFunction".clone_into(&mut authorizer.function);
        }
    }
    let gateway = Gateway {
        template: Arc::new(template),
        invoke: running.functions.invoker(),
        front: Front::Nothing,
        at_once: None,
        body_bytes_max: BODY_BYTES_MAX,
        throttle: None,
        log: AccessLog::Off,
        observe: None,
        world: World::real(),
    };
    let request = axum::http::Request::get("/orders").header("authorization", "Bearer x");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = gateway.answer([127, 0, 0, 1].into(), request).await;
    assert_eq!(answer.status(), 500);
    running.stop().await;
}

#[tokio::test]
async fn a_request_with_many_headers_reaches_the_gateway() {
    let running = running().await;
    let get = |headers: usize, value: &str| {
        let request = Client::new().get(format!("{}/products", running.url()));
        let add = |request: reqwest::RequestBuilder, number| {
            request.header(format!("x-header-{number}"), value)
        };
        (0..headers).fold(request, add).send()
    };
    assert_eq!(get(300, "1").await.unwrap().status(), 200);
    // The gateway itself refuses what is too large.
    let answer = get(300, &"1".repeat(40)).await.unwrap();
    assert_eq!(
        message(answer).await,
        (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            serde_json::json!({"message": "Request Header Fields Too Large"})
        )
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_gateway_waits_ten_seconds_for_an_authorizer() {
    let gateway = Gateway {
        template: Arc::new(Template::read(template::SHIPPED, []).unwrap()),
        invoke: Arc::new(|_| Box::pin(std::future::pending())),
        front: Front::Nothing,
        at_once: None,
        body_bytes_max: BODY_BYTES_MAX,
        throttle: None,
        log: AccessLog::Off,
        observe: None,
        world: World::real(),
    };
    let request = axum::http::Request::get("/orders").header("authorization", "Bearer x");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let begun = tokio::time::Instant::now();
    let answer = gateway.answer([127, 0, 0, 1].into(), request);
    let answer = tokio::time::timeout(Duration::from_mins(1), answer).await;
    assert_eq!(answer.unwrap().status(), 500);
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn the_edge_adds_its_headers_to_every_api_response_unless_it_is_off() {
    for edge in [true, false] {
        let running = start(Options {
            edge,
            ..Options::in_memory()
        })
        .await
        .unwrap();
        for (path, status) in [("/orders", 401), ("/nowhere", 404)] {
            let request = Client::new()
                .get(format!("{}{path}", running.url()))
                .header("origin", ORIGIN);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), status);
            assert_eq!(
                answer.headers().contains_key("access-control-allow-origin"),
                edge
            );
            assert_eq!(
                answer.headers().contains_key("strict-transport-security"),
                edge
            );
        }
        let own = reqwest::get(format!("{}/_local/nowhere", running.url()))
            .await
            .unwrap();
        assert_eq!(own.status(), 404);
        assert!(!own.headers().contains_key("strict-transport-security"));
        let own = reqwest::get(format!("{}/_local/health", running.url()))
            .await
            .unwrap();
        assert_eq!(own.status(), 200);
        assert!(!own.headers().contains_key("strict-transport-security"));
        running.stop().await;
    }
}

#[tokio::test]
async fn one_line_of_each_security_header_reaches_the_client() {
    let running = running().await;
    let request = Client::new()
        .get(format!("{}/products", running.url()))
        .header("origin", ORIGIN);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    for name in [
        "strict-transport-security",
        "vary",
        "access-control-allow-origin",
    ] {
        assert_eq!(answer.headers().get_all(name).iter().count(), 1, "{name}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_preflight_needs_no_token_on_any_path() {
    let running = running().await;
    let mut paths: Vec<&str> = running
        .template
        .routes
        .iter()
        .map(|route| route.path.as_str())
        .collect();
    paths.extend(["/", "/nowhere/at/all"]);
    for path in paths {
        let path = path.replace(['{', '}', '+'], "x");
        let request = Client::new()
            .request(reqwest::Method::OPTIONS, format!("{}{path}", running.url()))
            .header("origin", ORIGIN)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 204, "{path}");
        assert_eq!(
            answer.headers()["access-control-allow-origin"],
            ORIGIN,
            "{path}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn data_survives_a_restart_and_demo_products_are_not_added_twice() {
    let directory = Directory::new();
    let first = start(kept_in(&directory)).await.unwrap();
    assert_eq!(
        place(&first, "one", &order("TEA-01", 3)).await.status(),
        201
    );
    let token = first.token("demo", "orders:read").unwrap();
    first.stop().await;

    let second = start(kept_in(&directory)).await.unwrap();
    let orders = Client::new()
        .get(format!("{}/orders", second.url()))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let (status, orders) = message(orders).await;
    assert_eq!(
        (status.as_u16(), orders["orders"].as_array().unwrap().len()),
        (200, 1)
    );
    let product = reqwest::get(format!("{}/products/TEA-01", second.url()))
        .await
        .unwrap();
    assert_eq!(message(product).await.1["available"], 7);
    second.stop().await;
}

#[tokio::test]
async fn a_data_directory_belongs_to_one_server_until_it_stops_or_is_killed() {
    let directory = Directory::new();
    let first = start(kept_in(&directory)).await.unwrap();
    let refused = start(kept_in(&directory)).await.unwrap_err().to_string();
    assert!(
        refused.contains(&first.url()) && refused.contains("in use"),
        "{refused}"
    );
    let endpoints = directory.0.join("endpoints.json");
    let left_behind = std::fs::read(&endpoints).unwrap();
    first.stop().await;
    assert!(!endpoints.exists());
    // As after a kill: the file exists, and no process holds the lock.
    std::fs::write(&endpoints, left_behind).unwrap();
    start(kept_in(&directory)).await.unwrap().stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn only_their_owner_can_read_the_secrets_and_memory_mode_keeps_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new();
    let options = Options {
        memory: true,
        ..kept_in(&directory)
    };
    let running = start(options.clone()).await.unwrap();
    let token = running.token("demo", "orders:read").unwrap();
    running.stop().await;
    let file = std::fs::metadata(directory.0.join("secrets.json")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    let running = start(options).await.unwrap();
    let answer = Client::new()
        .get(format!("{}/orders", running.url()))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    running.stop().await;
}

#[track_caller]
fn check_refused(started: Result<Running, Error>, words: &[&str]) {
    let error = started.map(drop).unwrap_err().to_string();
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
    assert!(!error.contains('\n'), "one line: {error}");
}

#[tokio::test]
async fn a_table_that_differs_from_the_template_is_refused() {
    let directory = Directory::new();
    start(kept_in(&directory)).await.unwrap().stop().await;
    let mut options = kept_in(&directory);
    options.template = options.template.replace("by_owner", "by_customer");
    check_refused(
        start(options).await,
        &["surefire-OrdersTable", "by_owner", "by_customer", "line "],
    );
    let mut options = kept_in(&directory);
    options.template = options.template.replace(
        "{AttributeName: expires_at, Enabled: true}",
        "{AttributeName: ttl, Enabled: true}",
    );
    check_refused(
        start(options).await,
        &["time-to-live attribute is expires_at and not ttl"],
    );
}

#[tokio::test]
async fn a_missing_or_invalid_variable_prevents_the_start() {
    let mut options = Options::in_memory();
    options.template = options
        .template
        .replacen("          TABLE_NAME: !Ref OrdersTable\n", "", 1);
    check_refused(start(options).await, &["OrdersFunction", "TABLE_NAME"]);
    let mut options = Options::in_memory();
    options.parameters = vec![(
        "AllowedOrigins".to_owned(),
        "https://app.example/".to_owned(),
    )];
    check_refused(
        start(options).await,
        &["ALLOWED_ORIGINS", "https://app.example/"],
    );
}

#[tokio::test]
async fn a_taken_port_prevents_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    check_refused(
        start(Options {
            listen,
            ..Options::in_memory()
        })
        .await,
        &["cannot listen on", &listen.to_string()],
    );
}
