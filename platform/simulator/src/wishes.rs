//! What each client wants next. It is chosen at random, from what all clients know.

use std::collections::BTreeMap;

use serde_json::json;
use shared::caller::Caller;

use super::history::Wish;
use super::random::Random;

/// What the clients of a world know together.
#[derive(Default)]
pub(crate) struct Known {
    /// The products, and the prices that clients believe they have.
    pub(crate) prices: BTreeMap<String, i64>,
    /// By customer and key: the body that was sent first.
    bodies: BTreeMap<(String, String), String>,
    /// The orders that were placed, with their customers.
    pub(crate) orders: Vec<(String, Caller)>,
    /// The writes that have no definitive answer yet.
    pub(crate) pending: Vec<(Caller, Wish)>,
    /// How many wishes are left.
    pub(crate) wishes_left: usize,
    /// How many keys customers use.
    keys: u64,
}

/// What a client does in the shop.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Customer,
    Payments,
    Admin,
}

impl Known {
    /// What clients know at first. `operations` is how many wishes they will have together.
    pub(crate) fn new(operations: usize) -> Self {
        Self {
            keys: u64::try_from(operations / 8).unwrap_or_default().max(2),
            ..Self::default()
        }
    }

    /// The next wish of a client, if it finds anything to want.
    pub(crate) fn wish(
        &mut self,
        role: Role,
        caller: &Caller,
        random: &mut Random,
    ) -> Option<Wish> {
        match role {
            Role::Customer => self.customer_wish(caller, random),
            Role::Payments => self.payment_wish(random),
            Role::Admin => self.admin_wish(random),
        }
    }

    fn customer_wish(&mut self, caller: &Caller, random: &mut Random) -> Option<Wish> {
        match random.below(100) {
            0..60 => self.place(caller, random),
            60..80 => {
                let (id, _) = self.some_order(caller, random)?;
                let if_match = random.chance(300).then(|| random.between(1, 2));
                Some(Wish::Cancel { id, if_match })
            }
            80..88 => self
                .some_order(caller, random)
                .map(|(id, _)| Wish::ReadOrder { id }),
            88..94 => Some(Wish::ListOrders),
            _ => self.some_sku(random).map(|sku| Wish::ReadProduct { sku }),
        }
    }

    fn place(&mut self, caller: &Caller, random: &mut Random) -> Option<Wish> {
        let key = format!("key-{}", random.below(self.keys));
        let name = (format!("{}#{}", caller.issuer, caller.sub), key.clone());
        let fresh = self.body(random)?;
        let first = self.bodies.entry(name).or_insert_with(|| fresh.clone());
        // Sometimes a customer uses a key for another order.
        let body = if random.chance(120) {
            fresh
        } else {
            first.clone()
        };
        Some(Wish::Place { key, body })
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
        Some(json!({"currency": "KRW", "lines": lines}).to_string())
    }

    fn payment_wish(&self, random: &mut Random) -> Option<Wish> {
        let (id, _) = random.pick(&self.orders)?.clone();
        let reference = if random.chance(800) {
            format!("payment-of-{id}")
        } else {
            format!("payment-{}", random.below(3))
        };
        let if_match = random.chance(150).then(|| random.between(1, 2));
        Some(Wish::Confirm {
            id,
            reference,
            if_match,
        })
    }

    fn admin_wish(&self, random: &mut Random) -> Option<Wish> {
        let sku = self.some_sku(random)?;
        if random.chance(150) {
            let unit_price = random.between(1, 5) * 100;
            let sellable = random.chance(850);
            let if_match = random.chance(500).then(|| random.between(1, 4));
            return Some(Wish::Describe {
                sku,
                unit_price,
                sellable,
                if_match,
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
    fn some_order(&self, caller: &Caller, random: &mut Random) -> Option<(String, Caller)> {
        let own: Vec<_> = self
            .orders
            .iter()
            .filter(|(_, owner)| owner == caller)
            .collect();
        if random.chance(900) {
            random.pick(&own).map(|order| (*order).clone())
        } else {
            random.pick(&self.orders).cloned()
        }
    }

    fn some_sku(&self, random: &mut Random) -> Option<String> {
        let skus: Vec<_> = self.prices.keys().collect();
        random.pick(&skus).map(|sku| (*sku).clone())
    }
}
