//! Plays a cause: from the fault to the messages, and back to health.

use std::collections::BTreeMap;

use super::load::Load;
use super::stage::{Said, Stage};
use super::times;

/// A cause, and the alarms that it must fire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    /// The name of its file in `times/`.
    pub(super) name: &'static str,
    /// What is broken.
    pub(super) faults: &'static [&'static str],
    /// What clients send meanwhile.
    pub(super) load: Load,
    /// How long it lasts.
    pub(super) minutes: u32,
    /// Alarms that go red. Others may too, if they send nothing.
    pub(super) fires: &'static [&'static str],
    /// The alarms whose messages people get.
    pub(super) says: &'static [&'static str],
    /// The longest time until everything is green again.
    pub(super) recovery_minutes: u32,
}

/// How often somebody orders while a scenario recovers.
const RECOVERY_LOAD_EVERY: u32 = 5;
/// Alarms whose window is days, so that they stay red long after their cause has ended.
const LASTING: [&str; 1] = ["slo-3-days"];

/// A scenario while it is played.
struct Play {
    stage: Stage,
    begun: i64,
    /// The alarms that were red before.
    known: Vec<String>,
    /// After how many minutes each alarm was red.
    red_after: BTreeMap<String, i64>,
}

impl Scenario {
    /// Plays it, and checks everything about it.
    pub(super) async fn play(self) {
        let stage = Stage::healthy().await;
        let mut play = Play {
            begun: stage.now(),
            known: stage.red(),
            red_after: BTreeMap::new(),
            stage,
        };
        for fault in self.faults {
            play.stage.break_it(fault);
        }
        for _ in 0..self.minutes {
            play.stage.minute(self.load).await;
            play.look();
        }
        play.stage.mend();
        let left = play.recover(self.recovery_minutes).await;
        let Play {
            stage,
            begun,
            red_after,
            ..
        } = play;

        let red = |name: &&&str| !red_after.contains_key(**name);
        let green: Vec<_> = self.fires.iter().filter(red).collect();
        assert!(
            green.is_empty(),
            "{}: {green:?} stayed green: {red_after:?}",
            self.name
        );
        let (alarms, over) = (names(stage.said(), "ALARM "), names(stage.said(), "OK "));
        assert_eq!(
            alarms, self.says,
            "{}: the alarms that people got",
            self.name
        );
        let unending: Vec<_> = alarms.iter().filter(|name| !over.contains(name)).collect();
        assert!(
            unending.is_empty(),
            "{}: nobody heard of the end of {unending:?}",
            self.name
        );
        assert_eq!(left, [""; 0], "{}: still red", self.name);
        for message in stage.said() {
            tells_what_to_do(&stage, message);
        }
        times::check(&self, &red_after, stage.said(), begun);
        stage.stop().await;
    }
}

impl Play {
    /// Notes which alarms are red, and returns those that were not before and do not last for days.
    fn look(&mut self) -> Vec<String> {
        let after = self.stage.now() - self.begun;
        let mut red = self.stage.red();
        red.retain(|name| !self.known.contains(name));
        for name in &red {
            self.red_after.entry(name.clone()).or_insert(after);
        }
        red.retain(|name| !LASTING.contains(&name.as_str()));
        red
    }

    /// Waits until everything is green and has been said. Returns what is still red.
    async fn recover(&mut self, minutes: u32) -> Vec<String> {
        self.stage.read_dead_letters();
        let mut red = Vec::new();
        for minute in 0..minutes {
            if minute % RECOVERY_LOAD_EVERY == 0 {
                self.stage.minute(Load::Orders(1)).await;
            } else {
                self.stage.quiet_minute().await;
            }
            red = self.look();
            let (alarms, over) = (
                names(self.stage.said(), "ALARM "),
                names(self.stage.said(), "OK "),
            );
            if red.is_empty() && alarms.iter().all(|name| over.contains(name)) {
                break;
            }
        }
        red
    }
}

/// The alarms of the messages that begin so, sorted, each once.
fn names(said: &[Said], state: &str) -> Vec<String> {
    let names = said.iter().filter_map(|it| it.what.strip_prefix(state));
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A message has what the template says about its alarm: the meaning, the severity and the runbook.
fn tells_what_to_do(stage: &Stage, message: &Said) {
    let name = message.what.split(' ').nth(1).unwrap();
    let rows = stage.watching.rows();
    let row = rows
        .iter()
        .find(|row| row.name == format!("surefire-{name}"));
    let description = row.unwrap().description.clone().unwrap();
    let (meaning, directives) = description.split_once(" severity: ").unwrap();
    let runbook = directives.split("runbook: ").nth(1).unwrap();
    let runbook = runbook.split_whitespace().next().unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<&str>>().join(" ");
    let first = words(meaning.split(". ").next().unwrap());
    assert!(
        words(&message.whole).contains(&first),
        "{name} does not say: {first}"
    );
    assert!(
        message.whole.contains(runbook),
        "{name} has no link to {runbook}"
    );
    let severity = directives.split(',').next().unwrap();
    let severity = if message.by_mail {
        format!("severity: {severity}")
    } else {
        format!("{severity} · aws.cloudwatch")
    };
    assert!(
        message.whole.contains(&severity),
        "{name} has no {severity}"
    );
}
