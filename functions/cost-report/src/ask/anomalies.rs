//! Asks Cost Explorer for anomalies that ended a short time ago or have not ended.

use aws_sdk_costexplorer::types::{AnomalyDateInterval, RootCause};

use super::costs::unbuilt;
use super::{Asking, Price};
use crate::facts::{Anomaly, Asked};

/// The anomalies. The first page is enough: it has up to a hundred, and each page costs money.
pub(super) async fn ask(asking: &Asking<'_>) -> Asked<Vec<Anomaly>> {
    let period = asking.days.of_anomalies();
    let interval = AnomalyDateInterval::builder()
        .start_date(period.start.to_string())
        .end_date(period.end.to_string())
        .build()
        .map_err(|error| unbuilt(&error))?;
    let request = asking.clients.costs.get_anomalies().date_interval(interval);
    let answer = asking
        .call("GetAnomalies", Price::Paid, || request.clone().send())
        .await?;
    let mut anomalies: Vec<Anomaly> = answer
        .anomalies()
        .iter()
        .map(|anomaly| Anomaly {
            what: anomaly.dimension_value().and_then(filled),
            started: anomaly.anomaly_start_date().and_then(day),
            ended: anomaly.anomaly_end_date().and_then(day),
            impact: anomaly.impact().map_or(0.0, |impact| {
                if impact.total_impact() == 0.0 {
                    impact.max_impact()
                } else {
                    impact.total_impact()
                }
            }),
            cause: anomaly
                .root_causes()
                .first()
                .and_then(|it| cause(it, anomaly.dimension_value())),
        })
        .collect();
    anomalies.sort_by(|one, other| other.impact.total_cmp(&one.impact));
    Ok(anomalies)
}

fn filled(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// The day of `2026-11-20` or `2026-11-20T00:00:00Z`.
fn day(text: &str) -> Option<String> {
    filled(text.split('T').next().unwrap_or_default())
}

/// Each part of a cause can be missing. What the anomaly is named for is not repeated.
fn cause(cause: &RootCause, what: Option<&str>) -> Option<String> {
    let parts = [
        cause.service(),
        cause.region(),
        cause.usage_type(),
        cause.linked_account_name().or(cause.linked_account()),
    ];
    let known: Vec<&str> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.trim().is_empty() && what != Some(*part))
        .collect();
    (!known.is_empty()).then(|| known.join(" · "))
}
