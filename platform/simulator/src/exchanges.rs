//! Counts what passes between the orders function and its Redis, and lists what can go wrong there.

use std::collections::BTreeMap;
use std::fmt;

/// What goes wrong in one exchange, or begins with it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Accident {
    /// The question never arrives, as when Redis is paused.
    LoseQuestion,
    /// Redis does what it was asked, but its answer never arrives.
    LoseAnswer,
    /// The question takes up to two seconds.
    Slow,
    /// The connection breaks.
    Break,
    /// Redis refuses connections, for up to two minutes; half the time it comes back empty.
    Down,
    /// Redis is full, and answers with an error.
    Refuse,
    /// Redis forgets everything.
    Flush,
    /// A replica that is behind takes over: what it remembers is stale.
    FailOver,
    /// The value of one key is replaced by the value of another.
    Poison,
}

impl Accident {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::LoseQuestion,
        Self::LoseAnswer,
        Self::Slow,
        Self::Break,
        Self::Down,
        Self::Refuse,
        Self::Flush,
        Self::FailOver,
        Self::Poison,
    ];

    /// Its name in a summary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoseQuestion => "lost-question",
            Self::LoseAnswer => "lost-answer",
            Self::Slow => "slow",
            Self::Break => "broken",
            Self::Down => "down",
            Self::Refuse => "full",
            Self::Flush => "flushed",
            Self::FailOver => "stale",
            Self::Poison => "poisoned",
        }
    }
}

/// What passed between the orders function and its Redis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exchanges {
    /// How many worlds had a Redis.
    pub(crate) worlds: u64,
    /// How many questions they got.
    pub(crate) asked: u64,
    /// How many questions they answered with a decision.
    pub known: u64,
    /// How many questions they got while they were down.
    pub(crate) while_down: u64,
    /// How often each kind of accident happened.
    pub accidents: BTreeMap<Accident, u64>,
}

impl Exchanges {
    /// Adds the counts of another world.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.asked += other.asked;
        self.known += other.known;
        self.while_down += other.while_down;
        for (accident, count) in &other.accidents {
            *self.accidents.entry(*accident).or_default() += count;
        }
    }
}

impl fmt::Display for Exchanges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "in {} worlds, {} questions, {} answered with a decision, {} while it was down",
            self.worlds, self.asked, self.known, self.while_down
        )?;
        for (accident, count) in &self.accidents {
            write!(formatter, ", {} {count}", accident.name())?;
        }
        Ok(())
    }
}
