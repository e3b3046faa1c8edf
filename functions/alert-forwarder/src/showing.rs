//! Shows an incident in one channel: posts, edits, or changes a line in a digest.

use std::sync::Arc;

use shared::world::World;

use crate::accounts::Accounts;
use crate::answer::RouteFault;
use crate::channels::Channels;
use crate::digests::{Digests, Placed};
use crate::enrich::Enricher;
use crate::event::Event;
use crate::face::{face, line, note};
use crate::held::Held;
use crate::incident::plan::{Step, step};
use crate::incident::{At, Incident, View};
use crate::parse::parse;
use crate::render::{Options, render};
use crate::route::Route;
use crate::send::{End, Sending};

/// The channels that show incidents.
#[derive(Debug)]
pub(crate) struct Showing {
    pub(crate) channels: Arc<Channels>,
    pub(crate) digests: Arc<Digests>,
    pub(crate) enricher: Enricher,
    pub(crate) world: World,
    pub(crate) accounts: Accounts,
}

/// What a step did.
pub(crate) enum Acted {
    /// Discord was called.
    Sent(Sending),
    /// A post must be announced in the item before it is made.
    Announced,
    /// Only what is known has changed.
    Noted,
}

impl Showing {
    /// Makes one step for one route.
    pub(crate) async fn act(&self, held: &mut Held<'_>, route: &str) -> Acted {
        let incident = held.item.content.clone();
        let mut view = incident.views.get(route).cloned().unwrap_or_default();
        let step = step(&incident, &view);
        let configured = self.channels.route(route);
        let sending = match (step, configured) {
            // Without its route, a view cannot be shown; the alert's own route shows the incident.
            (Step::Nothing, _) | (Step::Post { .. }, None) => {
                view.shown = view.wanted;
                held.record(route, view);
                return Acted::Noted;
            }
            (Step::Line, _) => {
                self.change_line(held, route, &incident, view).await;
                return Acted::Noted;
            }
            (Step::Post { loud }, Some(configured)) => {
                let placed = self.place(held, configured, &incident, loud).await;
                match placed {
                    Placed::Alone => {}
                    Placed::InDigest(posted) => {
                        view.posted = Some(posted);
                        view.shows(&incident);
                        held.record(route, view);
                        return Acted::Noted;
                    }
                    Placed::NotYet => {
                        held.failed.insert(route.to_owned());
                        return Acted::Noted;
                    }
                }
                if !view.posting {
                    view.posting = true;
                    held.record(route, view);
                    return Acted::Announced;
                }
                self.post(held, configured, &incident, loud, &mut view)
                    .await
            }
            (Step::Edit { line }, _) => {
                let edited = self.edit(held, route, &incident, &view, line).await;
                let Some(sending) = edited else {
                    // The message cannot be edited any more. The next step posts another one.
                    view.posted = None;
                    held.record(route, view);
                    return Acted::Noted;
                };
                sending
            }
        };
        if matches!(sending.end, End::Accepted { .. }) {
            view.shows(&incident);
        }
        held.record(route, view);
        Acted::Sent(sending)
    }

    /// Finds a place for an incident. A silent message needs none.
    async fn place(
        &self,
        held: &Held<'_>,
        route: &Route,
        incident: &Incident,
        loud: bool,
    ) -> Placed {
        if !loud {
            return Placed::Alone;
        }
        let event = self.event(incident);
        self.digests
            .place(route, held.key, incident, &event, held.deadline)
            .await
    }

    /// Changes the incident's line in its digest.
    async fn change_line(
        &self,
        held: &mut Held<'_>,
        route: &str,
        incident: &Incident,
        mut view: View,
    ) {
        let posted = view.posted.as_ref();
        let digest = posted.and_then(|posted| posted.digest.as_deref());
        let changed = self.digests.line(
            digest.unwrap_or_default(),
            held.key,
            incident,
            held.deadline,
        );
        if changed.await {
            view.shows(incident);
            held.record(route, view);
        } else {
            held.failed.insert(route.to_owned());
        }
    }

    async fn post(
        &self,
        held: &Held<'_>,
        route: &Route,
        incident: &Incident,
        loud: bool,
        view: &mut View,
    ) -> Sending {
        let mut event = self.face(incident, held).await;
        event.silent |= !loud;
        let maybe_sent = held.doubtful.contains(&route.name);
        let compose = |options: &Options, detail| render(&event, options, detail);
        let (sending, posted) = self
            .channels
            .post(route, &compose, maybe_sent, held.deadline)
            .await;
        if matches!(sending.end, End::Accepted { .. }) {
            view.posted = Some(posted);
        } else {
            view.posting = sending.in_doubt;
        }
        sending
    }

    /// Edits the message. `None` if it cannot be edited, so that another one must be posted.
    async fn edit(
        &self,
        held: &Held<'_>,
        route: &str,
        incident: &Incident,
        view: &View,
        with_line: bool,
    ) -> Option<Sending> {
        let posted = view.posted.as_ref()?;
        let event = self.face(incident, held).await;
        let compose = |options: &Options, detail| render(&event, options, detail);
        let edit = || self.channels.edit(route, posted, &compose, held.deadline);
        let mut sending = edit().await?;
        if matches!(sending.end, End::Barred(RouteFault::ThreadArchived)) {
            // A message opens the thread.
            let opening = |_: &Options, _| note("📂".to_owned(), Vec::new(), true);
            self.channels
                .add(route, posted, &opening, held.deadline)
                .await?;
            sending = edit().await?;
        }
        if matches!(sending.end, End::Barred(_) | End::NoWebhook) {
            return None;
        }
        if with_line && matches!(sending.end, End::Accepted { .. }) {
            let link = self.channels.link(posted, held.deadline).await;
            let said = |_: &Options, _| line(incident, &event, link.as_deref());
            // The message shows the state already: a line that fails is not worth another edit.
            self.channels.add(route, posted, &said, held.deadline).await;
        }
        Some(sending)
    }

    /// The event of the message, with what is known about its alarm. An edit uploads the graph again: Discord keeps no
    /// attachment that an embed shows.
    async fn face(&self, incident: &Incident, held: &Held<'_>) -> Event {
        let mut event = self.event(incident);
        if event.causes.is_empty() {
            event.causes.clone_from(&incident.causes);
        }
        let left = held.deadline.left(self.world.machine_now()) / 4;
        let fired_at = incident.fired_at.and_then(At::timestamp);
        self.enricher.enrich(&mut event, fired_at, left).await;
        face(incident, event)
    }

    /// The newest alert of an incident, understood again.
    pub(crate) fn event(&self, incident: &Incident) -> Event {
        self.accounts.named(parse(&incident.alert.notification()))
    }
}
