//! The table: linearizable items, conditional writes, and tokens. It is what `session.rs` sends, and
//! how DynamoDB applies it.

use super::items::Table;
use super::mutation::Mutated;
use super::mutation::Mutation as M;
use super::record::{Intent, Record, Stamp, Standing};
use super::request::{Call, Failed, Response, Token};

impl Table {
    /// Applies a request at one moment, all of it or nothing. A token that is not `recognised` was
    /// forgotten: its ten minutes are over.
    pub(super) fn serve(
        &mut self,
        call: Call,
        token: Token,
        recognised: bool,
        mutated: Mutated,
    ) -> Response {
        let known = self.tokens.iter().find(|(known, _)| *known == token);
        if let (true, Some((_, before))) = (recognised, known) {
            return if *before == call {
                Response::Done
            } else {
                Response::Mismatch
            };
        }
        let response = self.apply(call, mutated);
        if response == Response::Done && call.is_transaction() {
            self.tokens.push((token, call));
            self.tokens.sort_unstable();
            self.tokens.dedup();
        }
        response
    }

    fn apply(&mut self, call: Call, mutated: Mutated) -> Response {
        match call {
            Call::Make { intent, by } => self.make(intent, by, mutated),
            Call::Refuse { intent, by } => {
                let drops = mutated == Some(M::NoRefusalCondition);
                let standing = Standing::Refused;
                self.put_absent(Record::new(intent, by, standing), drops)
            }
            Call::Claim { intent, by } => {
                self.put_absent(Record::new(intent, by, Standing::Claimed), false)
            }
            Call::Confirm {
                key,
                version,
                payment,
            } => self.confirm(key, version, payment, mutated),
            Call::Release { key, version, to } => self.release(key, version, to, mutated),
            Call::Fulfil {
                key,
                version,
                parcel,
            } => self.fulfil(key, version, parcel, mutated),
            Call::Return {
                intent,
                by,
                version,
            } => self.take_back(intent, by, version, mutated),
            Call::Close { key, version, to } => self.close(key, version, to, mutated),
            Call::GiveBack { key } => {
                if self.can_give_back(key.into(), mutated) {
                    self.give_back(key.into());
                }
                Response::Done
            }
        }
    }

    fn put_absent(&mut self, record: Record, drops_condition: bool) -> Response {
        match self.record(record.intent) {
            Some(there) if !drops_condition => Response::Failed(Failed {
                record: Some(there),
                ..Failed::default()
            }),
            Some(_) | None => {
                self.put(record);
                Response::Done
            }
        }
    }

    fn make(&mut self, intent: Intent, by: Stamp, mutated: Mutated) -> Response {
        let there = self.record(intent).filter(|there| {
            let ours = there.standing == Standing::Claimed && there.by == by;
            !ours && mutated != Some(M::NoRecordCondition)
        });
        let failed = Failed {
            record: there,
            effect: !self.allows(intent, mutated),
            ..Failed::default()
        };
        if failed.any() {
            return Response::Failed(failed);
        }
        match intent {
            Intent::Order { lines, offer, .. } => {
                for (stock, quantity) in self.stock.iter_mut().zip(lines) {
                    stock.available -= quantity;
                    stock.taken += quantity;
                    self.witness.unseen_offer |= 0 < quantity && stock.offer != offer;
                }
                self.witness.made[intent.key()] += 1;
                self.put(Record::new(intent, by, Standing::Pending));
            }
            Intent::Adjustment { sku, delta, .. } => {
                let stock = &mut self.stock[usize::from(sku)];
                stock.available += delta;
                stock.received += delta;
                self.witness.moved[intent.key()] += 1;
                if mutated != Some(M::AdjustmentWithoutRecord) {
                    self.put(Record::new(intent, by, Standing::Adjusted));
                }
            }
            Intent::Return { .. } => panic!("a return is written at a version of its order"),
        }
        Response::Done
    }

    /// The effects' conditions: `TAKE_CONDITION` and `ADJUST_CONDITION`.
    fn allows(&self, intent: Intent, mutated: Mutated) -> bool {
        match intent {
            Intent::Order { lines, offer, .. } => {
                self.stock.iter().zip(lines).all(|(stock, quantity)| {
                    let no_stock_condition =
                        matches!(mutated, Some(M::NoStockCondition | M::LockForACondition));
                    let enough = quantity <= stock.available || no_stock_condition;
                    let seen = stock.offer == offer || mutated == Some(M::NoOfferCondition);
                    quantity == 0 || (enough && seen)
                })
            }
            Intent::Adjustment { sku, delta, .. } => {
                let available = self.stock[usize::from(sku)].available;
                -delta <= available || mutated == Some(M::NoAdjustmentCondition)
            }
            Intent::Return { .. } => panic!("a return is written at a version of its order"),
        }
    }

    fn confirm(&mut self, key: u8, version: u8, payment: u8, mutated: Mutated) -> Response {
        let place = usize::from(key);
        let Some(order) = self.orders[place] else {
            return Response::Failed(Failed::default());
        };
        let any_version = mutated == Some(M::ConfirmAtAnyVersion);
        let used = self.payments[usize::from(payment)].is_some_and(|order| order != key);
        let failed = Failed {
            order: (order.version != version && !any_version).then_some(order),
            effect: used && mutated != Some(M::NoPaymentCondition),
            ..Failed::default()
        };
        if failed.any() {
            return Response::Failed(failed);
        }
        self.payments[usize::from(payment)] = Some(key);
        self.witness.confirmed[place] += 1;
        self.witness.confirmed_and_released |= 0 < self.witness.released[place];
        self.orders[place] = Some(Record {
            standing: Standing::Confirmed,
            payment: Some(payment),
            version: order.version + 1,
            ..order
        });
        Response::Done
    }

    fn release(&mut self, key: u8, version: u8, to: Standing, mutated: Mutated) -> Response {
        let is_allocated = mutated != Some(M::ReleaseWithoutAllocation);
        let effect = is_allocated && !self.can_give_back(key.into(), mutated);
        let order = self.changed(key.into(), version, to, mutated);
        let failed = Failed {
            order,
            effect,
            ..Failed::default()
        };
        if failed.any() {
            return self.cancelled(failed);
        }
        let response = self.close(key, version, to, mutated);
        if response == Response::Done && is_allocated {
            self.give_back(key.into());
        }
        response
    }

    /// The order, if it is not as it was read.
    fn changed(&self, key: usize, version: u8, to: Standing, mutated: Mutated) -> Option<Record> {
        let any_version = match to {
            Standing::Expired => mutated == Some(M::ExpireAtAnyVersion),
            _ => matches!(
                mutated,
                Some(M::CancelAtAnyVersion | M::CancelUnconditionally)
            ),
        };
        self.orders[key].filter(|order| order.version != version && !any_version)
    }

    fn close(&mut self, key: u8, version: u8, to: Standing, mutated: Mutated) -> Response {
        let place = usize::from(key);
        let Some(order) = self.orders[place] else {
            return Response::Failed(Failed::default());
        };
        if let Some(order) = self.changed(place, version, to, mutated) {
            return Response::Failed(Failed {
                order: Some(order),
                ..Failed::default()
            });
        }
        let expired_after_confirmation =
            to == Standing::Expired && 0 < self.witness.confirmed[place];
        self.witness.confirmed_and_released |= expired_after_confirmation;
        self.orders[place] = Some(Record {
            standing: to,
            version: order.version + 1,
            ..order
        });
        Response::Done
    }

    /// The condition of a release: `RELEASE_CONDITION`.
    fn can_give_back(&self, key: usize, mutated: Mutated) -> bool {
        let any_stock = matches!(
            mutated,
            Some(M::NoTakenCondition | M::CancelUnconditionally)
        );
        let order = self.orders[key];
        any_stock || order.is_some_and(|order| self.has(order.lines(), |stock| stock.taken))
    }

    fn give_back(&mut self, key: usize) {
        let Some(order) = self.orders[key] else {
            return;
        };
        for (stock, quantity) in self.stock.iter_mut().zip(order.lines()) {
            stock.available += quantity;
            stock.taken -= quantity;
        }
        self.witness.released[key] += 1;
    }
}
