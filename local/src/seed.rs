//! Adds the demo products to a data directory.
//!
//! The orders function itself adds them, with fixed idempotency keys. Adding them again, or after
//! an interruption, changes nothing that was sold since.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};
use shared::caller::Caller;
use shared::world::World;

use crate::functions::Functions;
use gateway::event::Inbound;
use gateway::route;
use template::Template;

/// A demo product.
struct Product {
    sku: &'static str,
    name: &'static str,
    unit_price: u64,
    sellable: bool,
    stock: u32,
}

/// The product in the banner's order.
pub(crate) const FIRST_SKU: &str = "TEA-01";
pub(crate) const FIRST_PRICE: u64 = 19_900;
const CURRENCY: &str = "KRW";

const PRODUCTS: [Product; 4] = [
    Product {
        sku: FIRST_SKU,
        name: "Sencha, 100 g",
        unit_price: FIRST_PRICE,
        sellable: true,
        stock: 10,
    },
    Product {
        sku: "TEA-02",
        name: "Hojicha, 100 g",
        unit_price: 14_500,
        sellable: true,
        stock: 25,
    },
    Product {
        sku: "POT-01",
        name: "Teapot, 400 ml",
        unit_price: 64_000,
        sellable: true,
        stock: 1,
    },
    Product {
        sku: "TEA-99",
        name: "First flush, 2027",
        unit_price: 48_000,
        sellable: false,
        stock: 5,
    },
];

/// The orders function refused a demo product; the reason is its answer.
#[derive(Debug, thiserror::Error)]
#[error("the demo product {sku} could not be added: {reason}")]
pub struct SeedError {
    sku: &'static str,
    reason: String,
}

/// Adds the demo products that are missing.
pub(crate) async fn seed(
    template: &Template,
    functions: &Functions,
    world: &World,
) -> Result<(), SeedError> {
    for product in &PRODUCTS {
        let sku = product.sku;
        let failed = |reason| SeedError { sku, reason };
        let details = json!({
            "name": product.name,
            "unit_price": product.unit_price,
            "currency": CURRENCY,
            "sellable": product.sellable,
        });
        // 412: the product exists, and may have been changed on purpose.
        let put = Call {
            method: "PUT",
            path: format!("/products/{sku}"),
            header: ("if-none-match", "*".to_owned()),
            body: details,
        };
        put.send(template, functions, world, &[200, 201, 412])
            .await
            .map_err(failed)?;
        let delivery = json!({"delta": product.stock, "reason": "demo stock"});
        let header = ("idempotency-key", format!("seed-{sku}"));
        let stock = Call {
            method: "POST",
            path: format!("/products/{sku}/stock"),
            header,
            body: delivery,
        };
        stock
            .send(template, functions, world, &[201])
            .await
            .map_err(failed)?;
    }
    Ok(())
}

struct Call {
    method: &'static str,
    path: String,
    header: (&'static str, String),
    body: Value,
}

impl Call {
    async fn send(
        self,
        template: &Template,
        functions: &Functions,
        world: &World,
        expected: &[u64],
    ) -> Result<(), String> {
        let chosen = route::choose(&template.routes, self.method, &self.path);
        let chosen = chosen.ok_or_else(|| {
            format!(
                "the template has no route for {} {}",
                self.method, self.path
            )
        })?;
        let (name, value) = self.header;
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("seed.local"));
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert(
            name,
            value
                .parse()
                .map_err(|_| format!("the header {name} has an invalid value"))?,
        );
        let inbound = Inbound {
            method: self.method.to_owned(),
            path: self.path,
            query: String::new(),
            headers,
            body: self.body.to_string().into_bytes(),
            protocol: "HTTP/1.1".to_owned(),
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
            time: world.now(),
            request_id: "seed".to_owned(),
        };
        let event = inbound.event(&template.place, &chosen, Some(&caller(template)));
        let invoked = functions.invoke(&chosen.route.function, event, None).await;
        let answer = invoked.map_err(|error| error.to_string())?;
        match answer.get("statusCode").and_then(Value::as_u64) {
            Some(status) if expected.contains(&status) => Ok(()),
            _ => Err(answer.to_string()),
        }
    }
}

/// The caller that adds the demo products.
fn caller(template: &Template) -> Map<String, Value> {
    let caller = Caller {
        issuer: "local".to_owned(),
        sub: "seed".to_owned(),
        scopes: template.scopes().into_iter().collect(),
        client_id: None,
    };
    caller.to_context()
}
