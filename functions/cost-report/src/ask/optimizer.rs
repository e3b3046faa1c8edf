//! Asks Compute Optimizer, in the stack's region, about the memory of the stack's functions.

use std::collections::BTreeMap;

use aws_sdk_computeoptimizer::types::{
    LambdaFunctionMemoryRecommendationOption as Memory,
    LambdaFunctionRecommendation as Recommendation, LambdaFunctionRecommendationFinding as Verdict,
    Status,
};

use super::{Asking, FREE_PAGES_MAX, Price};
use crate::facts::{Asked, Finding, Missing};
use crate::money::Money;

/// The findings for functions of the stack that could be better, the largest saving first.
pub(super) async fn ask(asking: &Asking<'_>) -> Asked<Vec<Finding>> {
    let request = asking.clients.optimizer.get_enrollment_status();
    let enrolled = asking
        .call("GetEnrollmentStatus", Price::Free, || {
            request.clone().send()
        })
        .await?;
    if enrolled.status() != Some(&Status::Active) {
        return Err(Missing::NotEnrolled);
    }
    // A function has a finding for each of its versions. Only the newest of them matters.
    let mut newest: BTreeMap<String, (u64, Recommendation)> = BTreeMap::new();
    let mut token = None;
    for _ in 0..FREE_PAGES_MAX {
        let request = asking
            .clients
            .optimizer
            .get_lambda_function_recommendations()
            .set_next_token(token);
        let page = asking
            .call("GetLambdaFunctionRecommendations", Price::Free, || {
                request.clone().send()
            })
            .await?;
        for found in page.lambda_function_recommendations() {
            let Some((function, version)) = own(found, &asking.config.stack) else {
                continue;
            };
            let known = newest.get(&function).map(|(version, _)| *version);
            if known.is_none_or(|known| known < version) {
                newest.insert(function, (version, found.clone()));
            }
        }
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    let mut findings: Vec<Finding> = newest
        .into_iter()
        .filter(|(_, (_, found))| found.finding() == Some(&Verdict::NotOptimized))
        .map(|(function, (_, found))| finding(function, &found))
        .collect();
    let saved = |it: &Finding| it.saving.as_ref().map_or(0.0, |saving| saving.amount);
    findings.sort_by(|one, other| saved(other).total_cmp(&saved(one)));
    Ok(findings)
}

/// The name and version of a function, if it is one of the stack. CloudFormation's names begin with the
/// stack's.
fn own(found: &Recommendation, stack: &str) -> Option<(String, u64)> {
    let (_, rest) = found.function_arn()?.split_once(":function:")?;
    let (name, qualifier) = rest.split_once(':').unwrap_or((rest, ""));
    let is_own = name
        .strip_prefix(stack)
        .is_some_and(|rest| rest.starts_with('-'));
    let version = found.function_version().unwrap_or(qualifier);
    // `$LATEST` is older than any published version: the alias points to a version.
    is_own.then(|| (name.to_owned(), version.parse().unwrap_or(0)))
}

fn finding(function: String, found: &Recommendation) -> Finding {
    let options = found.memory_size_recommendation_options();
    let best = options.iter().min_by_key(|option| option.rank());
    let saving = best
        .and_then(|best| best.savings_opportunity()?.estimated_monthly_savings())
        .map(|saving| {
            let currency = saving
                .currency()
                .map_or("USD", |currency| currency.as_str());
            Money::new(saving.value(), currency)
        });
    Finding {
        function,
        memory_now: found.current_memory_size(),
        memory_better: best.map(Memory::memory_size),
        reasons: found
            .finding_reason_codes()
            .iter()
            .map(|code| code.as_str().to_owned())
            .collect(),
        saving,
    }
}
