//! A model of the auditor: when a scan, which is not a snapshot, may call a product wrong.
//!
//! A transaction has two halves, the order's and the stock's. Reads see them one after the other,
//! in either order, within the time that the auditor waits. There is one product. Each transaction
//! places or ends one order of one unit. While it writes the stock, no other transaction can.
//!
//! The auditor reads the stock, then every order, then the stock again. If the version is the same
//! and the orders do not add up to `taken`, the product is a suspect:
//!
//! | what it does with a suspect                    | a sound table is …             |
//! |------------------------------------------------|--------------------------------|
//! | calls it wrong                                 | accused: one half was seen     |
//! | waits, and finds the same difference again     | accused: two different halves  |
//! | … waits again, and the version is the same     | never accused                  |
//!
//! The second row needs two races: a placement whose stock was seen before its order and, one pass
//! later, a cancel whose order was seen before its stock. Only if the version also stays the same
//! for one wait *after* the pass was no half missing.

use std::fmt;

use stateright::{Checker as _, HasDiscoveries, Model, Path, Property};

const ORDERS: usize = 3;

/// Two reads of the stock, and one an order.
const PASS_STEPS: usize = 2 + ORDERS;

const NO_FALSE_ALARM: &str = "a sound table is never accused";

const NO_BLIND_EYE: &str = "a broken table at rest is found";

const ALARM: &str = "an alarm is raised";

/// What the auditor does with a suspect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rule {
    Accuse,
    SecondPass,
    SecondPassAndAWait,
}

/// What a transaction does with its order: an order that holds a unit or not.
#[derive(Clone, Copy, Debug)]
enum Transaction {
    Place,
    End,
}

/// A small world to audit: one transaction an order, at most once each.
#[derive(Clone, Debug)]
struct Audit {
    transactions: Vec<Transaction>,
    rule: Rule,
    /// How many more units are booked as taken than orders hold.
    wrong_by: i8,
}

/// How far one item of a transaction is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
enum Half {
    #[default]
    NotBegun,
    Hidden,
    Visible,
}

/// How far a transaction is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
struct Progress {
    order: Half,
    stock: Half,
    /// It began before the auditor's current wait, so it ends before that wait does.
    before_the_wait: bool,
}

/// What a pass found at a version that did not change.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Suspect {
    version: u8,
    difference: i8,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Auditor {
    /// In a pass: the stock as read before, and the orders scanned so far.
    Scanning {
        version: u8,
        taken: i8,
        held: i8,
        scanned: usize,
    },
    /// Between two reads that must be far apart.
    Waiting,
    /// About to begin a pass, or to read the version for the last time.
    Rested,
    Over(Verdict),
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Verdict {
    Sound,
    Wrong,
    Inconclusive,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct State {
    taken: i8,
    version: u8,
    held: [bool; ORDERS],
    progress: Vec<Progress>,
    auditor: Auditor,
    /// Of the first pass, then of the second.
    suspects: Vec<Suspect>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Begin(usize),
    ShowOrder(usize),
    ShowStock(usize),
    ReadStock,
    ScanNext,
    ReadStockAgain,
    WaitIsOver,
    ReadVersionOnceMore,
}

impl Audit {
    fn may_begin(state: &State, number: usize) -> bool {
        // Two writes of the stock at the same time are a conflict.
        let mut progress = state.progress.iter();
        let under_way = progress.any(|other| other.stock == Half::Hidden);
        state.progress[number].order == Half::NotBegun && !under_way
    }

    /// Ends a pass in which the version was `version` before and after.
    fn judge(&self, state: &mut State, suspect: Suspect) {
        let again = state.suspects.last() == Some(&suspect);
        state.suspects.push(suspect);
        state.auditor = match (suspect.difference, self.rule) {
            (0, _) => Auditor::Over(Verdict::Sound),
            (_, Rule::Accuse) => Auditor::Over(Verdict::Wrong),
            (_, Rule::SecondPass) if again => Auditor::Over(Verdict::Wrong),
            (_, Rule::SecondPassAndAWait) if again => Auditor::Waiting,
            _ if state.suspects.len() == 1 => Auditor::Waiting,
            _ => Auditor::Over(Verdict::Inconclusive),
        };
        for progress in &mut state.progress {
            progress.before_the_wait = progress.order != Half::NotBegun;
        }
    }

    fn step_auditor(&self, state: &mut State, step: Step) {
        let (version, taken) = (state.version, state.taken);
        state.auditor = match (step, state.auditor) {
            (Step::ReadStock, _) => Auditor::Scanning {
                version,
                taken,
                held: 0,
                scanned: 0,
            },
            (
                Step::ScanNext,
                Auditor::Scanning {
                    version,
                    taken,
                    held,
                    scanned,
                },
            ) => Auditor::Scanning {
                version,
                taken,
                held: held + i8::from(state.held[scanned]),
                scanned: scanned + 1,
            },
            (
                Step::ReadStockAgain,
                Auditor::Scanning {
                    version: before,
                    taken,
                    held,
                    ..
                },
            ) => {
                if before == version {
                    let difference = taken - held;
                    let suspect = Suspect {
                        version,
                        difference,
                    };
                    return self.judge(state, suspect);
                }
                Auditor::Over(Verdict::Inconclusive)
            }
            (Step::WaitIsOver, _) => Auditor::Rested,
            (Step::ReadVersionOnceMore, _) => {
                let stood_still = state.suspects.iter().all(|found| found.version == version);
                Auditor::Over(if stood_still {
                    Verdict::Wrong
                } else {
                    Verdict::Inconclusive
                })
            }
            (_, auditor) => auditor,
        };
    }
}

impl Model for Audit {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let mut held = [false; ORDERS];
        for (held, transaction) in held.iter_mut().zip(&self.transactions) {
            *held = matches!(transaction, Transaction::End);
        }
        let orders: i8 = held.iter().map(|held| i8::from(*held)).sum();
        vec![State {
            taken: orders + self.wrong_by,
            version: 0,
            held,
            progress: vec![Progress::default(); self.transactions.len()],
            auditor: Auditor::Rested,
            suspects: Vec::new(),
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (number, progress) in state.progress.iter().enumerate() {
            if Self::may_begin(state, number) {
                steps.push(Step::Begin(number));
            }
            if progress.order == Half::Hidden {
                steps.push(Step::ShowOrder(number));
            }
            if progress.stock == Half::Hidden {
                steps.push(Step::ShowStock(number));
            }
        }
        match state.auditor {
            Auditor::Rested if state.suspects.len() < 2 => steps.push(Step::ReadStock),
            Auditor::Rested => steps.push(Step::ReadVersionOnceMore),
            Auditor::Scanning { scanned, .. } if scanned < ORDERS => steps.push(Step::ScanNext),
            Auditor::Scanning { .. } => steps.push(Step::ReadStockAgain),
            Auditor::Waiting => {
                let mut progress = state.progress.iter();
                let is_over =
                    |one: &Progress| one.order == Half::Visible && one.stock == Half::Visible;
                if progress.all(|one| !one.before_the_wait || is_over(one)) {
                    steps.push(Step::WaitIsOver);
                }
            }
            Auditor::Over(_) => {}
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut state = state.clone();
        match step {
            Step::Begin(number) => {
                state.progress[number].order = Half::Hidden;
                state.progress[number].stock = Half::Hidden;
            }
            Step::ShowOrder(number) => {
                state.progress[number].order = Half::Visible;
                state.held[number] = matches!(self.transactions[number], Transaction::Place);
            }
            Step::ShowStock(number) => {
                state.progress[number].stock = Half::Visible;
                state.version += 1;
                state.taken += match self.transactions[number] {
                    Transaction::Place => 1,
                    Transaction::End => -1,
                };
            }
            _ => self.step_auditor(&mut state, step),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_FALSE_ALARM, |audit: &Self, state: &State| {
                audit.wrong_by != 0 || state.auditor != Auditor::Over(Verdict::Wrong)
            }),
            Property::always(NO_BLIND_EYE, |audit: &Self, state: &State| {
                let cleared = [Verdict::Sound, Verdict::Inconclusive];
                let is_cleared = cleared.map(Auditor::Over).contains(&state.auditor);
                audit.wrong_by == 0 || !audit.transactions.is_empty() || !is_cleared
            }),
            Property::sometimes(ALARM, |_: &Self, state: &State| {
                state.auditor == Auditor::Over(Verdict::Wrong)
            }),
        ]
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(number) => write!(f, "transaction {number} begins"),
            Self::ShowOrder(number) => write!(f, "its order shows transaction {number}"),
            Self::ShowStock(number) => write!(f, "the stock shows transaction {number}"),
            Self::ReadStock => f.write_str("the auditor reads the stock"),
            Self::ScanNext => f.write_str("the auditor reads the next order"),
            Self::ReadStockAgain => f.write_str("the auditor reads the stock again"),
            Self::WaitIsOver => f.write_str("the auditor has waited"),
            Self::ReadVersionOnceMore => f.write_str("the auditor reads the version once more"),
        }
    }
}

fn busy(rule: Rule) -> Audit {
    use Transaction::{End, Place};
    Audit {
        transactions: vec![Place, End, Place],
        rule,
        wrong_by: 0,
    }
}

/// The shortest path to a discovery, in words. `None` if there is no path.
fn explore(audit: &Audit, property: &'static str) -> Option<(usize, String)> {
    let found = HasDiscoveries::AnyOf([property].into());
    let path: Path<State, Step> = (1..=40).find_map(|depth| {
        let checker = audit.clone().checker().finish_when(found.clone());
        let checker = checker.target_max_depth(depth).spawn_bfs().join();
        checker.discovery(property)
    })?;
    let steps = path.into_actions();
    let lines: Vec<_> = steps.iter().map(Step::to_string).collect();
    Some((steps.len(), lines.join("\n")))
}

#[test]
fn one_pass_can_accuse_a_sound_table() {
    let (steps, story) = explore(&busy(Rule::Accuse), NO_FALSE_ALARM).unwrap();
    assert_eq!(steps, 2 + PASS_STEPS, "{story}");
    let (halves, _) = story.split_once("reads the stock again").unwrap();
    assert_eq!(halves.matches("shows transaction").count(), 1, "{story}");
}

#[test]
fn two_passes_can_accuse_a_sound_table() {
    let (steps, story) = explore(&busy(Rule::SecondPass), NO_FALSE_ALARM).unwrap();
    assert_eq!(steps, 6 + 2 * PASS_STEPS, "{story}");
    // A stock before its order in the first pass; an order before its stock in the second.
    let (first, second) = story.split_once("has waited").unwrap();
    assert!(first.contains("the stock shows"), "{story}");
    let stock_is_seen = second.contains("the stock shows");
    assert!(
        !stock_is_seen && first.contains("its order shows"),
        "{story}"
    );
}

#[test]
fn two_passes_and_a_final_version_check_never_accuse_a_sound_table() {
    let checker = busy(Rule::SecondPassAndAWait).checker().spawn_bfs().join();
    println!("{} states", checker.unique_state_count());
    checker.assert_no_discovery(NO_FALSE_ALARM);
    checker.assert_no_discovery(ALARM);
    assert!(checker.is_done());
}

#[test]
fn every_rule_finds_a_broken_table() {
    for rule in [Rule::Accuse, Rule::SecondPass, Rule::SecondPassAndAWait] {
        for transactions in [vec![], busy(rule).transactions] {
            let wrong_by = 1;
            let audit = Audit {
                transactions,
                rule,
                wrong_by,
            };
            let checker = audit.checker().spawn_bfs().join();
            assert!(checker.discovery(ALARM).is_some(), "{rule:?}");
            checker.assert_no_discovery(NO_BLIND_EYE);
        }
    }
}
