//! The items of the model, and the writes that change them.

/// How many shards there can be.
pub(super) const SHARDS: usize = 3;

/// How many idempotency keys there are.
pub(super) const KEYS: usize = 3;

/// One shard of the product. Its price is the version of its terms.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Shard {
    pub(super) available: i8,
    pub(super) taken: i8,
    pub(super) received: i8,
    pub(super) levelled: i8,
    pub(super) version: i8,
    pub(super) details: u8,
}

impl Shard {
    /// What no move changes.
    pub(super) const fn unsold(self) -> i8 {
        self.received - self.taken
    }
}

/// The record under a key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Record {
    Placed { shard: u8, quantity: i8 },
    Cancelled,
    Refused,
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Table {
    pub(super) shards: Vec<Shard>,
    /// How many shards there are, as shard 0 says. More may have been made.
    pub(super) count: u8,
    pub(super) records: [Option<Record>; KEYS],
    /// The shard that still shows what it was before the last move.
    pub(super) torn: Option<(u8, Shard)>,
    /// The newest terms whose description was answered.
    pub(super) answered: u8,
    /// How many stock effects each key had.
    pub(super) effects: [u8; KEYS],
    pub(super) sold_old: bool,
}

/// A write, sent by a handler.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Write {
    /// Places an order: from shard `to`, with these pieces of the others.
    Take {
        key: u8,
        quantity: i8,
        price: u8,
        to: u8,
        given: [i8; SHARDS],
    },
    Refuse {
        key: u8,
    },
    Cancel {
        key: u8,
    },
    Move {
        from: u8,
        to: u8,
    },
    Make {
        shard: u8,
    },
    /// The terms of shard 0, at their version.
    Describe {
        base: u8,
        shards: u8,
    },
    Follow {
        shard: u8,
        details: u8,
    },
}

/// What a handler hears.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Heard {
    Done,
    /// A record stands under the key.
    Before(Record),
    /// A condition failed, and this is the shard from which the order wanted to take.
    Failed(Option<Shard>),
}

/// A condition or an attribute that a wrong variant of the protocol leaves out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Forgotten {
    Nothing,
    DonorsCondition,
    Levelled,
    FollowCondition,
    RecordCondition,
}

impl Table {
    pub(super) fn new(shards: Vec<Shard>) -> Self {
        Self {
            count: u8::try_from(shards.len()).unwrap(),
            shards,
            ..Self::default()
        }
    }

    /// The table with an order of one piece that was placed before.
    pub(super) fn with_order(mut self, key: u8, shard: u8) -> Self {
        let quantity = 1;
        self.records[usize::from(key)] = Some(Record::Placed { shard, quantity });
        let stock = &mut self.shards[usize::from(shard)];
        stock.available -= 1;
        stock.taken += 1;
        self
    }

    pub(super) fn available(&self) -> i8 {
        self.shards.iter().map(|shard| shard.available).sum()
    }

    /// A strong read of one shard. It may show the last move half.
    pub(super) fn read(&self, shard: u8) -> Option<Shard> {
        match self.torn {
            Some((torn, before)) if torn == shard => Some(before),
            _ => self.shards.get(usize::from(shard)).copied(),
        }
    }

    fn shard(&self, shard: u8) -> Option<&Shard> {
        self.shards.get(usize::from(shard))
    }

    fn change(&mut self, shard: u8, change: impl FnOnce(&mut Shard)) {
        change(&mut self.shards[usize::from(shard)]);
    }

    /// Applies a write. `torn`: the shard that shows it later than the others.
    pub(super) fn apply(&mut self, write: Write, torn: Option<u8>, forgotten: Forgotten) -> Heard {
        let before = self.clone();
        let heard = self.applied(write, forgotten);
        if heard == Heard::Done {
            let late = torn.and_then(|shard| Some((shard, *before.shard(shard)?)));
            self.torn = late;
        } else {
            *self = before;
        }
        heard
    }

    fn applied(&mut self, write: Write, forgotten: Forgotten) -> Heard {
        match write {
            Write::Take { key, .. } | Write::Refuse { key } => {
                let record = self.records[usize::from(key)];
                if let Some(record) = record.filter(|_| forgotten != Forgotten::RecordCondition) {
                    return Heard::Before(record);
                }
                if matches!(write, Write::Refuse { .. }) {
                    self.records[usize::from(key)] = Some(Record::Refused);
                    return Heard::Done;
                }
                self.take(write, forgotten)
            }
            Write::Cancel { key } => {
                let Some(Record::Placed { shard, quantity }) = self.records[usize::from(key)]
                else {
                    return Heard::Failed(None);
                };
                self.records[usize::from(key)] = Some(Record::Cancelled);
                self.change(shard, |stock| {
                    stock.available += quantity;
                    stock.taken -= quantity;
                    stock.version += 1;
                });
                Heard::Done
            }
            Write::Move { from, to } => {
                if self.shard(to).is_none() || !self.gives(from, 1, forgotten) {
                    return Heard::Failed(None);
                }
                self.change(to, |stock| {
                    stock.available += 1;
                    stock.levelled += 1;
                    stock.version += 1;
                });
                Heard::Done
            }
            Write::Make { shard } => {
                if usize::from(shard) == self.shards.len() {
                    self.shards.push(Shard::default());
                }
                Heard::Done
            }
            Write::Describe { base, shards } => {
                if self.shards[0].details != base {
                    return Heard::Failed(self.shard(0).copied());
                }
                self.shards[0].details += 1;
                self.count = shards;
                Heard::Done
            }
            Write::Follow { shard, details } => {
                if self.shards[usize::from(shard)].details < details
                    || forgotten == Forgotten::FollowCondition
                {
                    self.shards[usize::from(shard)].details = details;
                }
                Heard::Done
            }
        }
    }

    fn take(&mut self, write: Write, forgotten: Forgotten) -> Heard {
        let Write::Take {
            key,
            quantity,
            price,
            to,
            given,
        } = write
        else {
            return Heard::Failed(None);
        };
        let from_others: i8 = given.iter().sum();
        let Some(stock) = self.shard(to).copied() else {
            return Heard::Failed(None);
        };
        if stock.details != price || stock.available < quantity - from_others {
            return Heard::Failed(Some(stock));
        }
        for (donor, pieces) in (0..).zip(given) {
            if pieces != 0 && !self.gives(donor, pieces, forgotten) {
                return Heard::Failed(Some(stock));
            }
        }
        self.change(to, |stock| {
            stock.available += from_others - quantity;
            stock.taken += quantity;
            stock.version += 1;
            if forgotten != Forgotten::Levelled {
                stock.levelled += from_others;
            }
        });
        let place = usize::from(key);
        self.records[place] = Some(Record::Placed {
            shard: to,
            quantity,
        });
        self.effects[place] += 1;
        self.sold_old |= stock.details < self.answered;
        Heard::Done
    }

    fn gives(&mut self, shard: u8, pieces: i8, forgotten: Forgotten) -> bool {
        let has = self
            .shard(shard)
            .is_some_and(|stock| pieces <= stock.available);
        if !has && forgotten != Forgotten::DonorsCondition {
            return false;
        }
        self.change(shard, |stock| {
            stock.available -= pieces;
            stock.levelled -= pieces;
            stock.version += 1;
        });
        true
    }
}
