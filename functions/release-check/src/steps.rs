//! What a new version must do before it gets traffic: order a reserved product, and cancel that order.

use std::collections::BTreeSet;

use aws_sdk_lambda::Client;
use serde_json::{Value, json};
use shared::caller::Caller;
use shared::world::World;

use crate::config::Config;
use crate::event::Request;
use crate::versions::{Answer, invoke};

/// The reserved product. Between two checks it is not for sale, and it has no stock.
const SKU: &str = "RELEASE-CHECK";
const PRICE: i64 = 100;
const CURRENCY: &str = "USD";

const SCOPES: [&str; 3] = ["orders:read", "orders:write", "stock:write"];

/// A version does not do what it must. The text says which step failed, and how.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(String);

impl Broken {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// One check.
pub(crate) struct Check<'a> {
    lambda: &'a Client,
    config: &'a Config,
    world: &'a World,
    caller: Caller,
    /// Names this check in idempotency keys: another check, or a repeat, has other keys.
    run: String,
}

impl<'a> Check<'a> {
    pub(crate) fn new(lambda: &'a Client, config: &'a Config, world: &'a World) -> Self {
        let mut bytes = [0; 8];
        world.fill(&mut bytes);
        let name = "release-check".to_owned();
        Self {
            lambda,
            config,
            world,
            caller: Caller {
                issuer: name.clone(),
                sub: name,
                scopes: SCOPES.map(str::to_owned).into(),
                client_id: None,
            },
            run: format!("release-check-{:016x}", u64::from_le_bytes(bytes)),
        }
    }

    /// Tests the three versions.
    ///
    /// The reserved product is taken out of sale whatever happened before. An order that could not be
    /// cancelled keeps its unit until its hold expires.
    pub(crate) async fn run(&self) -> Result<(), Broken> {
        self.authorizer_denies().await?;
        self.preflight_passes().await?;
        self.describe(true).await?;
        let ordered = self.ordered().await;
        let cleared = self.clear().await;
        ordered.and(cleared)
    }

    async fn call(&self, request: &Request<'_>) -> Result<Answer, Broken> {
        let now = self.world.now().as_millisecond();
        let event = request.event(&self.run, now);
        invoke(self.lambda, &self.config.orders, &event).await
    }

    /// A request without a token is denied. Any answer at all shows that the function starts with its
    /// issuers.
    async fn authorizer_denies(&self) -> Result<(), Broken> {
        let request = Request {
            method: "POST",
            route: "/orders",
            ..Request::default()
        };
        let arn = "arn:aws:execute-api:none:none:none/$default/POST/orders";
        let event = request.of_authorizer(&self.run, self.world.now().as_millisecond(), arn);
        let answer = invoke(self.lambda, &self.config.authorizer, &event).await?;
        match answer.whole().get("isAuthorized") {
            Some(Value::Bool(false)) => Ok(()),
            _ => Err(Broken::new(format!(
                "a request without a token is not denied: {}",
                answer.shown()
            ))),
        }
    }

    async fn preflight_passes(&self) -> Result<(), Broken> {
        let headers = [
            ("origin", self.config.origin.as_str()),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization"),
        ];
        let request = Request {
            method: "OPTIONS",
            route: "/orders",
            headers: &headers,
            ..Request::default()
        };
        let event = request.event(&self.run, self.world.now().as_millisecond());
        let answer = invoke(self.lambda, &self.config.cors, &event).await?;
        expect("a preflight", &answer, &[204])?;
        if answer.header("access-control-allow-origin") == Some(&self.config.origin) {
            return Ok(());
        }
        Err(Broken::new(format!(
            "a preflight does not allow {}: {}",
            self.config.origin,
            answer.shown()
        )))
    }

    async fn describe(&self, sellable: bool) -> Result<(), Broken> {
        let body = json!({
            "name": "Release check",
            "unit_price": PRICE,
            "currency": CURRENCY,
            "sellable": sellable,
        });
        let request = Request {
            method: "PUT",
            route: "/products/{sku}",
            parameters: &[("sku", SKU)],
            headers: &[("content-type", "application/json")],
            body: Some(body),
            caller: Some(&self.caller),
        };
        let answer = self.call(&request).await?;
        expect("the product's description", &answer, &[200, 201])
    }

    async fn stock(&self, delta: i64, key: &str) -> Result<(), Broken> {
        let key = format!("{}-{key}", self.run);
        let request = Request {
            method: "POST",
            route: "/products/{sku}/stock",
            parameters: &[("sku", SKU)],
            headers: &[
                ("content-type", "application/json"),
                ("idempotency-key", &key),
            ],
            body: Some(json!({"delta": delta, "reason": "release check"})),
            caller: Some(&self.caller),
        };
        expect(
            "an adjustment of stock",
            &self.call(&request).await?,
            &[201],
        )
    }

    async fn place(&self, quantity: i64, key: &str) -> Result<Answer, Broken> {
        let key = format!("{}-{key}", self.run);
        let line = json!({"sku": SKU, "quantity": quantity, "unit_price": PRICE});
        let request = Request {
            method: "POST",
            route: "/orders",
            headers: &[
                ("content-type", "application/json"),
                ("idempotency-key", &key),
            ],
            body: Some(json!({"currency": CURRENCY, "lines": [line]})),
            caller: Some(&self.caller),
            ..Request::default()
        };
        self.call(&request).await
    }

    async fn ordered(&self) -> Result<(), Broken> {
        self.stock(1, "stock").await?;
        let placed = self.place(1, "order").await?;
        expect("an order", &placed, &[201])?;
        let id = placed.member("id");
        let id = id.as_str().unwrap_or_default();
        let repeated = self.place(1, "order").await;
        // Cancelled before anything else is judged, so that a broken version leaves no order.
        let cancelled = self.cancel(id).await;
        let repeated = repeated?;
        expect("a repeat", &repeated, &[201])?;
        if repeated.header("idempotent-replayed") != Some("true")
            || repeated.body() != placed.body()
        {
            return Err(Broken::new(format!(
                "a repeat is not answered as the first request was: {}",
                repeated.shown()
            )));
        }
        let cancelled = cancelled?;
        expect("the cancellation", &cancelled, &[200])?;
        if cancelled.member("status") != json!("cancelled") {
            return Err(Broken::new(format!(
                "a cancelled order is not cancelled: {}",
                cancelled.shown()
            )));
        }
        // All that was taken is back, so one unit more than the stock is refused.
        let available = self.available().await?;
        let refused = self.place(available.saturating_add(1), "too-many").await?;
        expect("an order of more than the stock", &refused, &[409])
    }

    async fn cancel(&self, id: &str) -> Result<Answer, Broken> {
        let request = Request {
            method: "POST",
            route: "/orders/{id}/cancel",
            parameters: &[("id", id)],
            caller: Some(&self.caller),
            ..Request::default()
        };
        self.call(&request).await
    }

    async fn available(&self) -> Result<i64, Broken> {
        let request = Request {
            method: "GET",
            route: "/products/{sku}",
            parameters: &[("sku", SKU)],
            ..Request::default()
        };
        let answer = self.call(&request).await?;
        expect("the product", &answer, &[200])?;
        answer
            .member("available")
            .as_i64()
            .ok_or_else(|| Broken::new(format!("the product has no stock: {}", answer.shown())))
    }

    /// Takes the stock back, and the product out of sale.
    async fn clear(&self) -> Result<(), Broken> {
        self.describe(false).await?;
        match self.available().await? {
            0 => Ok(()),
            left => self.stock(left.saturating_neg(), "back").await,
        }
    }
}

fn expect(what: &str, answer: &Answer, wanted: &[u64]) -> Result<(), Broken> {
    let wanted: BTreeSet<u64> = wanted.iter().copied().collect();
    if wanted.contains(&answer.status()) {
        return Ok(());
    }
    Err(Broken::new(format!(
        "{what} was answered with {} instead of {wanted:?}: {}",
        answer.status(),
        answer.shown()
    )))
}
