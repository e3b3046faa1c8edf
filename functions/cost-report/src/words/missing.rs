//! Says what could not be asked and why: one line for each reason.

use crate::ask::PAID_CALLS_MAX;
use crate::facts::Missing;
use crate::report::Report;

/// What is asked. What shares a reason shares a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    Costs,
    Stack,
    Forecast,
    Anomalies,
    Budgets,
    Functions,
    Hub,
    Advisor,
    Orders,
}

impl Source {
    const fn name(self) -> &'static str {
        match self {
            Self::Costs => "Costs",
            Self::Stack => "Costs of this stack",
            Self::Forecast => "Forecast",
            Self::Anomalies => "Anomalies",
            Self::Budgets => "Budgets",
            Self::Functions => "Compute Optimizer",
            Self::Hub => "Cost Optimization Hub",
            Self::Advisor => "Trusted Advisor",
            Self::Orders => "Orders",
        }
    }

    const fn is_of_cost_explorer(self) -> bool {
        matches!(
            self,
            Self::Costs | Self::Stack | Self::Forecast | Self::Anomalies
        )
    }
}

/// The lines; empty if everything could be asked.
pub(super) fn lines(report: &Report<'_>) -> String {
    let facts = report.facts;
    let all = [
        (Source::Costs, facts.costs.as_ref().err()),
        (Source::Stack, facts.stack.as_ref().err()),
        (Source::Forecast, facts.forecast.as_ref().err()),
        (Source::Anomalies, facts.anomalies.as_ref().err()),
        (Source::Budgets, facts.budgets.as_ref().err()),
        (Source::Functions, facts.functions.as_ref().err()),
        (Source::Hub, facts.hub.as_ref().err()),
        (Source::Advisor, facts.advisor.as_ref().err()),
        (Source::Orders, facts.orders.as_ref().err()),
    ];
    let mut lines: Vec<(Vec<&str>, String)> = Vec::new();
    for (source, missing) in all {
        let Some(missing) = missing else { continue };
        let why = sentence(source, missing, report);
        match lines.iter_mut().find(|(_, known)| *known == why) {
            Some((names, _)) => names.push(source.name()),
            None => lines.push((vec![source.name()], why)),
        }
    }
    let lines = lines
        .into_iter()
        .map(|(names, why)| format!("{}: {why}", names.join(", ")));
    lines.collect::<Vec<_>>().join("\n")
}

fn sentence(source: Source, missing: &Missing, report: &Report<'_>) -> String {
    match (source, missing) {
        (Source::Forecast, Missing::NoData) => "too little history".to_owned(),
        (_, Missing::NoData) => {
            "no data yet; a new account has the first about a day after Cost Explorer was opened"
                .to_owned()
        }
        (_, Missing::NotEnrolled) => "not switched on".to_owned(),
        (_, Missing::NoTag) => format!(
            "nothing has the cost allocation tag {} = {}; activate it in the billing console",
            report.tag.key, report.tag.value
        ),
        // Without the plan, the message does not speak of permissions.
        (Source::Advisor, Missing::Denied(why)) if !why.contains("not authorized") => {
            "not in your support plan".to_owned()
        }
        (source, Missing::Denied(why))
            if source.is_of_cost_explorer() && why.contains("not enabled") =>
        {
            "Cost Explorer was never opened in this account; open it once in the console".to_owned()
        }
        (source, Missing::Denied(why)) if source.is_of_cost_explorer() => format!(
            "this account may not see them ({why}); in an organization, the management account \
             lets its members see their costs"
        ),
        (_, Missing::Denied(why)) => format!("access denied ({why})"),
        (_, Missing::NoAnswer) => "no answer in time".to_owned(),
        (_, Missing::Throttled) => "too many requests, also when asked again".to_owned(),
        (_, Missing::TooManyPaid) => {
            format!("not asked, because a report pays for {PAID_CALLS_MAX} calls at most")
        }
        (_, Missing::Failed(why)) => why.clone(),
    }
}
