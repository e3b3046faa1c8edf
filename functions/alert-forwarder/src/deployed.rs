//! Reads when the stack was deployed last, which is the first suspect when an alarm fires soon after.

use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::DisplayErrorContext;
use aws_sdk_cloudformation::types::{Stack, StackStatus};
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use crate::event::{Event, Field, Rich, Span};
use crate::region::Arn;

/// A deployment that is older when the alarm fires is no suspect.
const SUSPECT: SignedDuration = SignedDuration::from_hours(1);
/// A change of the stack can be dated by its start a little after the alarm that it made fire.
const AFTER: SignedDuration = SignedDuration::from_mins(5);
/// The output that names what is deployed.
const RELEASE: &str = "Release";

/// The stack that the function is part of.
#[derive(Clone, Debug)]
pub(crate) struct Deployed {
    client: Client,
    /// The stack's ARN.
    stack: String,
}

/// A deployment of the stack.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Deployment {
    at: Timestamp,
    release: Option<String>,
    how: &'static str,
}

impl Deployed {
    pub(crate) const fn new(client: Client, stack: String) -> Self {
        Self { client, stack }
    }

    /// The newest deployment before an alarm of this stack fired. `None` if it is no suspect, or cannot be
    /// known in this time.
    pub(crate) async fn before(
        &self,
        alarm: &str,
        fired_at: Timestamp,
        most: Duration,
    ) -> Option<Deployment> {
        if !is_of(&self.stack, alarm) {
            return None;
        }
        let asked = self.client.describe_stacks().stack_name(&self.stack).send();
        let stacks = match timeout(most, asked).await {
            Ok(Ok(described)) => described.stacks.unwrap_or_default(),
            Ok(Err(error)) => {
                goes_without(&DisplayErrorContext(error).to_string());
                return None;
            }
            Err(_) => {
                goes_without("it took too long");
                return None;
            }
        };
        newest(stacks.first()?).filter(|deployment| deployment.is_suspect(fired_at))
    }
}

impl Deployment {
    fn is_suspect(&self, fired_at: Timestamp) -> bool {
        let age = fired_at.duration_since(self.at);
        -AFTER <= age && age <= SUSPECT
    }

    /// Adds the deployment to an event, above its other fields.
    pub(crate) fn show(self, event: &mut Event) {
        let mut said = Rich(vec![Span::Time(self.at)]);
        if let Some(release) = self.release {
            said = said.text(format!(" · {release}"));
        }
        if !self.how.is_empty() {
            said = said.text(format!(" · {}", self.how));
        }
        event.fields.insert(0, Field::long("Last deployment", said));
    }
}

/// Whether an alarm is of a stack: it is in the same account and region, and its name begins with the
/// stack's name.
fn is_of(stack: &str, alarm: &str) -> bool {
    let (Some(stack), Some(alarm)) = (Arn::parse(stack), Arn::parse(alarm)) else {
        return false;
    };
    let name = stack.resource.split('/').nth(1).unwrap_or_default();
    let rest = alarm
        .resource
        .strip_prefix("alarm:")
        .and_then(|alarm| alarm.strip_prefix(name));
    (stack.region, stack.account) == (alarm.region, alarm.account)
        && rest.is_some_and(|rest| rest.starts_with('-'))
}

/// The newest deployment of a stack. Its time is that of its start.
fn newest(stack: &Stack) -> Option<Deployment> {
    let at = stack.last_updated_time().or(stack.creation_time())?;
    let release = stack
        .outputs()
        .iter()
        .find(|output| output.output_key() == Some(RELEASE))
        .and_then(|output| output.output_value())
        .filter(|release| !release.trim().is_empty());
    Some(Deployment {
        at: Timestamp::from_millisecond(at.to_millis().ok()?).ok()?,
        release: release.map(str::to_owned),
        how: how(stack
            .stack_status()
            .map(StackStatus::as_str)
            .unwrap_or_default()),
    })
}

/// What is special about a deployment.
fn how(status: &str) -> &'static str {
    if status.contains("ROLLBACK") {
        if status.ends_with("_IN_PROGRESS") && !status.contains("CLEANUP") {
            "is being rolled back"
        } else {
            "rolled back"
        }
    } else if status.ends_with("_IN_PROGRESS") && !status.contains("CLEANUP") {
        "still running"
    } else if status.ends_with("_FAILED") {
        "failed"
    } else {
        ""
    }
}

fn goes_without(error: &str) {
    tracing::warn!(
        error,
        "CloudFormation cannot say when the stack was deployed: the alert goes without it"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/8f14e45f";

    #[test]
    fn only_an_alarm_of_the_stack_is_about_its_deployment() {
        let check =
            |alarm: &str, expected: bool| assert_eq!(is_of(STACK, alarm), expected, "{alarm}");
        check(
            "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-user-impact",
            true,
        );
        check(
            "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shopping-cart",
            false,
        );
        check(
            "arn:aws:cloudwatch:eu-west-2:123456789012:alarm:shop-user-impact",
            false,
        );
        check(
            "arn:aws:cloudwatch:eu-west-1:210987654321:alarm:shop-user-impact",
            false,
        );
        check("shop-user-impact", false);
    }

    #[test]
    fn a_deployment_of_the_last_hour_is_a_suspect() {
        let at: Timestamp = "2026-07-19T10:00:00Z".parse().unwrap();
        let deployment = Deployment {
            at,
            release: None,
            how: "",
        };
        let check = |minutes: i64, expected: bool| {
            let fired_at = at + SignedDuration::from_mins(minutes);
            assert_eq!(deployment.is_suspect(fired_at), expected, "{minutes}");
        };
        check(-6, false);
        check(-5, true);
        check(0, true);
        check(60, true);
        check(61, false);
    }

    #[test]
    fn a_rollback_and_a_running_deployment_are_said() {
        let check = |status: &str, expected: &str| assert_eq!(how(status), expected, "{status}");
        check("CREATE_COMPLETE", "");
        check("UPDATE_COMPLETE", "");
        check("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "");
        check("UPDATE_IN_PROGRESS", "still running");
        check("UPDATE_ROLLBACK_IN_PROGRESS", "is being rolled back");
        check(
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            "rolled back",
        );
        check("UPDATE_ROLLBACK_COMPLETE", "rolled back");
        check("UPDATE_FAILED", "failed");
    }
}
