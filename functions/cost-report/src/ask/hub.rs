//! Asks the Cost Optimization Hub for its recommendations.

use aws_sdk_costoptimizationhub::types::{EnrollmentStatus, Recommendation};

use super::{Asking, FREE_PAGES_MAX, Price};
use crate::facts::{Asked, Missing, Saving};
use crate::money::{Money, USUAL};

/// The recommendations, the largest saving first. The hub is empty while Compute Optimizer is off.
pub(super) async fn ask(asking: &Asking<'_>) -> Asked<Vec<Saving>> {
    let request = asking.clients.hub.list_enrollment_statuses();
    let enrolled = asking
        .call("ListEnrollmentStatuses", Price::Free, || {
            request.clone().send()
        })
        .await?;
    let active = |status: Option<&EnrollmentStatus>| status == Some(&EnrollmentStatus::Active);
    if !enrolled.items().iter().any(|it| active(it.status())) {
        return Err(Missing::NotEnrolled);
    }
    let mut savings = Vec::new();
    let mut token = None;
    for _ in 0..FREE_PAGES_MAX {
        let request = asking
            .clients
            .hub
            .list_recommendations()
            .set_next_token(token);
        let page = asking
            .call("ListRecommendations (hub)", Price::Free, || {
                request.clone().send()
            })
            .await?;
        savings.extend(page.items().iter().map(saving));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    sort(&mut savings);
    Ok(savings)
}

/// Sorts savings, the largest first and those of unknown size last.
pub(super) fn sort(savings: &mut [Saving]) {
    let size = |it: &Saving| it.monthly.as_ref().map_or(-1.0, |monthly| monthly.amount);
    savings.sort_by(|one, other| size(other).total_cmp(&size(one)));
}

/// `Delete EbsVolume vol-0abc in eu-west-1`.
fn saving(found: &Recommendation) -> Saving {
    let parts = [
        found.action_type(),
        found.current_resource_type(),
        found.resource_id(),
    ];
    let mut what: Vec<&str> = parts.into_iter().flatten().collect();
    if let Some(region) = found.region() {
        what.extend(["in", region]);
    }
    let currency = found.currency_code().unwrap_or(USUAL);
    Saving {
        what: what.join(" "),
        monthly: found
            .estimated_monthly_savings()
            .map(|amount| Money::new(amount, currency)),
    }
}
