//! What an order does next: the rules of `placement.rs` and `collect.rs`.

use super::table::{Heard, Record, SHARDS, Shard, Table, Write};
use super::world::Rule;

/// How often an order collects before it gives up, which is no answer.
const COLLECTS: u8 = 4;

/// One customer's order, and its handler.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Buyer {
    pub(super) key: u8,
    pub(super) quantity: i8,
    pub(super) price: u8,
    /// How many shards its environment believes in.
    pub(super) hint: u8,
    pub(super) phase: Phase,
    /// Whether there were too few since the handler began, and whether shard 0 had other terms.
    pub(super) was_short: bool,
    pub(super) had_other_terms: bool,
    pub(super) collects: u8,
}

/// What one read of all shards found so far.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Found {
    pub(super) shards: [Option<Shard>; SHARDS],
    /// How many shards there are, as shard 0 says.
    pub(super) count: u8,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Phase {
    /// It is about to choose a shard.
    Choosing,
    /// It has sent a write.
    Waiting(Write),
    /// A shard other than shard 0 did not have it under its terms. It reads shard 0.
    ReadingFirst {
        shard: u8,
        own: Option<Shard>,
    },
    /// It reads all shards. `earlier` is what it found before.
    Collecting {
        found: Found,
        earlier: Option<Found>,
    },
    Placed,
    Refused,
    /// It gave up: 503.
    Busy,
}

impl Buyer {
    pub(super) const fn new(key: u8, quantity: i8, hint: u8) -> Self {
        Self {
            key,
            quantity,
            price: 0,
            hint,
            phase: Phase::Choosing,
            was_short: false,
            had_other_terms: false,
            collects: 0,
        }
    }

    pub(super) const fn at_new_price(mut self) -> Self {
        self.price = 1;
        self
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Placed | Phase::Refused | Phase::Busy)
    }

    /// Notes what is true now.
    pub(super) fn witness(&mut self, table: &Table) {
        self.was_short |= table.available() < self.quantity;
        self.had_other_terms |= table.shards[0].details != self.price;
    }

    /// Begins again, as after a crash.
    pub(super) fn restart(&mut self) {
        *self = Self {
            price: self.price,
            ..Self::new(self.key, self.quantity, self.hint)
        };
    }

    /// Sends its order to one shard.
    pub(super) fn choose(&mut self, to: u8) {
        self.take(to, [0; SHARDS]);
    }

    fn take(&mut self, to: u8, given: [i8; SHARDS]) {
        self.phase = Phase::Waiting(Write::Take {
            key: self.key,
            quantity: self.quantity,
            price: self.price,
            to,
            given,
        });
    }

    fn refuse(&mut self) {
        self.phase = Phase::Waiting(Write::Refuse { key: self.key });
    }

    fn collect(&mut self, earlier: Option<Found>) {
        self.collects += 1;
        self.phase = if self.collects <= COLLECTS {
            let found = Found::default();
            Phase::Collecting { found, earlier }
        } else {
            Phase::Busy
        };
    }

    /// What follows the answer to a write.
    pub(super) fn hear(&mut self, write: Write, heard: Heard, rule: Rule) {
        match (write, heard) {
            (Write::Take { .. }, Heard::Done)
            | (_, Heard::Before(Record::Placed { .. } | Record::Cancelled)) => {
                self.phase = Phase::Placed;
            }
            (Write::Refuse { .. }, Heard::Done) | (_, Heard::Before(Record::Refused)) => {
                self.phase = Phase::Refused;
            }
            (Write::Take { to, given, .. }, Heard::Failed(stock)) => {
                self.failed(to, given.iter().sum(), stock, rule);
            }
            _ => self.phase = Phase::Choosing,
        }
    }

    fn failed(&mut self, to: u8, given: i8, stock: Option<Shard>, rule: Rule) {
        let terms = stock.is_some_and(|stock| stock.details == self.price);
        let first = to == 0;
        let by_itself = first || rule == Rule::ShardRefusesByItself;
        if rule == Rule::RefusesOnOneShard || (!terms && by_itself) {
            self.refuse();
        } else if terms {
            let short = stock.is_some_and(|it| it.available < self.quantity - given);
            if first && short && self.hint == 1 && rule == Rule::HintForTruth {
                self.refuse();
            } else {
                self.collect(None);
            }
        } else {
            self.phase = Phase::ReadingFirst {
                shard: to,
                own: stock,
            };
        }
    }

    /// What follows a strong read of shard 0.
    pub(super) fn read_first(&mut self, shard: u8, own: Option<Shard>, table: &Table) {
        let Some(first) = table.read(0) else { return };
        self.hint = table.count;
        match own {
            Some(own) if shard < table.count && own.details < first.details => {
                let details = first.details;
                self.phase = Phase::Waiting(Write::Follow { shard, details });
            }
            Some(own) if own.details == first.details && first.details != self.price => {
                self.refuse();
            }
            _ => self.phase = Phase::Choosing,
        }
    }

    /// Reads the next shard of a collect, in their order.
    pub(super) fn read_next(&mut self, table: &Table, rule: Rule) {
        let Phase::Collecting { mut found, earlier } = self.phase else {
            return;
        };
        let next = found.shards.iter().flatten().count();
        found.shards[next] = table.read(u8::try_from(next).unwrap());
        if next == 0 {
            let known = rule == Rule::HintForTruth;
            found.count = if known { self.hint } else { table.count };
            self.hint = found.count;
        }
        if next + 1 < usize::from(found.count) {
            self.phase = Phase::Collecting { found, earlier };
        } else {
            self.judge(found, earlier, rule);
        }
    }

    fn judge(&mut self, found: Found, earlier: Option<Found>, rule: Rule) {
        let read = || (0_u8..).zip(found.shards.iter().flatten());
        if found.shards[0].is_some_and(|first| first.details != self.price) {
            return self.refuse();
        }
        if let Some((shard, _)) = read().find(|(_, shard)| self.quantity <= shard.available) {
            return self.take(shard, [0; SHARDS]);
        }
        let (to, fullest) = read()
            .max_by_key(|(number, shard)| (shard.available, u8::MAX - number))
            .unwrap();
        let mut missing = self.quantity - fullest.available;
        let mut given = [0; SHARDS];
        for (donor, shard) in read().filter(|(donor, _)| *donor != to) {
            let pieces = missing.min(shard.available);
            given[usize::from(donor)] = pieces;
            missing -= pieces;
        }
        if missing <= 0 {
            return self.take(to, given);
        }
        let sum: i8 = match rule {
            Rule::AvailableJudged => read().map(|(_, shard)| shard.available).sum(),
            _ => read().map(|(_, shard)| shard.unsold()).sum(),
        };
        let versions = |found: &Found| found.shards.map(|shard| shard.map(|it| it.version));
        let proved = rule == Rule::OneCollect
            || earlier.is_some_and(|earlier| versions(&earlier) == versions(&found));
        if proved && sum < self.quantity {
            self.refuse();
        } else {
            self.collect(Some(found));
        }
    }
}
