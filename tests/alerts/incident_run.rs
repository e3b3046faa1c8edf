//! Thousands of state changes, with everything that can go wrong: in the end the channel tells the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alert_forwarder::{Timeouts, handle};
use discord::fault::Fault;
use discord::message::Message;
use serde_json::{Value, json};
use tracing::Level;

use super::changes::{History, Queued, Truth, history};
use super::no_loss::{BATCH_MAX, HANG, Mortal, VISIBILITY, chaos};
use super::stage::{Random, Setting, Stage, handed_back};

const SEED: u64 = 20_261_126;
const ROLE: &str = "111111111111111111";
/// How often a critical alarm mentions while it fires: when it opens, and with each of its reminders.
const MENTIONS: u64 = 1 + 4;

/// As many changes as the suite asks for: about 2,000, and 20,000 with the many cases of the long one.
fn changes() -> usize {
    let cases = proptest::test_runner::Config::default().cases;
    (8 * usize::try_from(cases).unwrap()).min(20_000)
}

/// What went wrong in a run, and what the channel got. A run without failures proves nothing.
#[derive(Debug, Default)]
struct Run {
    changes: usize,
    crashes: usize,
    /// Messages that Discord took without saying so.
    ambiguous: usize,
    orphans: usize,
    openings: u64,
    in_digests: usize,
    /// Mentions beyond those that the openings of critical alarms have.
    doubled: u64,
    median: usize,
    worst: usize,
}

#[tokio::test]
async fn slow_after_thousands_of_changes_every_recorded_message_shows_the_newest_state() {
    println!("seed {SEED}");
    let changes = changes();
    let (stage, ambiguous) = stage().await;
    let random = Random::new(SEED + 1);
    let start = stage.world.now().as_millisecond();
    let History { truth, queue } = history(changes, start, &random);
    let crashes = run(&stage, queue, &random).await;
    let items = items(&stage).await;
    let mut run = Run {
        changes,
        crashes,
        ambiguous: ambiguous.load(Ordering::Relaxed),
        ..Run::default()
    };
    judge(&stage, &truth, &items, &mut run);
    println!("{run:?}");
    assert!(run.orphans <= run.crashes + run.ambiguous, "{run:?}");
    // A message that Discord took in silence is sent again, and mentions again.
    let unknown = u64::try_from(run.crashes + run.ambiguous).unwrap();
    assert!(run.doubled <= unknown, "{run:?}");
    assert!(run.changes / 400 <= run.crashes, "{run:?}");
    assert!(0 < run.ambiguous && 0 < run.in_digests, "{run:?}");
}

/// A stage whose Discord fails at random, and the number of messages that it took without saying so.
async fn stage() -> (Stage, Arc<AtomicUsize>) {
    let stage = Stage::set(Setting {
        seed: SEED,
        routes: Some(r#"[{"name": "all", "roles": ["111111111111111111"]}]"#),
        level: Some(Level::ERROR),
        timeouts: Some(Timeouts {
            total: HANG,
            ..Timeouts::default()
        }),
        ..Setting::default()
    })
    .await;
    stage.discord.keep_messages(200_000);
    let ambiguous = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ambiguous);
    let mut fault = chaos(SEED);
    stage.discord.script(move |attempt| {
        let fault = fault();
        let is_silent = matches!(
            fault,
            Some(Fault::AcceptThenDrop | Fault::AcceptThenHang | Fault::NoContent)
        );
        if is_silent && attempt.method == "POST" {
            count.fetch_add(1, Ordering::Relaxed);
        }
        fault
    });
    (stage, ambiguous)
}

/// Delivers the queue as SQS does, with what the function sends to itself, until nothing is left. Returns
/// how many instances died.
async fn run(stage: &Stage, mut queue: Vec<Queued>, random: &Random) -> usize {
    let mut crashes = 0;
    let mut instance = stage.another_instance();
    let mut wakes = 0;
    while let Some(next) = queue.iter().map(|message| message.visible_at).min() {
        let now = stage.world.now().as_millisecond();
        if now < next {
            let wait = u64::try_from(next - now).unwrap();
            stage.clock.advance(Duration::from_millis(wait));
            continue;
        }
        let visible = |message: &mut Queued| message.visible_at <= now;
        let mut batch: Vec<Queued> = queue.extract_if(.., visible).take(BATCH_MAX).collect();
        for message in &mut batch {
            message.receives += 1;
            message.visible_at = now + i64::try_from(VISIBILITY.as_millis()).unwrap();
            assert!(
                message.receives < 100,
                "a message goes round: {}",
                message.body
            );
        }
        let records: Vec<Value> = batch.iter().map(Queued::record).collect();
        let event = stage.event(json!({"Records": records}), Duration::from_secs(20));
        let dies = random.percent(10);
        let invocation = Mortal {
            future: Box::pin(handle(&instance, event)),
            polls_left: if dies { random.next() % 120 } else { u64::MAX },
        };
        let back: BTreeSet<String> = if let Some(answer) = invocation.await {
            handed_back(&answer.unwrap()).into_iter().collect()
        } else {
            crashes += 1;
            instance = stage.another_instance();
            batch.iter().map(|message| message.handle.clone()).collect()
        };
        let hidden = std::mem::take(&mut *stage.aws.hidden.lock().unwrap());
        let now = stage.world.now().as_millisecond();
        for mut message in batch {
            if back.contains(&message.handle) || random.percent(1) {
                if let Some(seconds) = hidden.get(&message.handle) {
                    message.visible_at = now + 1_000 * i64::try_from(*seconds).unwrap();
                }
                queue.push(message);
            }
        }
        for (delay, body) in std::mem::take(&mut *stage.aws.wakes.lock().unwrap()) {
            wakes += 1;
            queue.push(Queued {
                body,
                handle: format!("wake-{wakes}"),
                receives: 0,
                sent_at: now,
                visible_at: now + 1_000 * i64::try_from(delay).unwrap(),
            });
        }
    }
    crashes
}

/// The contents of the table's incidents and floods, by key.
async fn items(stage: &Stage) -> BTreeMap<String, Value> {
    let mut items = BTreeMap::new();
    let pages = stage
        .table
        .scan()
        .table_name("alerts")
        .into_paginator()
        .items();
    let all: Vec<_> = pages.send().try_collect().await.unwrap();
    for item in all {
        let key = item["pk"].as_s().unwrap();
        if let Some(content) = item.get("content") {
            let content = serde_json::from_str(content.as_s().unwrap()).unwrap();
            items.insert(key.clone(), content);
        }
    }
    items
}

/// Compares the channel with the truth.
fn judge(
    stage: &Stage,
    truth: &BTreeMap<String, Truth>,
    items: &BTreeMap<String, Value>,
    run: &mut Run,
) {
    let messages: BTreeMap<String, Message> = stage
        .discord
        .messages()
        .into_iter()
        .map(|message| (message.id.clone(), message))
        .collect();
    let mut by_name: BTreeMap<String, Vec<&Message>> = BTreeMap::new();
    for message in messages.values() {
        let line = message.line();
        if let Some(name) = line
            .split_whitespace()
            .find(|word| word.starts_with("alarm-"))
        {
            by_name.entry(name.to_owned()).or_default().push(message);
        }
    }
    let mut recorded: BTreeSet<String> = BTreeSet::new();
    let mut posts = Vec::new();
    for (name, truth) in truth {
        let key = format!("incident#arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}");
        let incident = &items[&key];
        let is_ok = truth.state == "OK";
        assert_eq!(incident["at"], truth.at, "{name}: {incident}");
        let expected = if is_ok { "Ok" } else { "Alarm" };
        assert_eq!(incident["state"], expected, "{name}: {incident}");
        let openings = incident["opening"].as_u64().unwrap();
        run.openings += openings;
        let mine = by_name.get(name).cloned().unwrap_or_default();
        posts.push(
            mine.len()
                .div_ceil(usize::try_from(openings).unwrap().max(1)),
        );
        let view = &incident["views"]["all"];
        assert_eq!(view["shown"], view["wanted"], "{name}: {incident}");
        let posted = &view["posted"];
        if let Some(digest) = posted["digest"].as_str() {
            run.in_digests += 1;
            let critical = is_in_digest(&items[digest], &key, openings, is_ok, &messages);
            assert!(critical || !truth.critical, "{name} is hidden in {digest}");
            continue;
        }
        let id = posted["message_id"].as_str().unwrap_or_default();
        recorded.insert(id.to_owned());
        let Some(message) = messages.get(id) else {
            // Discord took the message and did not say its id: counted as ambiguous.
            assert!(posted["message_id"].is_null(), "{name}: {incident}");
            continue;
        };
        assert!(
            shows(message, is_ok),
            "{name}: {} {incident}",
            message.line()
        );
        if truth.critical && !is_ok && incident["flapping"] == false {
            let role = format!("<@&{ROLE}>");
            let mentions = mine.iter().filter(|it| it.pings.contains(&role));
            let mentions = u64::try_from(mentions.count()).unwrap();
            // Nobody reacted and it still fires, so its last opening was said again as often as there are reminders.
            assert!(MENTIONS <= mentions, "{name} mentioned {mentions} times");
            run.doubled += mentions.saturating_sub(MENTIONS * openings);
        }
    }
    let over = |name: &str| truth.get(name).is_some_and(|truth| truth.state == "OK");
    run.orphans = by_name
        .iter()
        .filter(|(name, _)| over(name))
        .flat_map(|(_, messages)| messages)
        .filter(|message| !message.embeds.is_empty() && !recorded.contains(&message.id))
        .filter(|message| message.content.starts_with("🔴"))
        .count();
    posts.sort_unstable();
    run.median = posts[posts.len() / 2];
    run.worst = posts.last().copied().unwrap();
}

/// Whether a message shows the state, also as that of an alarm that flaps.
fn shows(message: &Message, is_ok: bool) -> bool {
    let (state, now) = if is_ok {
        ("🟢 OK", "OK")
    } else {
        ("🔴 ALARM", "ALARM")
    };
    let flaps = message.content.starts_with("🟠 FLAPPING");
    let says = super::episode::field(message, "Now");
    message.content.starts_with(state)
        || (flaps && (says.as_deref() == Some(now) || message.embeds.is_empty()))
        || message.embeds.is_empty()
}

/// Checks the line of an incident in a digest. Returns whether the digest is the critical one.
fn is_in_digest(
    flood: &Value,
    key: &str,
    opening: u64,
    is_ok: bool,
    messages: &BTreeMap<String, Message>,
) -> bool {
    let mut members = flood["members"].as_array().unwrap().iter();
    let member = members
        .find(|member| member["incident"] == key && member["opening"] == opening)
        .unwrap();
    assert_eq!(member["state"], if is_ok { "Ok" } else { "Alarm" });
    let critical = member["place"] == "CriticalDigest";
    let board = &flood[if critical { "critical" } else { "ordinary" }];
    assert_eq!(board["shown"], board["wanted"], "{key}: {board}");
    let id = board["posted"]["message_id"].as_str().unwrap_or_default();
    if let Some(message) = messages.get(id) {
        let files = message
            .files
            .iter()
            .map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        let text = files.fold(message.line(), |text, file| text + &file);
        let name = key.rsplit(':').next().unwrap();
        let state = if is_ok { "🟢 OK" } else { "🔴 ALARM" };
        let is_plain = message.embeds.is_empty();
        assert!(
            is_plain || text.contains(&format!("{state} · {name}")),
            "{key}: {text}"
        );
    }
    critical
}
