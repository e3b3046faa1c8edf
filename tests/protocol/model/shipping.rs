//! What DynamoDB does with goods that leave and come back: the transactions of `fulfil.rs` and
//! `returns.rs`.

use super::items::Table;
use super::mutation::Mutated;
use super::mutation::Mutation as M;
use super::record::{Intent, Record, Stamp, Standing};
use super::request::{Failed, Response};

impl Table {
    pub(super) fn fulfil(
        &mut self,
        key: u8,
        version: u8,
        parcel: u8,
        mutated: Mutated,
    ) -> Response {
        let place = usize::from(key);
        let Some(order) = self.orders[place] else {
            return Response::Failed(Failed::default());
        };
        let moves_stock = mutated != Some(M::FulfilWithoutStock);
        let any_version = mutated == Some(M::FulfilAtAnyVersion);
        let failed = Failed {
            order: (order.version != version && !any_version).then_some(order),
            effect: moves_stock && !self.has(order.lines(), |stock| stock.taken),
            ..Failed::default()
        };
        if failed.any() {
            return self.cancelled(failed);
        }
        if moves_stock {
            for (stock, quantity) in self.stock.iter_mut().zip(order.lines()) {
                stock.taken -= quantity;
                stock.shipped += quantity;
            }
        }
        self.witness.shipped[place] += 1;
        self.orders[place] = Some(Record {
            standing: Standing::Fulfilled,
            parcel: Some(parcel),
            version: order.version + 1,
            ..order
        });
        Response::Done
    }

    pub(super) fn take_back(
        &mut self,
        intent: Intent,
        by: Stamp,
        version: u8,
        mutated: Mutated,
    ) -> Response {
        let Intent::Return {
            key,
            order,
            lines,
            restock,
        } = intent
        else {
            return Response::Failed(Failed::default());
        };
        let (place, key) = (usize::from(order), usize::from(key));
        let Some(mut order) = self.orders[place] else {
            return Response::Failed(Failed::default());
        };
        let absent = mutated == Some(M::NoReturnCondition);
        let any_version = matches!(
            mutated,
            Some(M::ReturnAtAnyVersion | M::ReturnUnconditionally)
        );
        let any_stock = matches!(
            mutated,
            Some(M::NoShippedCondition | M::ReturnUnconditionally)
        );
        let failed = Failed {
            record: self.returns[key].filter(|_| !absent),
            order: (order.version != version && !any_version).then_some(order),
            effect: !any_stock && !self.has(lines, |stock| stock.shipped),
        };
        if failed.any() {
            return self.cancelled(failed);
        }
        let forgets_received = mutated == Some(M::WriteOffWithoutReceived);
        for (sku, (stock, quantity)) in self.stock.iter_mut().zip(lines).enumerate() {
            stock.shipped -= quantity;
            if restock {
                stock.available += quantity;
            } else if !forgets_received {
                stock.received -= quantity;
            }
            order.returned[sku] += quantity;
            self.witness.returned[place][sku] += quantity;
        }
        self.witness.returns[key] += 1;
        order.version += 1;
        self.orders[place] = Some(order);
        if mutated != Some(M::ReturnWithoutRecord) {
            self.put(Record::new(intent, by, Standing::Returned));
        }
        Response::Done
    }

    /// A transaction that was cancelled. Only a defect makes an order's stock fail alone.
    pub(super) fn cancelled(&mut self, failed: Failed) -> Response {
        self.witness.defect |= failed.effect && failed.record.is_none() && failed.order.is_none();
        Response::Failed(failed)
    }
}
