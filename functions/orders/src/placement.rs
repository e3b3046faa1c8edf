//! Plans the attempts of an order: from which shard each line is taken, and when the order
//! is refused.
//!
//! An order takes each line from one shard. What its environment knows decides which one,
//! and an order of which nothing is known takes shard 0. If that fails:
//!
//! ```text
//! met another write             another shard
//! shard 0: terms not met        refused
//! shard 0: short, the only one  refused
//! any of several: short         read all of them: another, or several, or refused
//! another: terms not met        it may be behind shard 0: read that one, and follow it
//! ```
//!
//! A shard that is short does not mean that the product is sold out, and a shard other than
//! shard 0 never refuses an order by itself.

use jiff::Timestamp;
use once::{FailedEffect, Intent, Item, Plan, Planned, Session, Unsettled, disagreement};

use crate::collect::{Source, collect};
use crate::draft::{Draft, Line};
use crate::error::Error;
use crate::hints::{Hints, SoldOut};
use crate::level;
use crate::order::Order;
use crate::product::{SHARD, Sku, stock_key};
use crate::read::parse_product;
use crate::record::item_of;
use crate::roll;
use crate::search::{Found, Search};
use crate::shard::{Shard, shards_of};
use crate::shortfall::{Judged, Shortfall, judge};
use crate::take::{Part, take};

/// The most actions of one transaction.
const ACTIONS_MAX: usize = 100;

/// What is refused of an order, and the record that says so.
pub(crate) type Refuse<'plan> =
    dyn FnMut(&[(Shortfall, &Line)]) -> Option<Item> + Send + Sync + 'plan;

/// An order that is being placed.
pub(crate) struct Placement<'plan> {
    draft: &'plan Draft,
    order: &'plan Order,
    hints: &'plan Hints,
    refuse: Box<Refuse<'plan>>,
    /// From where each line is taken.
    sources: Vec<Source>,
    /// What each effect of the intent is for.
    parts: Vec<Part>,
    intent: Intent,
    attempt: u32,
}

/// What a failed part means for its line.
enum Meaning {
    /// The line cannot be had.
    Refused(Shortfall),
    /// Its shard has too few. Other shards may have more.
    Short,
    /// Something has changed since. Another attempt may succeed.
    Again,
}

impl<'plan> Placement<'plan> {
    /// Plans the first attempt. `refuse` makes the record of a refusal.
    ///
    /// # Errors
    /// The order cannot be written as an item: a defect.
    pub(crate) fn new(
        draft: &'plan Draft,
        order: &'plan Order,
        hints: &'plan Hints,
        now: Timestamp,
        refuse: Box<Refuse<'plan>>,
    ) -> Result<Self, Error> {
        let mut placement = Self {
            draft,
            order,
            hints,
            refuse,
            sources: Vec::new(),
            parts: Vec::new(),
            intent: Intent {
                record: Item::new(),
                effects: Vec::new(),
            },
            attempt: 0,
        };
        let lines = draft.lines.iter();
        placement.sources = lines
            .map(|line| Source::of(placement.shard_for(line, now)))
            .collect();
        placement.compose()?;
        Ok(placement)
    }

    /// The shards that the next attempt takes from, by product.
    pub(crate) fn shards(&self) -> Vec<(&'plan str, u32)> {
        let lines = self.draft.lines.iter().zip(&self.sources);
        lines
            .map(|(line, source)| (line.sku.as_str(), source.shard))
            .collect()
    }

    /// The record of a refusal of all lines, if each of their products was proved to be
    /// sold out a moment ago.
    pub(crate) fn refused_from_memory(&mut self, now: Timestamp) -> Option<Item> {
        let mut shortfalls = Vec::with_capacity(self.draft.lines.len());
        for line in &self.draft.lines {
            let SoldOut { left, product } = self.hints.sold_out(line.sku.as_str(), now)?;
            match judge(line, self.draft, &product, 0)? {
                Judged::Met if left < line.quantity => {}
                Judged::Met | Judged::Short { .. } | Judged::Refused(_) => return None,
            }
            shortfalls.push((Shortfall::OutOfStock { available: left }, line));
        }
        (self.refuse)(&shortfalls)
    }

    fn shard_for(&self, line: &Line, now: Timestamp) -> u32 {
        let sku = line.sku.as_str();
        self.hints.choose(sku, self.order.id(), self.attempt, now)
    }

    /// Makes the intent from the sources.
    fn compose(&mut self) -> Result<(), Error> {
        let shards = self.sources.iter().map(|source| source.shard);
        // An order is made as one of shard 0 only.
        let record = if shards.clone().all(|shard| shard == SHARD) {
            item_of(self.order)?
        } else {
            item_of(&self.order.clone().taken_from(shards))?
        };
        let lines = self.draft.lines.iter().zip(&self.sources).enumerate();
        let taken = lines.flat_map(|(place, (line, source))| take(place, line, self.draft, source));
        let (parts, effects) = taken.unzip();
        self.parts = parts;
        self.intent = Intent { record, effects };
        Ok(())
    }

    /// Makes the intent of another attempt.
    fn plan_again(&mut self) -> Result<Planned, Unsettled> {
        let composed = self.compose();
        composed.map_err(|error| Unsettled::Invalid(error.to_string()))?;
        Ok(Planned::Attempt)
    }

    /// What it means that a part of the last attempt failed. `None`: it did not fail by
    /// what the item says, which is a defect.
    async fn meaning(
        &self,
        session: &Session<'_>,
        part: Part,
        item: Option<&Item>,
    ) -> Result<Option<Meaning>, Unsettled> {
        let Part::Take { line, shard, least } = part else {
            // A donor has fewer pieces than it had. It says nothing about the line.
            return Ok(Some(Meaning::Short));
        };
        let Some(line) = self.draft.lines.get(line) else {
            return Ok(None);
        };
        let (sku, now) = (line.sku.as_str(), session.world().machine_now());
        let judged = item.map(|item| judge(line, self.draft, item, least));
        if shard == SHARD {
            let Some(item) = item else {
                let read = session.read_all(vec![stock_key(&line.sku, SHARD)]).await?;
                return Ok(Some(if read.is_empty() {
                    Meaning::Refused(Shortfall::UnknownProduct)
                } else {
                    // The answer left it out, or it came between the write and the read.
                    Meaning::Again
                }));
            };
            let shards = shards_of(item);
            self.hints.learn(sku, shards, now);
            return Ok(match judged.flatten() {
                Some(Judged::Short { available }) if shards == 1 => {
                    Some(Meaning::Refused(Shortfall::OutOfStock { available }))
                }
                Some(Judged::Short { .. }) => Some(Meaning::Short),
                Some(Judged::Refused(shortfall)) => Some(Meaning::Refused(shortfall)),
                Some(Judged::Met) | None => None,
            });
        }
        if let Some(Some(Judged::Short { .. })) = judged {
            return Ok(Some(Meaning::Short));
        }
        self.follow(session, line, shard, item).await
    }

    /// What it means that a shard other than shard 0 did not have a line under its terms:
    /// shard 0 decides.
    async fn follow(
        &self,
        session: &Session<'_>,
        line: &Line,
        shard: u32,
        item: Option<&Item>,
    ) -> Result<Option<Meaning>, Unsettled> {
        let read = session.read_all(vec![stock_key(&line.sku, SHARD)]).await?;
        let Some(first) = read.first() else {
            return Ok(Some(Meaning::Refused(Shortfall::UnknownProduct)));
        };
        let now = session.world().machine_now();
        self.hints.learn(line.sku.as_str(), shards_of(first), now);
        let (Some(theirs), Some(own)) = (Shard::read(first), item.and_then(Shard::read)) else {
            // There is no such shard: the number of shards was a wrong hint.
            return Ok(Some(Meaning::Again));
        };
        if own.details_version < theirs.details_version {
            let product = parse_product(first.clone());
            let product = product.map_err(|error| Unsettled::Invalid(error.to_string()))?;
            roll::follow(session, &line.sku, shard, &product).await?;
            return Ok(Some(Meaning::Again));
        }
        Ok(match judge(line, self.draft, first, 0) {
            Some(Judged::Refused(shortfall)) => Some(Meaning::Refused(shortfall)),
            // Shard 0 gets new terms first, so this cannot be. If it is, the next attempt tells.
            Some(Judged::Met | Judged::Short { .. })
                if own.details_version != theirs.details_version =>
            {
                Some(Meaning::Again)
            }
            Some(Judged::Met | Judged::Short { .. }) | None => None,
        })
    }

    /// Finds a source for a line that its shard did not have, or the reason why there is
    /// none. That takes two reads of all shards: see [`Collected::proves_short`].
    ///
    /// [`Collected::proves_short`]: crate::collect::Collected::proves_short
    async fn find(
        &mut self,
        session: &Session<'_>,
        place: usize,
    ) -> Result<Option<Shortfall>, Unsettled> {
        let (draft, world) = (self.draft, session.world());
        let Some(line) = draft.lines.get(place) else {
            return Err(disagreement(session));
        };
        let sku = line.sku.as_str();
        let mut search = Search::default();
        loop {
            let before = world.machine_now();
            let shards = self.hints.shards(sku, before).unwrap_or(1);
            let Some(read) = collect(session, &line.sku, shards).await? else {
                return Ok(Some(Shortfall::UnknownProduct));
            };
            self.note(&line.sku, line.quantity, &read.shards, before);
            if let Some(Judged::Refused(shortfall)) = judge(line, draft, &read.product, 0) {
                return Ok(Some(shortfall));
            }
            let random = random(session);
            match search.look(session, read, line.quantity, random).await? {
                Found::Source(source) => {
                    if let Some(kept) = self.sources.get_mut(place) {
                        *kept = source;
                    }
                    return Ok(None);
                }
                Found::TooFew { left, product } => {
                    let sold_out = SoldOut { left, product };
                    self.hints.note_sold_out(sku, sold_out, before);
                    return Ok(Some(Shortfall::OutOfStock { available: left }));
                }
                Found::Nothing => {}
            }
        }
    }

    /// Remembers what a read found.
    fn note(&self, sku: &Sku, quantity: i64, shards: &[Shard], at: Timestamp) {
        let sku = sku.as_str();
        self.hints
            .learn(sku, u32::try_from(shards.len()).unwrap_or(1), at);
        for (number, shard) in (0..).zip(shards) {
            if shard.available < quantity {
                self.hints.mark_short(sku, number, at);
            }
        }
        let available = shards.iter().map(|shard| shard.available).sum();
        self.hints.note_available(sku, available, at);
    }

    /// Moves stock apart from the order where all of it does not fit into one transaction.
    async fn fit(&mut self, session: &Session<'_>) -> Result<(), Unsettled> {
        let actions = |sources: &[Source]| -> usize {
            let parts = sources.iter().map(|source| 1 + source.donors.len());
            1 + parts.sum::<usize>()
        };
        while ACTIONS_MAX < actions(&self.sources) {
            let lines = self.draft.lines.iter().zip(&mut self.sources);
            let Some((line, source)) = lines.max_by_key(|(_, source)| source.donors.len()) else {
                break;
            };
            let filled = level::fill(session, &line.sku, source).await;
            *source = Source::of(source.shard);
            // If it was not filled, the next attempt finds it short.
            drop(filled);
        }
        Ok(())
    }
}

impl Plan for Placement<'_> {
    fn intent(&self) -> &Intent {
        &self.intent
    }

    fn take_record(&mut self) -> Item {
        std::mem::take(&mut self.intent.record)
    }

    /// Learns how many shards the products have, and takes from others.
    async fn met_another(&mut self, session: &Session<'_>) -> Result<bool, Unsettled> {
        let now = session.world().machine_now();
        let lines = self.draft.lines.iter();
        let unknown = lines.filter(|line| self.hints.shards(line.sku.as_str(), now).is_none());
        let unknown: Vec<&Sku> = unknown.map(|line| &line.sku).collect();
        if !unknown.is_empty() {
            let keys = unknown.iter().map(|sku| stock_key(sku, SHARD)).collect();
            // Without an answer, nothing is known, and shard 0 it is.
            let items = session.read_all(keys).await.unwrap_or_default();
            for sku in unknown {
                let key = stock_key(sku, SHARD);
                let item = items.iter().find(|item| item.get("pk") == key.get("pk"));
                if let Some(item) = item {
                    self.hints.learn(sku.as_str(), shards_of(item), now);
                }
            }
        }
        self.attempt += 1;
        let mut elsewhere = false;
        for place in 0..self.sources.len() {
            let chosen = self
                .draft
                .lines
                .get(place)
                .map(|line| self.shard_for(line, now));
            // What several shards have together is not elsewhere.
            if let Some((source, shard)) = self.sources.get_mut(place).zip(chosen)
                && source.donors.is_empty()
                && source.shard != shard
            {
                *source = Source::of(shard);
                elsewhere = true;
            }
        }
        if elsewhere {
            self.plan_again()?;
        }
        Ok(elsewhere)
    }

    async fn failed(
        &mut self,
        session: &Session<'_>,
        failed: &[FailedEffect],
    ) -> Result<Planned, Unsettled> {
        let (mut refused, mut short, mut again) = (Vec::new(), Vec::new(), false);
        for effect in failed {
            let part = self.parts.get(effect.index).copied();
            let part = part.ok_or_else(|| disagreement(session))?;
            let (Part::Take { line, .. } | Part::Give { line }) = part;
            match self.meaning(session, part, effect.item.as_ref()).await? {
                Some(Meaning::Refused(shortfall)) => refused.push((line, shortfall)),
                Some(Meaning::Short) if short.contains(&line) => {}
                Some(Meaning::Short) => {
                    short.push(line);
                    self.mark_short(session, part);
                }
                Some(Meaning::Again) => again = true,
                None => return Err(disagreement(session)),
            }
        }
        // One line that is proved refuses the order.
        if refused.is_empty() {
            for line in short {
                if let Some(shortfall) = self.find(session, line).await? {
                    refused.push((line, shortfall));
                }
            }
        }
        if refused.is_empty() {
            if again {
                self.choose_again(session);
            }
            self.fit(session).await?;
            return self.plan_again();
        }
        refused.sort_by_key(|(line, _)| *line);
        let draft = self.draft;
        let lines = refused
            .into_iter()
            .filter_map(|(line, shortfall)| Some((shortfall, draft.lines.get(line)?)));
        let lines: Vec<_> = lines.collect();
        let refusal = (self.refuse)(&lines).ok_or_else(|| disagreement(session));
        refusal.map(Planned::Refusal)
    }
}

impl Placement<'_> {
    fn mark_short(&self, session: &Session<'_>, part: Part) {
        if let Part::Take { line, shard, .. } = part
            && let Some(line) = self.draft.lines.get(line)
        {
            let now = session.world().machine_now();
            self.hints.mark_short(line.sku.as_str(), shard, now);
        }
    }

    /// Takes only shards that the products have.
    fn choose_again(&mut self, session: &Session<'_>) {
        let now = session.world().machine_now();
        for (line, source) in self.draft.lines.iter().zip(&mut self.sources) {
            let shards = self.hints.shards(line.sku.as_str(), now).unwrap_or(1);
            if shards <= source.shard {
                let id = self.order.id();
                let shard = self.hints.choose(line.sku.as_str(), id, self.attempt, now);
                *source = Source::of(shard);
            }
        }
    }
}

fn random(session: &Session<'_>) -> usize {
    let mut bytes = [0; 4];
    session.world().fill(&mut bytes);
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
