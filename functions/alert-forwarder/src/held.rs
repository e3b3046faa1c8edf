//! An incident while its lease is ours: what we did about it, and what is left to do.

use std::collections::{BTreeMap, BTreeSet};

use crate::deadline::Deadline;
use crate::incident::plan::{Step, step};
use crate::incident::{Incident, View};
use crate::incident_store::Item;

/// An incident while we hold its lease.
pub(crate) struct Held<'a> {
    pub(crate) key: &'a str,
    pub(crate) owner: String,
    pub(crate) item: Item<Incident>,
    /// Routes where an earlier instance may have posted a message that it could not record.
    pub(crate) doubtful: BTreeSet<String>,
    /// What we did, to be kept when somebody else writes the item.
    pub(crate) acted: BTreeMap<String, View>,
    pub(crate) failed: BTreeSet<String>,
    /// Whether a message to ourselves could not be queued.
    pub(crate) unwatched: bool,
    pub(crate) deadline: Deadline,
}

impl Held<'_> {
    pub(crate) fn has_lease(&self) -> bool {
        let lease = self.item.lease.as_ref();
        lease.is_some_and(|lease| lease.owner == self.owner)
    }

    /// The next route that has to show something.
    pub(crate) fn next(&self) -> Option<String> {
        let mut views = self.item.content.views.iter();
        views
            .find(|(route, view)| view.is_due() && !self.failed.contains(*route))
            .map(|(route, _)| route.clone())
    }

    pub(crate) fn record(&mut self, route: &str, view: View) {
        self.acted.insert(route.to_owned(), view);
        self.merge();
    }

    /// Puts what we did into the item. What is wanted by now stays.
    pub(crate) fn merge(&mut self) {
        for (route, mine) in &self.acted {
            let view = self.item.content.views.entry(route.clone()).or_default();
            let wanted = view.wanted.max(mine.wanted);
            *view = View {
                wanted,
                ..mine.clone()
            };
        }
    }
}

/// Announces each post in the item before it is made. Returns the routes where an earlier one may have
/// been made without a record.
pub(crate) fn announce(
    incident: &mut Incident,
    maybe_sent: bool,
    is_ours: bool,
) -> BTreeSet<String> {
    let planned = incident.clone();
    let mut doubtful = BTreeSet::new();
    for (route, view) in &mut incident.views {
        let posts = matches!(step(&planned, view), Step::Post { .. });
        if (view.posting && !is_ours) || (posts && maybe_sent) {
            doubtful.insert(route.clone());
        }
        view.posting = posts;
    }
    doubtful
}
