//! Asks Trusted Advisor for its cost checks. It has them only with Business support or above.

use aws_sdk_trustedadvisor::types::{
    RecommendationPillar as Pillar, RecommendationStatus as Status, RecommendationSummary,
};

use super::hub::sort;
use super::{Asking, FREE_PAGES_MAX, Price};
use crate::facts::{Asked, Saving};
use crate::money::{Money, USUAL};

/// The checks that found something, the largest saving first.
pub(super) async fn ask(asking: &Asking<'_>) -> Asked<Vec<Saving>> {
    let mut savings = Vec::new();
    let mut token = None;
    for _ in 0..FREE_PAGES_MAX {
        let request = asking
            .clients
            .advisor
            .list_recommendations()
            .pillar(Pillar::CostOptimizing)
            .set_next_token(token);
        let page = asking
            .call("ListRecommendations (advisor)", Price::Free, || {
                request.clone().send()
            })
            .await?;
        let found = page.recommendation_summaries().iter();
        savings.extend(found.filter(|it| *it.status() != Status::Ok).map(saving));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    sort(&mut savings);
    Ok(savings)
}

fn saving(found: &RecommendationSummary) -> Saving {
    let costs = found
        .pillar_specific_aggregates()
        .and_then(|aggregates| aggregates.cost_optimizing());
    Saving {
        what: found.name().to_owned(),
        monthly: costs.map(|costs| Money::new(costs.estimated_monthly_savings(), USUAL)),
    }
}
