//! Routes: which alert goes to which webhook, thread and roles.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::event::{Event, Severity};
use crate::message::{ROLES_MAX, TAGS_MAX, THREAD_NAME_UNITS_MAX};
use crate::render::Options;
use crate::text::units;

/// The webhook key of a route without one.
const WEBHOOK_DEFAULT: &str = "default";

/// The latest escalation: a day after the alarm.
const MINUTES_MAX: u32 = 24 * 60;

/// The routes in order. The last one takes everything.
#[derive(Clone, Debug)]
pub struct Routes(Vec<Route>);

/// A channel, and the alerts that go there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    /// Its name in logs, metrics and the keys of claims.
    pub(crate) name: String,
    /// The alerts that it takes.
    #[serde(default, rename = "match")]
    pub(crate) matches: Match,
    /// The key of its webhook in the secret.
    #[serde(default = "webhook_default")]
    pub(crate) webhook: String,
    /// The thread to post in.
    #[serde(default)]
    pub(crate) thread_id: Option<String>,
    /// For a forum: the name of the thread that each alert begins. `{name}` becomes the alert's name.
    #[serde(default)]
    pub(crate) thread_name: Option<String>,
    /// For a forum: the ids of the tags of those threads.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// The roles to mention.
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    /// The lowest severity that mentions them.
    #[serde(default = "mention_default")]
    pub(crate) mention_from: Severity,
    /// After how many minutes a critical alarm that still fires is said again; 0 for never.
    #[serde(default = "remind_default")]
    pub(crate) remind_after_minutes: u32,
    /// After how many minutes it is said to the roles of `escalation`, or again to the same ones.
    #[serde(default = "escalate_default")]
    pub(crate) escalate_after_minutes: u32,
    /// The roles to mention then.
    #[serde(default)]
    pub(crate) escalation: Vec<String>,
    /// The route to use while this one's webhook is not usable.
    #[serde(default)]
    pub(crate) fallback: Option<String>,
}

fn webhook_default() -> String {
    WEBHOOK_DEFAULT.to_owned()
}

const fn mention_default() -> Severity {
    Severity::Critical
}

const fn remind_default() -> u32 {
    15
}

const fn escalate_default() -> u32 {
    45
}

/// The conditions of a route. An alert must meet all that are set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Match {
    /// The lowest severity.
    #[serde(default)]
    pub(crate) severity: Option<Severity>,
    /// A glob for the source: `aws.cloudwatch`, `aws.*`.
    #[serde(default)]
    pub(crate) source: Option<String>,
    /// The AWS account.
    #[serde(default)]
    pub(crate) account: Option<String>,
    /// A glob for the title: `prod-*`.
    #[serde(default)]
    pub(crate) name: Option<String>,
}

/// Why the routes are refused.
#[derive(Debug, thiserror::Error)]
pub enum RoutesError {
    /// The text is not JSON, or has the wrong form.
    #[error("not JSON of the right form: {0}")]
    Form(#[from] serde_json::Error),
    /// The name of a route is not valid or not unique. The number counts from one.
    #[error("route {0} needs a name of up to 64 letters, digits, - and _ that no other route has")]
    Name(usize),
    /// A fallback does not name another route.
    #[error("route {0:?}: fallback {1:?} is not another route")]
    Fallback(String, String),
    /// More roles than a message can mention, or one of them twice.
    #[error(
        "route {0:?}: roles must be at most {ROLES_MAX} different ids, or the mentions do not fit into a message"
    )]
    Roles(String),
    /// Reminders that come too late, or an escalation before the first reminder.
    #[error(
        "route {0:?}: remind_after_minutes must be at most escalate_after_minutes, and both at most {MINUTES_MAX}"
    )]
    Reminders(String),
    /// A thread name that Discord would refuse.
    #[error(
        "route {0:?}: thread_name needs 1 to {THREAD_NAME_UNITS_MAX} characters, and no thread_id beside it"
    )]
    ThreadName(String),
    /// Tags without a new thread, or too many.
    #[error("route {0:?}: tags must be at most {TAGS_MAX} different ids, beside a thread_name")]
    Tags(String),
    /// An id of a role, tag or thread that Discord would refuse.
    #[error("route {0:?}: {1:?} is not a Discord id, which has 17 to 20 digits")]
    Id(String, String),
}

impl Routes {
    /// Reads the routes from JSON. Adds a last route that takes everything, if there is none.
    pub(crate) fn parse(json: Option<&str>) -> Result<Self, RoutesError> {
        let mut routes: Vec<Route> = serde_json::from_str(json.unwrap_or("[]"))?;
        for (index, route) in routes.iter().enumerate() {
            route.check(index, &routes)?;
        }
        if routes
            .last()
            .is_none_or(|last| !last.matches.is_everything())
        {
            let taken = routes.iter().any(|route| route.name == WEBHOOK_DEFAULT);
            routes.push(Route::default_named(if taken {
                "rest"
            } else {
                WEBHOOK_DEFAULT
            }));
        }
        Ok(Self(routes))
    }

    /// The first route that takes an event.
    pub(crate) fn pick(&self, event: &Event) -> Option<&Route> {
        self.0.iter().find(|route| route.matches.takes(event))
    }

    /// The route of a name.
    pub(crate) fn named(&self, name: &str) -> Option<&Route> {
        self.0.iter().find(|route| route.name == name)
    }

    /// The fallback of a route.
    pub(crate) fn fallback_of(&self, route: &Route) -> Option<&Route> {
        self.named(route.fallback.as_deref()?)
    }
}

impl Route {
    pub(crate) fn default_named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            matches: Match::default(),
            webhook: webhook_default(),
            thread_id: None,
            thread_name: None,
            tags: Vec::new(),
            roles: Vec::new(),
            mention_from: mention_default(),
            remind_after_minutes: remind_default(),
            escalate_after_minutes: escalate_default(),
            escalation: Vec::new(),
            fallback: None,
        }
    }

    /// What the route adds to an event's message.
    pub(crate) fn options(&self) -> Options {
        Options {
            roles: self.roles.clone(),
            mention_from: Some(self.mention_from),
            possible_duplicate: false,
            thread_name: self.thread_name.clone(),
            tags: self.tags.clone(),
        }
    }

    fn check(&self, index: usize, all: &[Self]) -> Result<(), RoutesError> {
        let named = (1..=64).contains(&self.name.len())
            && self
                .name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let same = all.iter().filter(|other| other.name == self.name).count();
        if !named || same != 1 {
            return Err(RoutesError::Name(index + 1));
        }
        let is_id = |id: &str| {
            (17..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
        };
        let roles = self.roles.iter().chain(&self.escalation);
        for id in roles.chain(&self.tags).chain(&self.thread_id) {
            if !is_id(id) {
                return Err(RoutesError::Id(self.name.clone(), id.clone()));
            }
        }
        self.check_limits()?;
        self.check_fallback(all)
    }

    /// Checks what Discord would refuse with every message.
    fn check_limits(&self) -> Result<(), RoutesError> {
        let differ = |ids: &[String]| ids.iter().collect::<BTreeSet<_>>().len() == ids.len();
        for roles in [&self.roles, &self.escalation] {
            if ROLES_MAX < roles.len() || !differ(roles) {
                return Err(RoutesError::Roles(self.name.clone()));
            }
        }
        let (remind, escalate) = (self.remind_after_minutes, self.escalate_after_minutes);
        let is_order = escalate == 0 || remind <= escalate;
        if MINUTES_MAX < remind.max(escalate) || !is_order {
            return Err(RoutesError::Reminders(self.name.clone()));
        }
        if let Some(thread_name) = &self.thread_name {
            let fits =
                units(thread_name) <= THREAD_NAME_UNITS_MAX && !thread_name.trim().is_empty();
            if !fits || self.thread_id.is_some() {
                return Err(RoutesError::ThreadName(self.name.clone()));
            }
        }
        let tagged = !self.tags.is_empty();
        let too_many = TAGS_MAX < self.tags.len() || !differ(&self.tags);
        if too_many || (tagged && self.thread_name.is_none()) {
            return Err(RoutesError::Tags(self.name.clone()));
        }
        Ok(())
    }

    fn check_fallback(&self, all: &[Self]) -> Result<(), RoutesError> {
        match &self.fallback {
            Some(name) if *name == self.name || !all.iter().any(|other| other.name == *name) => {
                Err(RoutesError::Fallback(self.name.clone(), name.clone()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Match {
    fn is_everything(&self) -> bool {
        self.severity.is_none()
            && self.source.is_none()
            && self.account.is_none()
            && self.name.is_none()
    }

    fn takes(&self, event: &Event) -> bool {
        let glob_takes = |glob: &Option<String>, text: &str| {
            glob.as_deref().is_none_or(|glob| matches(glob, text))
        };
        self.severity.is_none_or(|least| least <= event.severity)
            && self
                .account
                .as_deref()
                .is_none_or(|account| event.account.as_deref() == Some(account))
            && glob_takes(&self.source, &event.source)
            && glob_takes(&self.name, &event.title)
    }
}

/// Whether a text matches a glob, where `*` is any text and `?` any character.
///
/// Walks both texts, and goes back to the last `*` only: linear in practice, quadratic at worst, for
/// any number of `*`.
fn matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut at_glob, mut at_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match (glob.get(at_glob), text.get(at_text)) {
            (Some('*'), _) => {
                star = Some((at_glob + 1, at_text));
                at_glob += 1;
            }
            (Some(wanted), Some(found)) if *wanted == '?' || wanted == found => {
                at_glob += 1;
                at_text += 1;
            }
            _ => {
                let Some((after, taken)) = star else {
                    return false;
                };
                star = Some((after, taken + 1));
                at_glob = after;
                at_text = taken + 1;
            }
        }
    }
    glob.iter().skip(at_glob).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(glob: &str, text: &str, expected: bool) {
        assert_eq!(matches(glob, text), expected, "{glob} {text}");
    }

    #[test]
    fn a_glob_matches_the_whole_name() {
        check("prod-*", "prod-orders-5xx", true);
        check("prod-*", "staging-prod-", false);
        check("*-5xx", "prod-orders-5xx", true);
        check("*orders*", "prod-orders-5xx", true);
        check("prod-?rders*xx", "prod-orders-5xx", true);
        check("a", "ab", false);
        check("", "", true);
        check("*", "", true);
        check("**a**b**", "xxaxxbxx", true);
        check("*é?", "caféx", true);
    }

    #[test]
    fn the_last_route_takes_everything() {
        let count = |json| Routes::parse(json).unwrap().0.len();
        assert_eq!(count(None), 1);
        assert_eq!(count(Some(r#"[{"name": "all"}]"#)), 1);
        assert_eq!(
            count(Some(
                r#"[{"name": "default", "match": {"severity": "critical"}}]"#
            )),
            2
        );
    }

    #[test]
    fn routes_that_cannot_work_are_refused_by_name() {
        let error = |json: &str| Routes::parse(Some(json)).unwrap_err().to_string();
        assert!(error(r#"[{"name": "a"}, {"name": "a"}]"#).starts_with("route 1 needs a name"));
        assert!(error(r#"[{"name": "a#b"}]"#).starts_with("route 1 needs a name"));
        assert!(
            error(r#"[{"name": "a", "roles": ["@everyone"]}]"#).contains("is not a Discord id")
        );
        assert!(error(r#"[{"name": "a", "thread_id": "7"}]"#).contains("\"7\""));
        assert!(error(r#"[{"name": "a", "fallback": "a"}]"#).contains("is not another route"));
        assert!(error(r#"[{"name": "a", "colour": 1}]"#).contains("unknown field"));
        let ids = |count: u64| {
            let ids = (0..count).map(|id| format!("\"{}\"", 100_000_000_000_000_000 + id));
            ids.collect::<Vec<_>>().join(", ")
        };
        let roles = |ids: &str| format!(r#"[{{"name": "a", "roles": [{ids}]}}]"#);
        assert!(Routes::parse(Some(&roles(&ids(60)))).is_ok());
        assert!(error(&roles(&ids(61))).contains("at most 60 different ids"));
        assert!(error(&roles(&ids(101))).contains("at most 60 different ids"));
        let twice = format!("{}, {}", ids(1), ids(1));
        assert!(error(&roles(&twice)).contains("at most 60 different ids"));
    }

    #[test]
    fn reminders_that_cannot_be_meant_are_refused_at_start() {
        let route =
            |members: &str| Routes::parse(Some(&format!(r#"[{{"name": "a", {members}}}]"#)));
        let error = |members: &str| route(members).unwrap_err().to_string();
        assert!(route(r#""remind_after_minutes": 0"#).is_ok());
        assert!(route(r#""remind_after_minutes": 5, "escalate_after_minutes": 5"#).is_ok());
        assert!(error(r#""remind_after_minutes": 60"#).contains("at most escalate_after_minutes"));
        assert!(error(r#""escalate_after_minutes": 1441"#).contains("both at most 1440"));
        assert!(error(r#""escalation": ["@here"]"#).contains("is not a Discord id"));
    }

    #[test]
    fn a_thread_that_discord_would_refuse_to_begin_is_refused_at_start() {
        let thread =
            |members: &str| Routes::parse(Some(&format!(r#"[{{"name": "a", {members}}}]"#)));
        let error = |members: &str| thread(members).unwrap_err().to_string();
        let long = |length| format!(r#""thread_name": "{}""#, "n".repeat(length));
        assert!(thread(&long(100)).is_ok());
        assert!(error(&long(101)).contains("thread_name needs 1 to 100 characters"));
        assert!(error(&long(0)).contains("thread_name needs 1 to 100 characters"));
        let both = r#""thread_name": "{name}", "thread_id": "112233445566778899""#;
        assert!(error(both).contains("no thread_id beside it"));
        let tags = |name: &str, ids: &str| format!(r#"{name} "tags": [{ids}]"#);
        let name = r#""thread_name": "{name}","#;
        let id = r#""112233445566778899""#;
        assert!(thread(&tags(name, id)).is_ok());
        assert!(error(&tags("", id)).contains("beside a thread_name"));
        assert!(error(&tags(name, &format!("{id}, {id}"))).contains("at most 5 different ids"));
    }
}
