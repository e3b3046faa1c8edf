//! Shows the digests of a flood: one message whose lines change, at most one edit every ten seconds.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use shared::world::World;
use tokio::time::timeout;

use crate::channels::Channels;
use crate::deadline::Deadline;
use crate::event::{Event, Watched};
use crate::face::{note, short_name, words};
use crate::flood::{Flood, Member, Place};
use crate::incident::{At, Incident, Posted};
use crate::incident_store::{Item, Lease, Saved, Store, Unreachable};
use crate::message::{DESCRIPTION_UNITS_MAX, Embed, File, Footer, Message};
use crate::queue::Queue;
use crate::render::Options;
use crate::route::Route;
use crate::send::End;
use crate::text::units;
use crate::wake::Wake;

/// What the keys of these items begin with.
pub(crate) const PREFIX: &str = "flood#";
/// The pause between two edits of a digest. Lines that change in it are shown together.
const PAUSE: i64 = 10_000;
const LEASE: Duration = Duration::from_mins(1);
const TRIES_MAX: u32 = 8;
const MINUTE: i64 = 60_000;
/// Items of one minute, before incidents get messages of their own again.
const PARTS_MAX: u32 = 10;

/// The digests of all routes.
#[derive(Debug)]
pub(crate) struct Digests {
    pub(crate) store: Store,
    pub(crate) channels: Arc<Channels>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) world: World,
}

/// Where a new incident is shown.
pub(crate) enum Placed {
    /// In a message of its own.
    Alone,
    /// In a line of a digest.
    InDigest(Posted),
    /// In a line of a digest that could not be shown.
    NotYet,
}

impl Digests {
    /// Finds a place for a new incident of a route. Without the table every incident gets a message.
    pub(crate) async fn place(
        &self,
        route: &Route,
        key: &str,
        incident: &Incident,
        event: &Event,
        deadline: Deadline,
    ) -> Placed {
        let now = self.world.now();
        let minute = At::of(now).0.div_euclid(MINUTE);
        let name = short_name(event);
        for part in 0..PARTS_MAX {
            let flood = format!("{PREFIX}{}#{minute}#{part}", route.name);
            let place = |it: &mut Flood| {
                it.place(
                    key,
                    incident.opening,
                    incident.severity,
                    &name,
                    incident.state,
                )
            };
            let changed = timeout(
                deadline.left(self.world.machine_now()) / 4,
                self.change(&flood, place),
            )
            .await;
            let place = match changed {
                Ok(Ok(Some(place))) => place,
                Ok(Ok(None)) => continue,
                Ok(Err(Unreachable)) | Err(_) => return Placed::Alone,
            };
            if place.is_alone() {
                return Placed::Alone;
            }
            // A digest that cannot be shown now is shown by a message to ourselves, or the alert comes back.
            if !self.show(&flood, place, deadline).await && !self.show_later(&flood, deadline).await
            {
                return Placed::NotYet;
            }
            return Placed::InDigest(Posted {
                digest: Some(flood),
                ..Posted::default()
            });
        }
        Placed::Alone
    }

    /// Changes the line of an incident. Returns whether the change is kept, and will be shown.
    pub(crate) async fn line(
        &self,
        flood: &str,
        key: &str,
        incident: &Incident,
        deadline: Deadline,
    ) -> bool {
        let (state, lasted) = (incident.state, incident.lasted());
        let change = |it: &mut Flood| it.change(key, incident.opening, state, lasted);
        let left = deadline.left(self.world.machine_now());
        match timeout(left, self.change(flood, change)).await {
            Ok(Ok(Some(place))) => self.show(flood, place, deadline).await,
            // The item has expired: its message is older than the longest incident that has one.
            Ok(Ok(None)) => true,
            Ok(Err(Unreachable)) | Err(_) => false,
        }
    }

    /// Shows the newest lines of both digests of an item, because a message of our own says so.
    pub(crate) async fn flush(&self, flood: &str, deadline: Deadline) -> bool {
        let forget = |it: &mut Flood| {
            it.ordinary.awaited = false;
            it.critical.awaited = false;
            Some(Place::Alone)
        };
        let left = deadline.left(self.world.machine_now());
        if !matches!(timeout(left, self.change(flood, forget)).await, Ok(Ok(_))) {
            return false;
        }
        self.show(flood, Place::Digest, deadline).await
            && self.show(flood, Place::CriticalDigest, deadline).await
    }

    async fn change(
        &self,
        key: &str,
        change: impl Fn(&mut Flood) -> Option<Place>,
    ) -> Result<Option<Place>, Unreachable> {
        for _ in 0..TRIES_MAX {
            let now = self.world.now();
            let mut item: Item<Flood> = self.store.load(key, now).await?;
            let before = item.content.clone();
            let place = change(&mut item.content);
            if item.content == before {
                return Ok(place);
            }
            if self.store.save(key, &mut item, false, now).await? == Saved::Yes {
                return Ok(place);
            }
            self.world
                .sleep(self.world.uniform(Duration::from_millis(50)))
                .await;
        }
        Err(Unreachable)
    }

    /// Shows a digest's newest lines, now or by a message to ourselves. Returns whether one of the two is
    /// certain.
    async fn show(&self, key: &str, place: Place, deadline: Deadline) -> bool {
        for _ in 0..TRIES_MAX {
            let left = deadline.left(self.world.machine_now());
            match timeout(left, self.try_to_show(key, place, deadline)).await {
                Ok(Ok(Some(done))) => return done,
                Ok(Ok(None)) => {}
                Ok(Err(Unreachable)) | Err(_) => return false,
            }
        }
        false
    }

    /// Sends a message to ourselves to show the newest lines. Returns whether it will come.
    async fn show_later(&self, key: &str, deadline: Deadline) -> bool {
        let now = self.world.now();
        let wake = Wake {
            incident: key.to_owned(),
            opening: 0,
            number: 0,
            due: At(At::of(now).0.saturating_add(PAUSE)),
        };
        let delay = wake.delay(At::of(now)).unwrap_or_default();
        let left = deadline.left_for_notes(self.world.machine_now());
        self.queue.can_wake() && self.queue.wake(&wake, delay, left).await
    }

    /// `None` if somebody else wrote the item, so that it must be read again.
    async fn try_to_show(
        &self,
        key: &str,
        place: Place,
        deadline: Deadline,
    ) -> Result<Option<bool>, Unreachable> {
        let now = self.world.now();
        let owner = self.owner();
        let mut item: Item<Flood> = self.store.load(key, now).await?;
        let is_leased = item.leased_for(&owner, now).is_some();
        let Some(board) = item.content.board_mut(place) else {
            return Ok(Some(true));
        };
        if board.shown == board.wanted || board.awaited {
            return Ok(Some(true));
        }
        let since = At::of(now).since(board.at);
        let is_early = board.posted.is_some() && since < PAUSE;
        if (is_early || is_leased) && self.queue.can_wake() {
            board.awaited = true;
            // Queued before it is noted: two messages do no harm, and none would.
            if !self.show_later(key, deadline).await {
                return Ok(Some(false));
            }
            let saved = self.store.save(key, &mut item, false, now).await?;
            return Ok((saved == Saved::Yes).then_some(true));
        }
        if is_leased {
            return Ok(Some(false));
        }
        let maybe_sent = board.posting;
        board.posting = board.posted.is_none();
        let until = now.as_second().saturating_add_unsigned(LEASE.as_secs());
        item.lease = Some(Lease { owner, until });
        if self.store.save(key, &mut item, false, now).await? == Saved::Lost {
            return Ok(None);
        }
        let shown = self
            .send(key, &item.content, place, maybe_sent, deadline)
            .await;
        self.record(key, place, &item, shown).await
    }

    /// Records what was shown, and gives the lease back.
    async fn record(
        &self,
        key: &str,
        place: Place,
        acted: &Item<Flood>,
        shown: Shown,
    ) -> Result<Option<bool>, Unreachable> {
        let version = acted.content.board(place).map_or(0, |board| board.wanted);
        for _ in 0..TRIES_MAX {
            let now = self.world.now();
            let mut item: Item<Flood> = self.store.load(key, now).await?;
            item.lease = None;
            let Some(board) = item.content.board_mut(place) else {
                return Ok(Some(true));
            };
            match &shown {
                Shown::Yes(posted) => {
                    board.posted = Some(posted.clone());
                    board.posting = false;
                    board.shown = version;
                    board.at = At::of(now);
                }
                Shown::No { in_doubt } => board.posting = *in_doubt,
                Shown::Barred => board.posted = None,
            }
            let is_newer = board.shown < board.wanted;
            if self.store.save(key, &mut item, false, now).await? == Saved::Yes {
                return Ok(match shown {
                    // Lines that came meanwhile, or a new message instead of a barred one.
                    Shown::Yes(_) if is_newer => None,
                    Shown::Barred => None,
                    Shown::Yes(_) => Some(true),
                    Shown::No { .. } => Some(false),
                });
            }
        }
        Err(Unreachable)
    }

    async fn send(
        &self,
        key: &str,
        flood: &Flood,
        place: Place,
        maybe_sent: bool,
        deadline: Deadline,
    ) -> Shown {
        let (Some(name), Some(board)) = (key.split('#').nth(1), flood.board(place)) else {
            return Shown::No { in_doubt: false };
        };
        let Some(route) = self.channels.route(name) else {
            return Shown::Yes(board.posted.clone().unwrap_or_default());
        };
        let at = minute_of(key);
        let compose = |options: &Options, _| message(flood, place, at, options);
        let (sending, posted) = match &board.posted {
            None => {
                self.channels
                    .post(route, &compose, maybe_sent, deadline)
                    .await
            }
            Some(posted) => {
                let edited = self.channels.edit(name, posted, &compose, deadline).await;
                let Some(sending) = edited else {
                    return Shown::Barred;
                };
                (sending, posted.clone())
            }
        };
        match sending.end {
            End::Accepted { .. } => Shown::Yes(posted),
            End::Barred(_) => Shown::Barred,
            End::NoWebhook if board.posted.is_some() => Shown::Barred,
            End::Refused | End::NoWebhook | End::GivenUp(_) => Shown::No {
                in_doubt: sending.in_doubt,
            },
        }
    }

    fn owner(&self) -> String {
        let mut bytes = [0; 16];
        self.world.fill(&mut bytes);
        format!("{:032x}", u128::from_le_bytes(bytes))
    }
}

enum Shown {
    Yes(Posted),
    No {
        in_doubt: bool,
    },
    /// The message cannot be edited any more.
    Barred,
}

/// The minute that a key names.
fn minute_of(key: &str) -> Option<Timestamp> {
    let minute: i64 = key.split('#').nth(2)?.parse().ok()?;
    At(minute.saturating_mul(MINUTE)).timestamp()
}

/// The message of a digest. What does not fit into the embed is in the attachment.
fn message(flood: &Flood, place: Place, at: Option<Timestamp>, options: &Options) -> Message {
    let lines = flood.lines(place);
    let over = lines.iter().filter(|line| line.state.is_over()).count();
    let firing = lines.len() - over;
    let symbol = if firing == 0 { '🟢' } else { '🔴' };
    let which = if place == Place::CriticalDigest {
        "critical alarms"
    } else {
        "alarms"
    };
    let title = format!("{symbol} {} {which} in one minute", lines.len());
    let mut content = format!("{title} · {firing} firing, {over} over");
    if let Some(at) = at {
        // Writing to a String cannot fail, here and below.
        let _ = write!(content, " · since {}", at.strftime("%F %H:%M UTC"));
    }
    let mentions = place == Place::CriticalDigest && 0 < firing;
    let roles = if mentions {
        options.roles.clone()
    } else {
        Vec::new()
    };
    for role in &roles {
        let _ = write!(content, " <@&{role}>");
    }
    let all: Vec<String> = lines.iter().map(|line| said(line)).collect();
    let (description, is_cut) = fitting(&all);
    let mut message = note(content, roles, false);
    let label = if options.possible_duplicate {
        "possible duplicate · "
    } else {
        ""
    };
    message.payload.embeds = vec![Embed {
        title,
        description,
        color: if firing == 0 {
            0x002E_CC71
        } else {
            0x00E7_4C3C
        },
        footer: Footer {
            text: format!("{label}digest · each line follows its alarm"),
        },
        ..Embed::default()
    }];
    if is_cut {
        message.attach(File {
            name: "alarms.txt",
            content_type: "text/plain; charset=utf-8",
            bytes: (all.join("\n") + "\n").into_bytes(),
        });
    }
    if options.thread_name.is_some() {
        message.payload.thread_name = Some("Many alarms at once".to_owned());
        message.payload.applied_tags.clone_from(&options.tags);
    }
    message
}

/// `🔴 ALARM · name` or `🟢 OK · name · after 3 min`.
fn said(member: &Member) -> String {
    let state = match member.state {
        Watched::Alarm => "🔴 ALARM",
        Watched::NoData => "⚪ NO DATA",
        Watched::Calm => "🔵 CALM",
        Watched::Ok => "🟢 OK",
        Watched::Gone => "⚪ DELETED",
    };
    let lasted = member.lasted.map(words);
    let after = lasted.map(|lasted| format!(" · after {lasted}"));
    format!("{state} · {}{}", member.name, after.unwrap_or_default())
}

/// The lines that fit into a description, and whether some do not.
fn fitting(lines: &[String]) -> (String, bool) {
    const NOTE_UNITS: usize = 80;
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if DESCRIPTION_UNITS_MAX < units(&text) + units(line) + NOTE_UNITS {
            let rest = lines.len() - index;
            let _ = write!(text, "… and {rest} more, in the attachment");
            return (text, true);
        }
        text.push_str(line);
        text.push('\n');
    }
    (text.trim_end().to_owned(), false)
}

#[cfg(test)]
mod tests;
