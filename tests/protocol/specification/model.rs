//! The specification: what the API should do, as simply as possible.

use std::collections::BTreeMap;

use super::action::{Amount, Extras, Which};

#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) price: i64,
    pub(super) sellable: bool,
    pub(super) quantity_max: Option<i64>,
    pub(super) details_version: i64,
    pub(super) available: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) customer: usize,
    pub(super) lines: BTreeMap<usize, i64>,
    pub(super) status: &'static str,
    pub(super) version: i64,
    pub(super) payment: Option<u8>,
    pub(super) parcel: Option<u8>,
    /// What came back of it.
    pub(super) returned: BTreeMap<usize, i64>,
    pub(super) total: i64,
    pub(super) extras: Extras,
    /// When it was placed, as its answer says.
    pub(super) created_at: String,
    pub(super) placed_at_step: i64,
}

impl Order {
    /// The day on which it was placed.
    pub(super) fn day(&self) -> &str {
        self.created_at.split('T').next().unwrap()
    }
}

/// The first answer under a key, and the request that it was for.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) request: String,
    pub(super) status: u16,
    pub(super) body: String,
}

/// What the API should do.
#[derive(Default)]
pub(super) struct Specification {
    pub(super) products: BTreeMap<usize, Product>,
    pub(super) orders: Vec<Order>,
    pub(super) decided: BTreeMap<(String, u8), Decided>,
    pub(super) payments: BTreeMap<u8, String>,
    pub(super) step: i64,
}

/// An expected answer: its status, and the reason if it is a problem.
pub(super) type Expected = (u16, &'static str);

impl Specification {
    pub(super) fn describe(
        &mut self,
        sku: usize,
        price: i64,
        sellable: bool,
        quantity_max: Option<i64>,
        if_match: Option<i64>,
    ) -> Expected {
        let there = self.products.get(&sku);
        if let Some(version) = if_match {
            let Some(product) = there else {
                return (412, "has-changed");
            };
            if product.details_version != version {
                let same = product.price == price
                    && product.sellable == sellable
                    && product.quantity_max == quantity_max;
                let repeated = same && product.details_version == version + 1;
                return if repeated {
                    (200, "")
                } else {
                    (412, "has-changed")
                };
            }
        }
        let status = if there.is_some() { 200 } else { 201 };
        let product = self.products.entry(sku).or_insert(Product {
            price,
            sellable,
            quantity_max,
            details_version: 0,
            available: 0,
        });
        product.price = price;
        product.sellable = sellable;
        product.quantity_max = quantity_max;
        product.details_version += 1;
        (status, "")
    }

    pub(super) fn adjust(&mut self, sku: usize, delta: i64) -> Expected {
        let Some(product) = self.products.get_mut(&sku) else {
            return (422, "unknown-product");
        };
        if product.available + delta < 0 {
            return (409, "stock-would-be-negative");
        }
        product.available += delta;
        (201, "")
    }

    pub(super) fn place(&mut self, lines: &BTreeMap<usize, i64>, price: i64) -> Expected {
        let reasons = [
            "unknown-product",
            "not-for-sale",
            "price-changed",
            "quantity-exceeds-limit",
            "out-of-stock",
        ];
        let rank = |(sku, quantity): (&usize, &i64)| match self.products.get(sku) {
            None => Some(0),
            Some(product) if !product.sellable => Some(1),
            Some(product) if product.price != price => Some(2),
            Some(product) if product.quantity_max.is_some_and(|most| most < *quantity) => Some(3),
            Some(product) if product.available < *quantity => Some(4),
            Some(_) => None,
        };
        if let Some(worst) = lines.iter().filter_map(rank).min() {
            return (if worst == 0 { 422 } else { 409 }, reasons[worst]);
        }
        for (sku, quantity) in lines {
            self.products.get_mut(sku).unwrap().available -= quantity;
        }
        (201, "")
    }

    pub(super) fn release(&mut self, order: usize, status: &'static str) {
        let order = &mut self.orders[order];
        order.status = status;
        order.version += 1;
        for (sku, quantity) in &order.lines {
            self.products.get_mut(sku).unwrap().available += quantity;
        }
    }

    pub(super) fn confirm(
        &mut self,
        index: usize,
        payment: u8,
        amount: Amount,
        if_match: Option<i64>,
    ) -> Expected {
        let order = &mut self.orders[index];
        match (order.payment, order.status) {
            (Some(paid_by), _) if paid_by == payment => return (200, ""),
            (Some(_), _) => return (409, "already-confirmed"),
            (None, "cancelled") => return (409, "cancelled-unpaid"),
            (None, "expired") => return (410, "expired-unpaid"),
            (None, _) => {}
        }
        match amount {
            Amount::Unsaid | Amount::Total { more: 0 } => {}
            Amount::Total { .. } | Amount::OtherCurrency => return (409, "amount-differs"),
        }
        if if_match.is_some_and(|version| version != order.version) {
            return (412, "has-changed");
        }
        if self
            .payments
            .get(&payment)
            .is_some_and(|other| *other != order.id)
        {
            return (409, "payment-reference-used");
        }
        self.payments.insert(payment, order.id.clone());
        order.status = "confirmed";
        order.payment = Some(payment);
        order.version += 1;
        (200, "")
    }

    pub(super) fn fulfil(&mut self, index: usize, parcel: u8, if_match: Option<i64>) -> Expected {
        let order = &mut self.orders[index];
        match order.status {
            "fulfilled" if order.parcel == Some(parcel) => return (200, ""),
            "fulfilled" => return (409, "already-fulfilled"),
            "pending" => return (409, "order-not-confirmed"),
            "cancelled" => return (409, "order-cancelled"),
            "expired" => return (410, "order-expired"),
            _ => {}
        }
        if if_match.is_some_and(|version| version != order.version) {
            return (412, "has-changed");
        }
        order.status = "fulfilled";
        order.parcel = Some(parcel);
        order.version += 1;
        (200, "")
    }

    pub(super) fn take_back(
        &mut self,
        index: usize,
        lines: &BTreeMap<usize, i64>,
        restock: bool,
    ) -> Expected {
        let order = &mut self.orders[index];
        if order.status != "fulfilled" {
            return (409, "order-not-fulfilled");
        }
        let of = |goods: &BTreeMap<usize, i64>, sku| goods.get(sku).copied().unwrap_or(0);
        let out = |sku| of(&order.lines, sku) - of(&order.returned, sku);
        if lines.iter().any(|(sku, quantity)| out(sku) < *quantity) {
            return (409, "exceeds-shipped");
        }
        for (sku, quantity) in lines {
            *order.returned.entry(*sku).or_insert(0) += quantity;
            if restock {
                self.products.get_mut(sku).unwrap().available += quantity;
            }
        }
        order.version += 1;
        (201, "")
    }

    /// The orders of a list, in no particular order.
    pub(super) fn list(&self, which: Which, status: Option<&str>) -> Vec<&Order> {
        let is_listed = |order: &&Order| match which {
            Which::Own(customer) | Which::Of(customer) => order.customer == customer,
            Which::OnDayOf(other) => order.day() == self.orders[other].day(),
        };
        let orders = self.orders.iter().filter(is_listed);
        orders
            .filter(|order| status.is_none_or(|status| order.status == status))
            .collect()
    }

    /// Cancels an order for its customer, or for staff if there is no customer.
    pub(super) fn cancel(
        &mut self,
        customer: Option<usize>,
        index: usize,
        if_match: Option<i64>,
    ) -> Expected {
        let order = &self.orders[index];
        if customer.is_some_and(|customer| order.customer != customer) {
            return (404, "not-found");
        }
        match order.status {
            "cancelled" => return (200, ""),
            "fulfilled" => return (409, "order-fulfilled"),
            "expired" => return (410, "order-expired"),
            _ => {}
        }
        if if_match.is_some_and(|version| version != order.version) {
            return (412, "has-changed");
        }
        self.release(index, "cancelled");
        (200, "")
    }

    pub(super) fn sweep(&mut self) -> i64 {
        let overdue =
            |order: &Order| order.status == "pending" && order.placed_at_step + 3 <= self.step;
        let overdue: Vec<_> = (0..self.orders.len())
            .filter(|index| overdue(&self.orders[*index]))
            .collect();
        for index in &overdue {
            self.release(*index, "expired");
        }
        i64::try_from(overdue.len()).unwrap()
    }
}
