//! A watched server whose clock moves only when something waits, and once a minute.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use local::serve::{Options, start};
use local::watching::Watching;
use serde_json::json;
use shared::world::World;
use template::Kind;

use super::load::Load;
use crate::support::harness::Shop;

/// When the clock of every stage begins.
const START: &str = "2026-11-26T11:00:00Z";
const MINUTE_MILLISECONDS: i64 = 60_000;
/// No pause between two attempts is this long, and every time-out of a call is.
const TIMEOUT_LEAST: Duration = Duration::from_millis(900);
/// The product that everybody orders.
pub(super) const SKU: &str = "TEA-01";

/// A watched server.
pub(super) struct Stage {
    pub(super) shop: Shop,
    pub(super) watching: Arc<Watching>,
    clock: Clock,
    orders: u64,
    /// What people got: Discord's messages and e-mails, in short.
    said: Vec<Said>,
    calls_read: usize,
    mails_read: usize,
}

/// A message to people.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// `ALARM name` or `OK name`.
    pub(super) what: String,
    /// Whether it came by e-mail.
    pub(super) by_mail: bool,
    /// All of it.
    pub(super) whole: String,
    /// The minute in which it came.
    pub(super) minute: i64,
}

#[derive(Clone)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap()
    }

    fn reach(&self, at: Timestamp) {
        self.0.fetch_max(at.as_millisecond(), Ordering::Relaxed);
    }

    /// Whoever waits moves the clock to the end of the wait. Waits at the same time overlap. A long wait is a
    /// time-out, which runs against a real call, so it takes its real time.
    fn world(&self) -> World {
        let (now, sleeping, real) = (self.clone(), self.clone(), World::real());
        World::new(
            move || now.now(),
            move |bytes| real.fill(bytes),
            move |duration| {
                let clock = sleeping.clone();
                let end = clock.now() + duration;
                Box::pin(async move {
                    if duration < TIMEOUT_LEAST {
                        tokio::task::yield_now().await;
                    } else {
                        World::real().sleep(duration).await;
                    }
                    clock.reach(end);
                })
            },
        )
    }
}

impl Stage {
    /// A new deployment with all alarms, before its first minute.
    pub(super) async fn deploy() -> Self {
        let start_at: Timestamp = START.parse().unwrap();
        let clock = Clock(Arc::new(AtomicI64::new(start_at.as_millisecond())));
        let parameter = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let running = start(Options {
            watch: true,
            seed: false,
            // The stage itself ends minutes and runs the sweeper.
            schedules: false,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            parameters: vec![
                parameter("Monitoring", "full"),
                parameter("AlertEmail", "on-call@shop.example"),
            ],
            world: clock.world(),
            ..Options::in_memory()
        });
        let running = running.await.unwrap();
        let watching = Arc::clone(running.watching.as_ref().unwrap());
        Self {
            shop: Shop::of(running),
            watching,
            clock,
            orders: 0,
            said: Vec::new(),
            calls_read: 0,
            mails_read: 0,
        }
    }

    /// A deployment that has been healthy for some minutes.
    pub(super) async fn healthy() -> Self {
        let mut stage = Self::deploy().await;
        stage.shop.stock(SKU, 1_000_000).await;
        for _ in 0..6 {
            stage.minute(Load::Orders(1)).await;
        }
        assert_eq!(stage.red(), [""; 0], "after the deployment");
        stage.forget();
        stage
    }

    /// The number of the minute.
    pub(super) fn now(&self) -> i64 {
        self.clock
            .now()
            .as_millisecond()
            .div_euclid(MINUTE_MILLISECONDS)
    }

    /// A name for an order that nobody used before.
    pub(super) fn next_key(&mut self) -> String {
        self.orders += 1;
        format!("order-{}", self.orders)
    }

    pub(super) fn break_it(&self, fault: &str) {
        self.watching
            .faults()
            .add(&fault.parse().unwrap(), self.clock.now());
    }

    /// Empties the dead-letter queue of alerts, as somebody does who has read it.
    pub(super) fn read_dead_letters(&self) {
        assert!(self.watching.purge("surefire-AlertsDeadLetterQueue"));
    }

    pub(super) fn mend(&self) {
        self.watching.faults().clear();
    }

    /// Lets a minute pass with these requests.
    pub(super) async fn minute(&mut self, load: Load) {
        let end = (self.now() + 1) * MINUTE_MILLISECONDS;
        load.send(self).await;
        self.sweep().await;
        self.end_minute(end).await;
    }

    /// Lets a minute pass in which nobody sends a request. The sweeper runs in every fourth.
    pub(super) async fn quiet_minute(&mut self) {
        let end = (self.now() + 1) * MINUTE_MILLISECONDS;
        if self.now() % 4 == 0 {
            self.sweep().await;
        }
        self.end_minute(end).await;
    }

    async fn end_minute(&mut self, end: i64) {
        let end = Timestamp::from_millisecond(end).unwrap();
        self.clock.reach(end + Duration::from_millis(1));
        self.watching.minute();
        self.watching.deliver().await;
        self.listen();
    }

    /// Runs the sweeper, as its schedule does every minute.
    async fn sweep(&self) {
        self.run(Kind::OrdersSweeper).await;
    }

    /// Runs the auditor, as its schedule does every day. On a stage nobody else does.
    pub(super) async fn audit(&self) {
        self.run(Kind::OrdersAuditor).await;
    }

    async fn run(&self, kind: Kind) {
        if self
            .watching
            .faults()
            .of("schedules", self.clock.now())
            .is_some()
        {
            return;
        }
        let running = &self.shop.running;
        let (function, _) = running.template.function(kind).unwrap();
        // A run that a fault ends is what the alarms are for.
        let _ = running.functions.invoke(function, json!({}), None).await;
    }

    /// Reads what came since the last call.
    fn listen(&mut self) {
        let minute = self.now();
        let calls = self.shop.running.discord.calls();
        for call in calls.iter().skip(self.calls_read) {
            let title = call.payload["embeds"][0]["title"].as_str();
            let accepted = call.status.is_some_and(|status| status < 300);
            let (Some(title), true) = (title, accepted) else {
                continue;
            };
            let what = in_short(title);
            // An edit of a message and a new message about the same are one.
            let again = |it: &Said| it.what == what && it.minute == minute;
            if !self.said.iter().any(again) {
                self.said.push(Said {
                    what,
                    by_mail: false,
                    whole: call.payload.to_string(),
                    minute,
                });
            }
        }
        self.calls_read = calls.len();
        let mails = self.watching.mails();
        for mail in mails.iter().skip(self.mails_read) {
            self.said.push(Said {
                what: in_short(&mail.subject),
                by_mail: true,
                whole: format!("{}\n{}", mail.subject, mail.text),
                minute,
            });
        }
        self.mails_read = mails.len();
    }

    /// What people got so far.
    pub(super) fn said(&self) -> &[Said] {
        &self.said
    }

    /// Forgets what people got so far.
    pub(super) fn forget(&mut self) {
        self.said.clear();
    }

    /// The alarms in `ALARM`, without the stack's name.
    pub(super) fn red(&self) -> Vec<String> {
        let rows = self.watching.rows();
        let red = rows.iter().filter(|row| row.state == watch::State::Alarm);
        red.map(|row| short_name(&row.name)).collect()
    }

    pub(super) async fn stop(self) {
        self.shop.assert_conserved().await;
        drop(self.watching);
        self.shop.running.stop().await;
    }
}

/// An alarm's name without the stack's.
pub(super) fn short_name(name: &str) -> String {
    name.trim_start_matches("surefire-").to_owned()
}

/// `ALARM name` or `OK name`, from a message's line or a mail's subject.
fn in_short(text: &str) -> String {
    let state = if text.contains("ALARM") {
        "ALARM"
    } else if text.contains("INSUFFICIENT_DATA") || text.contains("NO DATA") {
        "INSUFFICIENT_DATA"
    } else {
        "OK"
    };
    let name = text.split("surefire-").nth(1).unwrap_or(text);
    let end = name.find(|it: char| !it.is_ascii_alphanumeric() && it != '-');
    format!("{state} {}", name.split_at(end.unwrap_or(name.len())).0)
}
