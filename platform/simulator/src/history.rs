//! What clients wanted, and the answers that they got. The checks read it afterwards.

use std::fmt;
use std::time::Duration;

use serde_json::json;
use shared::caller::Caller;

use super::functions::{Answer, Ask};

/// What a client wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// To place an order.
    Place {
        /// The idempotency key.
        key: String,
        /// The body.
        body: String,
    },
    /// To adjust the stock of a product.
    Adjust {
        /// The product's SKU.
        sku: String,
        /// The idempotency key.
        key: String,
        /// The body.
        body: String,
    },
    /// To confirm an order.
    Confirm {
        /// The order's id.
        id: String,
        /// The payment's reference.
        reference: String,
        /// The version that it must have, if the client demands one.
        if_match: Option<i64>,
    },
    /// To fulfil an order.
    Fulfil {
        /// The order's id.
        id: String,
        /// The fulfilment's reference, such as a parcel's number.
        reference: String,
        /// The version that it must have, if the client demands one.
        if_match: Option<i64>,
    },
    /// To return goods of an order.
    Return {
        /// The order's id.
        id: String,
        /// The idempotency key.
        key: String,
        /// The body.
        body: String,
    },
    /// To cancel an order, as its customer or as staff.
    Cancel {
        /// The order's id.
        id: String,
        /// The version that it must have, if the client demands one.
        if_match: Option<i64>,
    },
    /// To read an order.
    ReadOrder {
        /// The order's id.
        id: String,
    },
    /// To list the caller's orders.
    ListOrders,
    /// To read a product.
    ReadProduct {
        /// The product's SKU.
        sku: String,
    },
    /// To describe a product.
    Describe {
        /// The product's SKU.
        sku: String,
        /// Its price.
        unit_price: i64,
        /// Whether it may be ordered.
        sellable: bool,
        /// The version that it must have, if the client demands one.
        if_match: Option<i64>,
        /// How many shards it is to have, if the client says so.
        shards: Option<u32>,
    },
}

impl Wish {
    /// An order of one product in the simulated shop's currency.
    pub fn order(key: &str, sku: &str, quantity: i64, unit_price: i64) -> Self {
        let line = json!({"sku": sku, "quantity": quantity, "unit_price": unit_price});
        Self::Place {
            key: key.to_owned(),
            body: json!({"currency": "KRW", "lines": [line]}).to_string(),
        }
    }

    /// An adjustment of stock, for no particular reason.
    pub fn stock(key: &str, sku: &str, delta: i64) -> Self {
        Self::Adjust {
            sku: sku.to_owned(),
            key: key.to_owned(),
            body: json!({"delta": delta, "reason": "counted"}).to_string(),
        }
    }

    /// A return of these quantities of products. They are restocked or written off.
    pub fn goods_back(id: &str, key: &str, goods: &[(&str, i64)], restock: bool) -> Self {
        let line = |(sku, quantity): &(&str, i64)| json!({"sku": sku, "quantity": quantity});
        let lines: Vec<_> = goods.iter().map(line).collect();
        Self::Return {
            id: id.to_owned(),
            key: key.to_owned(),
            body: json!({"lines": lines, "restock": restock}).to_string(),
        }
    }

    /// The request for it.
    pub(crate) fn ask(&self, caller: &Caller) -> Ask {
        let if_match = |version: &Option<i64>| version.map(|it| ("if-match", format!("\"{it}\"")));
        let keyed = |key: &String| Some(("idempotency-key", key.clone()));
        let post = |path, header, body| ("POST", path, header, body);
        let get = |path| ("GET", path, None, String::new());
        let (method, path, header, body) = match self {
            Self::Place { key, body } => post("/orders".to_owned(), keyed(key), body.clone()),
            Self::Adjust { sku, key, body } => {
                post(format!("/products/{sku}/stock"), keyed(key), body.clone())
            }
            Self::Confirm {
                id,
                reference,
                if_match: version,
            } => {
                let body = json!({"payment_reference": reference}).to_string();
                post(format!("/orders/{id}/confirm"), if_match(version), body)
            }
            Self::Fulfil {
                id,
                reference,
                if_match: version,
            } => {
                let body = json!({"reference": reference}).to_string();
                post(format!("/orders/{id}/fulfil"), if_match(version), body)
            }
            Self::Return { id, key, body } => {
                post(format!("/orders/{id}/returns"), keyed(key), body.clone())
            }
            Self::Cancel {
                id,
                if_match: version,
            } => {
                let path = format!("/orders/{id}/cancel");
                post(path, if_match(version), String::new())
            }
            Self::ReadOrder { id } => get(format!("/orders/{id}")),
            Self::ListOrders => get("/orders".to_owned()),
            Self::ReadProduct { sku } => get(format!("/products/{sku}")),
            Self::Describe {
                sku,
                unit_price,
                sellable,
                if_match: version,
                shards,
            } => {
                let mut body = json!({
                    "name": sku, "unit_price": unit_price, "currency": "KRW", "sellable": sellable,
                });
                if let Some((body, shards)) = body.as_object_mut().zip(*shards) {
                    body.insert("shards".to_owned(), shards.into());
                }
                let path = format!("/products/{sku}");
                ("PUT", path, if_match(version), body.to_string())
            }
        };
        Ask {
            caller: caller.clone(),
            method,
            path,
            query: String::new(),
            headers: header.into_iter().collect(),
            body,
        }
    }

    /// Whether it writes. A client repeats a write until it has a definitive answer.
    pub(crate) const fn writes(&self) -> bool {
        match self {
            Self::Place { .. }
            | Self::Adjust { .. }
            | Self::Confirm { .. }
            | Self::Fulfil { .. }
            | Self::Return { .. }
            | Self::Cancel { .. }
            | Self::Describe { .. } => true,
            Self::ReadOrder { .. } | Self::ListOrders | Self::ReadProduct { .. } => false,
        }
    }

    /// The order that it changes.
    pub(crate) const fn order_changed(&self) -> Option<&String> {
        match self {
            Self::Confirm { id, .. }
            | Self::Fulfil { id, .. }
            | Self::Return { id, .. }
            | Self::Cancel { id, .. } => Some(id),
            Self::Place { .. }
            | Self::Adjust { .. }
            | Self::Describe { .. }
            | Self::ReadOrder { .. }
            | Self::ListOrders
            | Self::ReadProduct { .. } => None,
        }
    }

    /// Whether it carries an idempotency key. Then its answer is the same for ever.
    pub(crate) const fn keyed(&self) -> bool {
        matches!(
            self,
            Self::Place { .. } | Self::Adjust { .. } | Self::Return { .. }
        )
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place { key, body } => write!(formatter, "place {key} {body}"),
            Self::Adjust { sku, key, body } => write!(formatter, "adjust {sku} {key} {body}"),
            Self::Confirm {
                id,
                reference,
                if_match,
            } => {
                write!(formatter, "confirm {id} by {reference} if {if_match:?}")
            }
            Self::Fulfil {
                id,
                reference,
                if_match,
            } => {
                write!(formatter, "fulfil {id} as {reference} if {if_match:?}")
            }
            Self::Return { id, key, body } => write!(formatter, "return of {id} {key} {body}"),
            Self::Cancel { id, if_match } => write!(formatter, "cancel {id} if {if_match:?}"),
            Self::ReadOrder { id } => write!(formatter, "read {id}"),
            Self::ListOrders => formatter.write_str("list"),
            Self::ReadProduct { sku } => write!(formatter, "read {sku}"),
            Self::Describe {
                sku,
                unit_price,
                sellable,
                if_match,
                shards,
            } => {
                write!(
                    formatter,
                    "describe {sku} at {unit_price}, sold {sellable}, if {if_match:?}, \
                     over {shards:?} shards"
                )
            }
        }
    }
}

/// One request of a client, answered or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its number in this run: its id on the wire.
    pub number: usize,
    /// The client.
    pub caller: Caller,
    /// What it asked for.
    pub wish: Wish,
    /// When it was sent.
    pub began: Duration,
    /// When it was answered. A call without an answer may take effect at any time.
    pub ended: Option<Duration>,
    /// The answer.
    pub answer: Option<Answer>,
}

impl Call {
    /// The method and the path of its request.
    pub fn target(&self) -> (&'static str, String) {
        let ask = self.wish.ask(&self.caller);
        (ask.method, ask.path)
    }

    /// The answer, if it is definitive.
    pub fn definitive(&self) -> Option<&Answer> {
        self.answer.as_ref().filter(|answer| is_definitive(answer))
    }
}

/// Whether an answer is definitive. A client without a definitive answer asks again.
pub(crate) const fn is_definitive(answer: &Answer) -> bool {
    answer.status < 500
}
