//! What a page can do and read, depending on its origin.

use http::Method;
use local::serve::Options;
use serde_json::{Value, json};

use super::stage::stage;

/// Calls the API from a sandboxed frame of the page, whose origin is `null`.
const FROM_A_SANDBOX: &str = r#"
    const [request, done] = arguments;
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.srcdoc = `<script>
        fetch(${JSON.stringify(request.url)}, ${JSON.stringify(request.options)}).then(
            (response) => parent.postMessage({status: response.status}, "*"),
            (error) => parent.postMessage({blocked: error.name}, "*"),
        );
    </${"script"}>`;
    addEventListener("message", (event) => done(event.data), {once: true});
    document.body.append(frame);
"#;

#[tokio::test]
async fn slow_a_page_of_an_allowed_origin_orders_and_reads_every_answer() {
    stage(Options::in_memory(), async |stage| {
        stage.shop.stock("TEA-01", 3).await;
        stage.page.open(&stage.allowed.origin).await;
        let orders = stage.url("/orders");

        let placed = stage.page.fetch(&orders, stage.order("key-1", "TEA-01", 2));
        let placed = placed.await;
        placed.assert(201);
        assert_eq!(placed.header("etag"), Some("\"1\""));
        let order = placed.json();
        let location = format!("/orders/{}", order["id"].as_str().unwrap());
        assert_eq!(placed.header("location"), Some(location.as_str()));
        assert!(placed.header("x-request-id").is_some());
        // Besides the headers that browsers always show, a page sees only the exposed ones.
        let mut names = placed.header_names();
        names.retain(|name| !["cache-control", "content-length", "content-type"].contains(name));
        assert_eq!(names, ["etag", "location", "x-request-id"]);

        let replayed = stage.page.fetch(&orders, stage.order("key-1", "TEA-01", 2));
        let replayed = replayed.await;
        assert_eq!(replayed.assert(201).json(), order);
        assert_eq!(replayed.header("idempotent-replayed"), Some("true"));
        assert_eq!(replayed.header("order-status"), Some("pending"));

        let sold_out = stage.page.fetch(&orders, stage.order("key-2", "TEA-01", 2));
        let sold_out = sold_out.await.assert(409).json();
        assert_eq!(sold_out["type"], "urn:surefire:problem:out-of-stock");
        assert_eq!(sold_out["lines"][0]["available"], 1);

        let mut expired = stage.order("key-3", "TEA-01", 1);
        expired["headers"]["authorization"] = json!("Bearer expired");
        let forbidden = stage.page.fetch(&orders, expired).await;
        assert_eq!(
            forbidden.assert(403).json(),
            json!({"message": "Forbidden"})
        );
        let unauthorized = stage.page.fetch(&orders, json!({})).await;
        assert_eq!(
            unauthorized.assert(401).json(),
            json!({"message": "Unauthorized"})
        );
        let nowhere = stage.page.fetch(&stage.url("/nowhere"), json!({})).await;
        assert_eq!(nowhere.assert(404).json(), json!({"message": "Not Found"}));

        let read = json!({"headers": {"authorization": format!("Bearer {}", stage.token())}});
        let read = stage.page.fetch(&stage.url(&location), read).await;
        assert_eq!(read.assert(200).json(), order);
        assert_eq!(stage.shop.count_orders().await, 1);

        // The browser sent one preflight, without the token, and reused its answer.
        let asked = stage.api.seen_with(&Method::OPTIONS);
        let of_orders: Vec<_> = asked
            .iter()
            .filter(|seen| seen.target == "/orders")
            .collect();
        assert_eq!(of_orders.len(), 1, "{asked:?}");
        assert_eq!(of_orders[0].header("authorization"), None);
        assert_eq!(
            of_orders[0].header("access-control-request-headers"),
            Some("authorization,content-type,idempotency-key")
        );
    })
    .await;
}

#[tokio::test]
async fn slow_a_foreign_page_is_blocked_before_it_orders() {
    stage(Options::in_memory(), async |stage| {
        stage.shop.stock("TEA-01", 10).await;
        let orders = stage.url("/orders");
        let products = stage.url("/products");
        // The same server with another host name is another origin.
        let alias = stage.allowed.origin.replace("127.0.0.1", "localhost");
        for origin in [&stage.foreign.origin, &alias] {
            stage.page.open(origin).await;
            let placed = stage.page.fetch(&orders, stage.order("key-1", "TEA-01", 1));
            assert!(placed.await.is_blocked(), "{origin}");
            // This call needs no preflight. It reaches the API, but the page cannot read the answer.
            let read = stage.page.fetch(&products, json!({})).await;
            assert!(read.is_blocked(), "{origin}");
        }
        let sandboxed = [
            (&orders, stage.order("key-1", "TEA-01", 1)),
            (&products, json!({})),
        ];
        stage.page.open(&stage.allowed.origin).await;
        for (url, options) in sandboxed {
            let request = json!({"url": url, "options": options});
            let answered = stage.page.run(FROM_A_SANDBOX, request).await;
            assert_eq!(answered, json!({"blocked": "TypeError"}));
        }
        let origins = stage.api.seen_with(&Method::GET);
        let origins: Vec<_> = origins.iter().map(|seen| seen.header("origin")).collect();
        let expected = [&stage.foreign.origin, &alias, "null"].map(Some);
        assert_eq!(origins, expected);
        assert_eq!(stage.api.seen_with(&Method::OPTIONS).len(), 3);
        assert_eq!(stage.keys(), [""; 0]);
        assert_eq!(stage.shop.count_orders().await, 0);
    })
    .await;
}

#[tokio::test]
async fn slow_an_allowed_page_is_blocked_from_methods_and_headers_that_are_not_listed() {
    stage(Options::in_memory(), async |stage| {
        stage.page.open(&stage.allowed.origin).await;
        let orders = stage.url("/orders");
        let blocked: [Value; 4] = [
            json!({"method": "DELETE"}),
            // Browsers do not change the case of this method.
            json!({"method": "patch"}),
            json!({"headers": {"x-debug": "1"}}),
            json!({"credentials": "include"}),
        ];
        for options in blocked {
            let answered = stage.page.fetch(&orders, options.clone()).await;
            assert!(answered.is_blocked(), "{options}: {answered:?}");
        }
        for method in [Method::DELETE, Method::PATCH] {
            assert_eq!(stage.api.seen_with(&method).len(), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn slow_without_the_edge_a_page_cannot_read_the_gateways_own_answers() {
    let options = Options {
        edge: false,
        ..Options::in_memory()
    };
    stage(options, async |stage| {
        stage.shop.stock("TEA-01", 1).await;
        stage.page.open(&stage.allowed.origin).await;
        let orders = stage.url("/orders");
        let mut expired = stage.order("key-1", "TEA-01", 1);
        expired["headers"]["authorization"] = json!("Bearer expired");
        assert!(stage.page.fetch(&orders, expired).await.is_blocked());
        // The page can still read the function's answers.
        let sold_out = stage.page.fetch(&orders, stage.order("key-2", "TEA-01", 2));
        sold_out.await.assert(409);
        let placed = stage.page.fetch(&orders, stage.order("key-3", "TEA-01", 1));
        assert_eq!(placed.await.assert(201).header("etag"), Some("\"1\""));
    })
    .await;
}
