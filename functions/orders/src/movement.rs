//! Plans the attempts of an adjustment: which shards it moves, and when it is refused.
//!
//! What comes in goes to one shard, and is spread afterwards. What is lost is taken from
//! one shard, or from several in the same transaction. A product of which nothing is known
//! is taken for one of a single shard, and the condition finds out if that is wrong.

use once::{
    Effect, FailedEffect, Intent, Item, Plan, Planned, Session, Unsettled, disagreement, number,
    number_of,
};

use crate::collect::collect;
use crate::hints::{Hints, spread};
use crate::product::{SHARD, Sku, stock_key};
use crate::search::{Found, Search};
use crate::shard::shards_of;

/// Adds stock to a shard, or takes it away …
const ADJUST: &str =
    "SET available = available + :d, received = received + :d, version = version + :one";

/// … if there is such a product, it has no other shards, and its stock stays at 0 or more.
/// A condition cannot compute `available + :d`, so it compares with `-:d`.
const SINGLE_CONDITION: &str =
    "attribute_exists(pk) AND attribute_not_exists(shards) AND available >= :minus_d";

/// … or if there is such a shard, and its stock stays at 0 or more.
const SHARD_CONDITION: &str = "attribute_exists(pk) AND available >= :minus_d";

/// Why an adjustment is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Obstacle {
    /// There is no such product.
    UnknownProduct,
    /// It has only so many.
    TooFew(i64),
}

/// Makes the record of a refusal.
pub(crate) type Refuse<'plan> = dyn FnMut(Obstacle) -> Option<Item> + Send + Sync + 'plan;

/// An adjustment that is being made.
pub(crate) struct Movement<'plan> {
    sku: &'plan Sku,
    delta: i64,
    /// A name by which what comes in chooses its shard.
    name: &'plan str,
    hints: &'plan Hints,
    refuse: Box<Refuse<'plan>>,
    intent: Intent,
    /// How many shards the product has, by what the intent assumes.
    shards: u32,
}

impl<'plan> Movement<'plan> {
    /// Plans the first attempt. `refuse` makes the record of a refusal.
    pub(crate) fn new(
        session: &Session<'_>,
        (sku, delta, name): (&'plan Sku, i64, &'plan str),
        record: Item,
        hints: &'plan Hints,
        refuse: Box<Refuse<'plan>>,
    ) -> Self {
        let mut movement = Self {
            sku,
            delta,
            name,
            hints,
            refuse,
            intent: Intent {
                record,
                effects: Vec::new(),
            },
            shards: 1,
        };
        let now = session.world().machine_now();
        let shards = hints.shards(sku.as_str(), now).unwrap_or(1);
        movement.plan(shards);
        movement
    }

    /// The shard that it moves first.
    pub(crate) fn shard(&self) -> u32 {
        if self.shards == 1 {
            return SHARD;
        }
        let shards: Vec<u32> = (0..self.shards).collect();
        spread(&shards, self.name, 0)
    }

    /// How many shards what came in is to be spread over, and from which one.
    pub(crate) fn to_spread(&self) -> Option<(u32, u32)> {
        (1 < self.shards && self.delta.is_positive()).then(|| (self.shards, self.shard()))
    }

    /// Plans to move one shard of so many.
    fn plan(&mut self, shards: u32) {
        self.shards = shards;
        let condition = match shards {
            1 => SINGLE_CONDITION,
            _ => SHARD_CONDITION,
        };
        self.intent.effects = vec![self.effect(self.shard(), self.delta, condition)];
    }

    fn effect(&self, shard: u32, delta: i64, condition: &'static str) -> Effect {
        Effect {
            key: stock_key(self.sku, shard),
            update: ADJUST,
            condition: condition.into(),
            names: &[],
            values: Item::from([
                (":d".to_owned(), number(delta)),
                (":minus_d".to_owned(), number(-delta)),
                (":one".to_owned(), number(1)),
            ]),
        }
    }

    fn refusal(&mut self, session: &Session<'_>, obstacle: Obstacle) -> Result<Planned, Unsettled> {
        let refusal = (self.refuse)(obstacle).ok_or_else(|| disagreement(session));
        refusal.map(Planned::Refusal)
    }

    /// Plans to take what is lost from the shards that have it, or refuses.
    async fn find(&mut self, session: &Session<'_>) -> Result<Planned, Unsettled> {
        let quantity = -self.delta;
        let mut search = Search::default();
        loop {
            let Some(read) = collect(session, self.sku, self.shards).await? else {
                return self.refusal(session, Obstacle::UnknownProduct);
            };
            self.shards = shards_of(&read.product);
            match search.look(session, read, quantity, 0).await? {
                Found::Source(source) => {
                    let first = (source.shard, quantity - source.given());
                    let all = std::iter::once(first).chain(source.donors);
                    let effects =
                        all.map(|(shard, pieces)| self.effect(shard, -pieces, SHARD_CONDITION));
                    self.intent.effects = effects.collect();
                    return Ok(Planned::Attempt);
                }
                Found::TooFew { left, .. } => {
                    return self.refusal(session, Obstacle::TooFew(left));
                }
                Found::Nothing => {}
            }
        }
    }
}

impl Plan for Movement<'_> {
    fn intent(&self) -> &Intent {
        &self.intent
    }

    fn take_record(&mut self) -> Item {
        std::mem::take(&mut self.intent.record)
    }

    async fn met_another(&mut self, _: &Session<'_>) -> Result<bool, Unsettled> {
        Ok(false)
    }

    async fn failed(
        &mut self,
        session: &Session<'_>,
        failed: &[FailedEffect],
    ) -> Result<Planned, Unsettled> {
        let was_single = self.shards == 1;
        let returned = failed.first().filter(|_| was_single);
        let returned = returned.and_then(|effect| effect.item.clone());
        let product = if returned.is_some() {
            returned
        } else {
            let read = session.read_all(vec![stock_key(self.sku, SHARD)]).await?;
            let Some(item) = read.into_iter().next() else {
                return self.refusal(session, Obstacle::UnknownProduct);
            };
            // The answer left it out, or it came between the write and the read.
            Some(item).filter(|item| 1 < shards_of(item))
        };
        let Some(product) = product else {
            self.plan(1);
            return Ok(Planned::Attempt);
        };
        let shards = shards_of(&product);
        let now = session.world().machine_now();
        self.hints.learn(self.sku.as_str(), shards, now);
        if shards == 1 {
            let available = number_of(&product, "available");
            let available = available.ok_or_else(|| disagreement(session))?;
            if (available + self.delta).is_negative() {
                return self.refusal(session, Obstacle::TooFew(available));
            }
            return Err(disagreement(session));
        }
        let had = self.shards;
        self.shards = shards;
        if self.delta.is_positive() || had != shards {
            self.plan(shards);
            return Ok(Planned::Attempt);
        }
        self.find(session).await
    }
}
