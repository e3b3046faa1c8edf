//! What can go wrong: the kinds of faults, and the fate of one request to the database.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::random::Random;
use super::request::{Operation, Request};

/// A kind of fault. Each can be switched off.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fault {
    /// A request to the database gets lost before it is applied.
    LostRequest,
    /// The database's answer gets lost after the request was applied.
    LostAnswer,
    /// A request is applied long after its sender has given up.
    Delay,
    /// A request arrives twice, the second time up to half an hour later.
    Duplicate,
    /// TransactionConflict, alone and beside other reasons.
    Conflict,
    /// TransactionInProgress: the first copy of a request is still being applied.
    InProgress,
    /// The table has no capacity left.
    Throttle,
    /// An answer of 5xx, whether or not the request was applied.
    ServerError,
    /// IdempotentParameterMismatch for a token that was not used for another body.
    TokenMismatch,
    /// Indexes that lag behind the table.
    StaleIndex,
    /// Reads of many items that see a transaction item by item.
    TornRead,
    /// Batch reads that leave keys out.
    Unprocessed,
    /// Invocations that are killed at any of their waits.
    Kill,
    /// Invocations that have little time left.
    Deadline,
    /// Machines whose clocks differ, by minutes for sweepers.
    ClockSkew,
    /// Refusals that are deleted when their fortnight is over, or later.
    Expiry,
    /// Functions that start cold at any time.
    ColdStart,
    /// Client requests that arrive twice, the second time much later.
    LateClient,
    /// A Redis that is slow, loses questions, answers and memory, fails over, or mixes up values.
    Redis,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 19] = [
        Self::LostRequest,
        Self::LostAnswer,
        Self::Delay,
        Self::Duplicate,
        Self::Conflict,
        Self::InProgress,
        Self::Throttle,
        Self::ServerError,
        Self::TokenMismatch,
        Self::StaleIndex,
        Self::TornRead,
        Self::Unprocessed,
        Self::Kill,
        Self::Deadline,
        Self::ClockSkew,
        Self::Expiry,
        Self::ColdStart,
        Self::LateClient,
        Self::Redis,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LostRequest => "lost-request",
            Self::LostAnswer => "lost-answer",
            Self::Delay => "delay",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::InProgress => "in-progress",
            Self::Throttle => "throttle",
            Self::ServerError => "server-error",
            Self::TokenMismatch => "token-mismatch",
            Self::StaleIndex => "stale-index",
            Self::TornRead => "torn-read",
            Self::Unprocessed => "unprocessed",
            Self::Kill => "kill",
            Self::Deadline => "deadline",
            Self::ClockSkew => "clock-skew",
            Self::Expiry => "expiry",
            Self::ColdStart => "cold-start",
            Self::LateClient => "late-client",
            Self::Redis => "redis",
        }
    }
}

/// Which kinds of faults happen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Faults(BTreeSet<Fault>);

impl Faults {
    /// Every kind.
    pub fn all() -> Self {
        Self(Fault::ALL.into())
    }

    /// None.
    pub fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether a kind happens.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }
}

impl<const LENGTH: usize> From<[Fault; LENGTH]> for Faults {
    fn from(faults: [Fault; LENGTH]) -> Self {
        Self(faults.into())
    }
}

impl FromStr for Faults {
    type Err = String;

    /// Reads `all`, `none`, or names separated by commas. `all,-kill` is all but one.
    fn from_str(list: &str) -> Result<Self, String> {
        let mut faults = BTreeSet::new();
        for word in list.split(',').map(str::trim) {
            let (name, remove) = match word.strip_prefix('-') {
                Some(name) => (name, true),
                None => (word, false),
            };
            let named = |fault: &Fault| fault.name() == name;
            match (name, Fault::ALL.into_iter().find(named)) {
                ("all", _) => faults = Fault::ALL.into(),
                ("none", _) => faults.clear(),
                (_, Some(fault)) if remove => drop(faults.remove(&fault)),
                (_, Some(fault)) => drop(faults.insert(fault)),
                (_, None) => {
                    let all = Fault::ALL.map(Fault::name).join(", ");
                    return Err(format!(
                        "`{name}` is not a fault; the faults are: all, none, {all}"
                    ));
                }
            }
        }
        Ok(Self(faults))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() == Fault::ALL.len() {
            return formatter.write_str("all");
        }
        let names: Vec<_> = self.0.iter().map(|fault| fault.name()).collect();
        match names.as_slice() {
            [] => formatter.write_str("none"),
            names => formatter.write_str(&names.join(",")),
        }
    }
}

/// The fate of one request to the database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fate {
    /// How long the request travels.
    pub there: Duration,
    /// How long a transaction holds its items.
    pub holds: Duration,
    /// How long the answer travels.
    pub back: Duration,
    /// How long until multi-item reads see all of a transaction.
    pub torn: Duration,
    /// How long until the indexes see it.
    pub lag: Duration,
    /// How many keys of a batch read are left out.
    pub unprocessed: usize,
    /// How long after its first arrival it arrives again, if it does.
    pub again: Option<Duration>,
    /// What goes wrong.
    pub accident: Option<Accident>,
}

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Accident {
    /// It never arrives.
    LoseRequest {
        /// Whether the sender sees the connection break. Otherwise it sees nothing.
        reset: bool,
    },
    /// It is applied, but the answer never arrives.
    LoseAnswer {
        /// Whether the sender sees the connection break. Otherwise it sees nothing.
        reset: bool,
    },
    /// Another write holds the items at these places of the request. Nothing is applied.
    Conflict(Vec<usize>),
    /// It is applied. If its conditions fail, its other items report a conflict as well.
    ConflictBeside,
    /// The items at these places of the request are throttled. Nothing is applied.
    Throttle(Vec<usize>),
    /// A first copy is still being applied, and will be for this long.
    InProgress(Duration),
    /// It is answered with 500.
    ServerError {
        /// Whether it is applied anyway.
        applied: bool,
    },
    /// Its token counts as used for another body. Nothing is applied.
    TokenMismatch,
}

const MILLISECOND: Duration = Duration::from_millis(1);

impl Fate {
    /// The fate of a request when nothing goes wrong: it takes a few milliseconds.
    pub fn calm(random: &mut Random) -> Self {
        Self {
            there: random.duration(MILLISECOND / 2, MILLISECOND * 4),
            holds: random.duration(MILLISECOND / 2, MILLISECOND * 6),
            back: random.duration(MILLISECOND / 2, MILLISECOND * 4),
            ..Self::default()
        }
    }

    /// A random fate for a request.
    pub fn drawn(random: &mut Random, faults: &Faults, request: &Request) -> Self {
        let mut fate = Self::calm(random);
        let writes = request.operation.writes();
        if writes && faults.has(Fault::StaleIndex) && random.chance(500) {
            fate.lag = random.duration(MILLISECOND, MILLISECOND * 90_000);
        }
        if writes && faults.has(Fault::TornRead) && random.chance(300) {
            let torn = random.duration(MILLISECOND, MILLISECOND * 300);
            // A write of one item is seen as soon as it is answered.
            if request.operation == Operation::TransactWriteItems {
                fate.torn = torn;
            }
        }
        let batch = request.operation == Operation::BatchGetItem;
        if batch && faults.has(Fault::Unprocessed) && random.chance(200) {
            fate.unprocessed = random.index(4);
        }
        if writes && faults.has(Fault::Duplicate) && random.chance(80) {
            let longest = if random.chance(500) { 1_000 } else { 1_800_000 };
            fate.again = Some(random.duration(MILLISECOND, MILLISECOND * longest));
        }
        if faults.has(Fault::Delay) && random.chance(50) {
            let longest = if random.chance(700) { 4_000 } else { 1_200_000 };
            fate.there = random.duration(MILLISECOND * 10, MILLISECOND * longest);
        }
        if random.chance(350) {
            // Draw from all kinds first. Switching one off must not change the odds of the others.
            fate.accident = random
                .pick(&Fault::ALL)
                .copied()
                .filter(|fault| faults.has(*fault))
                .and_then(|fault| accident(random, fault, request));
        }
        fate
    }
}

fn accident(random: &mut Random, fault: Fault, request: &Request) -> Option<Accident> {
    let writes = request.operation.writes();
    let transaction = request.operation == Operation::TransactWriteItems;
    let some_items = |random: &mut Random| {
        let count = request.keys.len().max(1);
        let mut items = vec![random.index(count)];
        items.extend((0..count).filter(|_| random.chance(300)));
        items
    };
    match fault {
        Fault::LostRequest => Some(Accident::LoseRequest {
            reset: random.chance(300),
        }),
        Fault::LostAnswer => Some(Accident::LoseAnswer {
            reset: random.chance(300),
        }),
        Fault::Conflict if transaction && random.chance(400) => Some(Accident::ConflictBeside),
        Fault::Conflict if writes => Some(Accident::Conflict(some_items(random))),
        Fault::Throttle => Some(Accident::Throttle(some_items(random))),
        Fault::InProgress if transaction => Some(Accident::InProgress(
            random.duration(MILLISECOND, MILLISECOND * 5_000),
        )),
        Fault::ServerError => Some(Accident::ServerError {
            applied: random.chance(500),
        }),
        Fault::TokenMismatch if transaction => Some(Accident::TokenMismatch),
        _ => None,
    }
}

impl Accident {
    /// The kind of fault.
    pub(crate) const fn fault(&self) -> Fault {
        match self {
            Self::LoseRequest { .. } => Fault::LostRequest,
            Self::LoseAnswer { .. } => Fault::LostAnswer,
            Self::Conflict(_) | Self::ConflictBeside => Fault::Conflict,
            Self::Throttle(_) => Fault::Throttle,
            Self::InProgress(_) => Fault::InProgress,
            Self::ServerError { .. } => Fault::ServerError,
            Self::TokenMismatch => Fault::TokenMismatch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_adds_and_removes_kinds_of_faults() {
        assert_eq!("all".parse(), Ok(Faults::all()));
        assert_eq!("none".parse(), Ok(Faults::none()));
        let two: Faults = "kill, lost-answer".parse().unwrap();
        assert_eq!(two, Faults::from([Fault::Kill, Fault::LostAnswer]));
        assert_eq!(two.to_string(), "lost-answer,kill");
        let rest: Faults = "all,-kill".parse().unwrap();
        assert!(!rest.has(Fault::Kill) && rest.has(Fault::Delay));
        let error = "lost".parse::<Faults>().unwrap_err();
        assert!(
            error.contains("`lost`") && error.contains("lost-answer"),
            "{error}"
        );
    }

    #[test]
    fn only_a_transaction_can_be_seen_half() {
        let torn = |operation: &str| {
            let request = Request::read(1, operation, serde_json::json!({})).unwrap();
            let mut random = Random::new(1);
            let fates = (0..1_000).map(|_| Fate::drawn(&mut random, &Faults::all(), &request));
            fates.filter(|fate| !fate.torn.is_zero()).count()
        };
        assert!((200..400).contains(&torn("TransactWriteItems")));
        assert_eq!((torn("UpdateItem"), torn("PutItem")), (0, 0));
    }
}
