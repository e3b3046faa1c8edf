//! Asks everything at once. What cannot be asked becomes a reason, never an error of the report.
//!
//! Each call of Cost Explorer costs 0.01 USD, also for a further page. So these calls are counted, and
//! no more than [`PAID_CALLS_MAX`] are made for a report. A repeated call counts too: AWS does not say
//! that a refused one is free.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use shared::world::World;
use tokio::time::timeout;

use crate::clients::Clients;
use crate::config::Config;
use crate::days::Days;
use crate::facts::{Asked, Facts, Missing};
use crate::shortened;

mod advisor;
mod anomalies;
mod budgets;
mod costs;
mod forecast;
mod hub;
mod optimizer;
mod orders;

/// The most calls of Cost Explorer for one report.
pub(crate) const PAID_CALLS_MAX: u32 = 8;
/// How often a throttled call is made.
const TRIES_MAX: u32 = 3;
/// The longest pause after the first throttled call. It doubles with each.
const PAUSE: Duration = Duration::from_secs(1);
/// The most pages of a list that costs nothing.
const FREE_PAGES_MAX: usize = 10;
/// The length of an error's text in the report.
const REASON_CHARACTERS_MAX: usize = 160;

/// Codes of answers that say "later".
/// Source: "Common Errors" of each service's API reference.
const THROTTLED: [&str; 5] = [
    "LimitExceededException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
];
/// Codes of answers that say "not you".
const DENIED: [&str; 3] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
];
/// Codes of failures of the service itself.
const BROKEN: [&str; 5] = [
    "InternalError",
    "InternalErrorException",
    "InternalServerException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

/// Asks the services for one report.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) clients: &'a Clients,
    pub(crate) config: &'a Config,
    pub(crate) world: &'a World,
    /// The account, if the invocation names it.
    pub(crate) account: Option<&'a str>,
    pub(crate) days: Days,
    paid: AtomicU32,
}

/// Whether a call costs money.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Price {
    Paid,
    Free,
}

impl<'a> Asking<'a> {
    pub(crate) fn new(
        clients: &'a Clients,
        config: &'a Config,
        world: &'a World,
        account: Option<&'a str>,
        days: Days,
    ) -> Self {
        Self {
            clients,
            config,
            world,
            account,
            days,
            paid: AtomicU32::new(0),
        }
    }

    /// Asks everything, in at most so much time.
    pub(crate) async fn ask(&self, patience: Duration) -> Facts {
        let (costs, stack, forecast, anomalies, budgets, functions, hub, advisor, orders) = tokio::join!(
            within(patience, costs::by_service(self)),
            within(patience, costs::of_stack(self)),
            within(patience, forecast::ask(self)),
            within(patience, anomalies::ask(self)),
            within(patience, budgets::ask(self)),
            within(patience, optimizer::ask(self)),
            within(patience, hub::ask(self)),
            within(patience, advisor::ask(self)),
            within(patience, orders::ask(self)),
        );
        Facts {
            costs,
            stack,
            forecast,
            anomalies,
            budgets,
            functions,
            hub,
            advisor,
            orders,
            paid_calls: self.paid.load(Ordering::Relaxed),
        }
    }

    /// Makes a call, and again if the service says "later".
    async fn call<T, E, Sent>(
        &self,
        what: &'static str,
        price: Price,
        send: impl Fn() -> Sent,
    ) -> Asked<T>
    where
        Sent: Future<Output = Result<T, E>>,
        E: ProvideErrorMetadata + std::error::Error,
    {
        let mut tries = 0;
        loop {
            if price == Price::Paid && !self.may_pay() {
                return Err(Missing::TooManyPaid);
            }
            tries += 1;
            let Ok(answer) = timeout(self.config.timeouts.call, send()).await else {
                tracing::warn!(what, "the service did not answer in time");
                return Err(Missing::NoAnswer);
            };
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let code = error.code().unwrap_or_default();
            let message = error.message().unwrap_or_default();
            tracing::warn!(what, code, message, tries, "the service refused the call");
            let missing = reason(code, message);
            let is_later = THROTTLED.contains(&code) || BROKEN.contains(&code);
            if !is_later || tries == TRIES_MAX {
                return Err(missing);
            }
            let most = PAUSE * 2_u32.pow(tries - 1);
            self.world.sleep(self.world.uniform(most)).await;
        }
    }

    /// Counts a call that costs money, if one more is allowed.
    fn may_pay(&self) -> bool {
        let one_more = |made: u32| (made < PAID_CALLS_MAX).then_some(made + 1);
        let order = Ordering::Relaxed;
        self.paid.fetch_update(order, order, one_more).is_ok()
    }
}

async fn within<T>(patience: Duration, asking: impl Future<Output = Asked<T>>) -> Asked<T> {
    timeout(patience, asking)
        .await
        .unwrap_or(Err(Missing::NoAnswer))
}

/// What an error's code means. Without a code there was no answer that could be read.
fn reason(code: &str, message: &str) -> Missing {
    let message = shortened::text(message, REASON_CHARACTERS_MAX);
    match code {
        "" => Missing::NoAnswer,
        "DataUnavailableException" => Missing::NoData,
        "OptInRequiredException" => Missing::NotEnrolled,
        code if DENIED.contains(&code) => Missing::Denied(message),
        code if THROTTLED.contains(&code) => Missing::Throttled,
        code if message.is_empty() => Missing::Failed(code.to_owned()),
        code => Missing::Failed(format!("{code}: {message}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_reason() {
        assert_eq!(reason("DataUnavailableException", "x"), Missing::NoData);
        assert_eq!(reason("OptInRequiredException", "x"), Missing::NotEnrolled);
        assert_eq!(reason("ThrottlingException", "x"), Missing::Throttled);
        assert_eq!(reason("", ""), Missing::NoAnswer);
        let denied = Missing::Denied("not you".to_owned());
        assert_eq!(reason("AccessDeniedException", "not\nyou"), denied);
        let failed = Missing::Failed("ValidationException: bad".to_owned());
        assert_eq!(reason("ValidationException", "bad"), failed);
        assert_eq!(reason("X", ""), Missing::Failed("X".to_owned()));
    }
}
