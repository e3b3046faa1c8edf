//! What each client wants next. It is chosen at random, from what all clients know.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::caller::Caller;

use super::functions::Answer;
use super::history::Wish;
use super::random::Random;
use super::shop::{caller, caller_with};

/// What the clients of a world know together.
#[derive(Default)]
pub(crate) struct Known {
    /// The products, and the prices that clients believe they have.
    pub(crate) prices: BTreeMap<String, i64>,
    /// By client or order, and key: the body that was sent first.
    bodies: BTreeMap<(String, String), String>,
    /// The orders that were placed.
    orders: Vec<Placed>,
    /// The order that a client wanted to change last. Others often want to change it, too, so that
    /// their requests meet.
    latest: Option<String>,
    /// The writes that have no definitive answer yet.
    pub(crate) pending: Vec<(Caller, Wish)>,
    /// How many wishes are left.
    pub(crate) wishes_left: usize,
    /// How many keys customers use.
    keys: u64,
}

/// An order that was placed, as far as clients know.
struct Placed {
    id: String,
    owner: Caller,
    /// The quantity of each product.
    lines: Vec<(String, i64)>,
    /// Whether it was confirmed.
    paid: bool,
    /// Whether it was fulfilled.
    shipped: bool,
}

/// What a client does in the shop.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Customer,
    Payments,
    Shipping,
    Admin,
}

impl Role {
    /// A client of this role, with the scopes that it needs. Staff have every scope.
    pub(crate) fn caller(self, issuer: &str, sub: &str) -> Caller {
        match self {
            Self::Customer => caller_with(issuer, sub, &["orders:read", "orders:write"]),
            Self::Payments => caller_with(issuer, sub, &["orders:confirm"]),
            Self::Shipping => caller_with(issuer, sub, &["orders:fulfil"]),
            Self::Admin => caller(issuer, sub),
        }
    }
}

impl Known {
    /// What clients know at first. `operations` is how many wishes they will have together.
    pub(crate) fn new(operations: usize) -> Self {
        Self {
            keys: u64::try_from(operations / 8).unwrap_or_default().max(2),
            ..Self::default()
        }
    }

    /// Learns from a definitive answer.
    pub(crate) fn learn(&mut self, caller: &Caller, wish: &Wish, answer: &Answer) {
        match (wish, answer.status) {
            (Wish::Place { .. }, 201) => self.learn_order(caller, answer),
            (Wish::Confirm { id, .. }, 200) => self.mark(id, |order| order.paid = true),
            (Wish::Fulfil { id, .. }, 200) => self.mark(id, |order| order.shipped = true),
            (
                Wish::Describe {
                    sku, unit_price, ..
                },
                200 | 201,
            ) => {
                self.prices.insert(sku.clone(), *unit_price);
            }
            _ => {}
        }
    }

    fn learn_order(&mut self, owner: &Caller, answer: &Answer) {
        let Ok(body) = serde_json::from_str::<Value>(&answer.body) else {
            return;
        };
        let id = body.get("id").and_then(Value::as_str);
        let id = id.unwrap_or_default().to_owned();
        if self.orders.iter().any(|order| order.id == id) {
            return;
        }
        let line = |line: &Value| {
            let sku = line.get("sku")?.as_str()?.to_owned();
            Some((sku, line.get("quantity")?.as_i64()?))
        };
        let lines = body.get("lines").and_then(Value::as_array);
        self.orders.push(Placed {
            id,
            owner: owner.clone(),
            lines: lines.into_iter().flatten().filter_map(line).collect(),
            paid: false,
            shipped: false,
        });
    }

    fn mark(&mut self, id: &str, mark: impl Fn(&mut Placed)) {
        let orders = self.orders.iter_mut();
        orders.filter(|order| order.id == id).for_each(mark);
    }

    /// The next wish of a client, if it finds anything to want.
    pub(crate) fn wish(
        &mut self,
        role: Role,
        caller: &Caller,
        random: &mut Random,
    ) -> Option<Wish> {
        let wish = match role {
            Role::Customer => self.customer_wish(caller, random),
            Role::Payments => self.payment_wish(random),
            Role::Shipping => self.shipping_wish(random),
            Role::Admin => self.admin_wish(random),
        };
        if let Some(order) = wish.as_ref().and_then(Wish::order_changed) {
            self.latest = Some(order.clone());
        }
        wish
    }

    /// What another client wants at the same moment, which excludes this wish.
    pub(crate) fn rival(&self, wish: &Wish, random: &mut Random) -> Option<(Caller, Wish)> {
        let id = wish.order_changed()?.clone();
        let order = self.orders.iter().find(|order| order.id == id)?;
        let cancel = |id| Wish::Cancel { id, if_match: None };
        let fulfil = |id| Wish::Fulfil {
            id,
            reference: "rival parcel".to_owned(),
            if_match: None,
        };
        let shipping = Role::Shipping.caller("local", "shipping");
        match wish {
            Wish::Confirm { .. } => Some((order.owner.clone(), cancel(id))),
            Wish::Fulfil { .. } if random.chance(300) => Some((shipping, fulfil(id))),
            Wish::Fulfil { .. } => Some((order.owner.clone(), cancel(id))),
            Wish::Cancel { .. } if order.paid => Some((shipping, fulfil(id))),
            Wish::Return { key, body, .. } => {
                let (key, body) = (format!("{key}-rival"), body.clone());
                Some((shipping, Wish::Return { id, key, body }))
            }
            _ => None,
        }
    }

    fn customer_wish(&mut self, caller: &Caller, random: &mut Random) -> Option<Wish> {
        match random.below(100) {
            0..60 => self.place(caller, random),
            60..80 => {
                let id = self.some_order(caller, random)?;
                let if_match = random.chance(300).then(|| random.between(1, 2));
                Some(Wish::Cancel { id, if_match })
            }
            80..88 => self
                .some_order(caller, random)
                .map(|id| Wish::ReadOrder { id }),
            88..94 => Some(Wish::ListOrders),
            _ => self.some_sku(random).map(|sku| Wish::ReadProduct { sku }),
        }
    }

    fn place(&mut self, caller: &Caller, random: &mut Random) -> Option<Wish> {
        let key = format!("key-{}", random.below(self.keys));
        let who = format!("{}#{}", caller.issuer, caller.sub);
        let fresh = self.body(random)?;
        let body = self.first_or(fresh, (who, key.clone()), random);
        Some(Wish::Place { key, body })
    }

    /// The body that was sent first under a name and key. Sometimes a client uses a key for
    /// another request.
    fn first_or(&mut self, fresh: String, name: (String, String), random: &mut Random) -> String {
        let first = self.bodies.entry(name).or_insert_with(|| fresh.clone());
        if random.chance(120) {
            fresh
        } else {
            first.clone()
        }
    }

    fn body(&self, random: &mut Random) -> Option<String> {
        let mut lines = Vec::new();
        for _ in 0..random.between(1, 2) {
            let sku = if random.chance(20) {
                "NONE".to_owned()
            } else {
                self.some_sku(random)?
            };
            let quantity = random.between(1, 4);
            let price = self.prices.get(&sku).copied().unwrap_or(100);
            lines.push(json!({"sku": sku, "quantity": quantity, "unit_price": price}));
        }
        let mut body = json!({"currency": "KRW", "lines": lines});
        if let Some(body) = body.as_object_mut().filter(|_| random.chance(150)) {
            let reference = format!("basket {}", random.below(3));
            body.insert("reference".to_owned(), reference.into());
            body.insert("metadata".to_owned(), json!({"gift": "yes"}));
        }
        Some(body.to_string())
    }

    fn payment_wish(&self, random: &mut Random) -> Option<Wish> {
        let id = random.pick(&self.orders)?.id.clone();
        let reference = if random.chance(700) {
            format!("payment-of-{id}")
        } else {
            format!("payment-{}", random.below(2))
        };
        let if_match = random.chance(150).then(|| random.between(1, 2));
        Some(Wish::Confirm {
            id,
            reference,
            if_match,
        })
    }

    fn shipping_wish(&mut self, random: &mut Random) -> Option<Wish> {
        let may_return = self.orders.iter().any(|order| order.shipped) || random.chance(150);
        if random.chance(500) || !may_return {
            let id = self.some_order_if(|order| order.paid, random)?.id.clone();
            let reference = if random.chance(850) {
                format!("parcel-of-{id}")
            } else {
                format!("parcel-{}", random.below(3))
            };
            let if_match = random.chance(150).then(|| random.between(1, 3));
            return Some(Wish::Fulfil {
                id,
                reference,
                if_match,
            });
        }
        let order = self.some_order_if(|order| order.shipped, random)?;
        let id = order.id.clone();
        let fresh = return_of(order, random);
        let key = format!("return-{}", random.below(4));
        let body = self.first_or(fresh, (id.clone(), key.clone()), random);
        Some(Wish::Return { id, key, body })
    }

    fn admin_wish(&self, random: &mut Random) -> Option<Wish> {
        if random.chance(100) {
            let id = random.pick(&self.orders)?.id.clone();
            let if_match = random.chance(300).then(|| random.between(1, 3));
            return Some(Wish::Cancel { id, if_match });
        }
        let sku = self.some_sku(random)?;
        if random.chance(150) {
            let unit_price = random.between(1, 5) * 100;
            let sellable = random.chance(850);
            let if_match = random.chance(500).then(|| random.between(1, 4));
            let shards = random.chance(200).then(|| random.between(1, 6));
            return Some(Wish::Describe {
                sku,
                unit_price,
                sellable,
                if_match,
                shards: shards.and_then(|shards| u32::try_from(shards).ok()),
            });
        }
        let delta = if random.chance(700) {
            random.between(1, 8)
        } else {
            -random.between(1, 5)
        };
        let key = format!("count-{}", random.below(self.keys));
        Some(Wish::stock(&key, &sku, delta))
    }

    /// An order, usually the caller's own.
    fn some_order(&self, caller: &Caller, random: &mut Random) -> Option<String> {
        let order = if random.chance(900) {
            self.order_if(|order| order.owner == *caller, random)?
        } else {
            random.pick(&self.orders)?
        };
        Some(order.id.clone())
    }

    /// An order, usually one that clients know to be fit for what they want.
    fn some_order_if(
        &self,
        is_fit: impl Fn(&Placed) -> bool,
        random: &mut Random,
    ) -> Option<&Placed> {
        let fit = random.chance(850).then(|| self.order_if(is_fit, random));
        fit.flatten().or_else(|| random.pick(&self.orders))
    }

    /// A fit order, often the latest.
    fn order_if(&self, is_fit: impl Fn(&Placed) -> bool, random: &mut Random) -> Option<&Placed> {
        let fit: Vec<_> = self.orders.iter().filter(|order| is_fit(order)).collect();
        let is_latest = |order: &&&Placed| self.latest.as_ref() == Some(&order.id);
        let latest = fit.iter().find(is_latest);
        latest
            .filter(|_| random.chance(350))
            .or_else(|| random.pick(&fit))
            .copied()
    }

    fn some_sku(&self, random: &mut Random) -> Option<String> {
        let skus: Vec<_> = self.prices.keys().collect();
        random.pick(&skus).map(|sku| (*sku).clone())
    }
}

/// The body of a return. Sometimes it returns more than the order has.
fn return_of(order: &Placed, random: &mut Random) -> String {
    let mut lines = Vec::new();
    for (sku, quantity) in &order.lines {
        let back = if random.chance(850) {
            random.between(1, *quantity)
        } else {
            quantity + random.between(1, 2)
        };
        if lines.is_empty() || random.chance(600) {
            lines.push(json!({"sku": sku, "quantity": back}));
        }
    }
    if random.chance(30) {
        lines.push(json!({"sku": "NONE", "quantity": 1}));
    }
    json!({"lines": lines, "restock": random.chance(600)}).to_string()
}
