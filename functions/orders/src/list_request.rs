//! The list that a client requests: which orders or products, and which page.

use crate::customer::Customer;
use crate::day::Day;
use crate::fault::Fault;
use crate::status::Status;

/// The number of entries of a page, unless the client sets a limit.
const LIMIT_DEFAULT: i32 = 20;

/// The most entries of a page: one batch read takes no more.
pub(crate) const LIMIT_MAX: i32 = 100;

/// The page that a client requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PageRequest<'request> {
    /// How many entries at most.
    pub(crate) limit: i32,
    /// Where the page begins.
    pub(crate) cursor: Option<&'request str>,
}

/// The orders that a client requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct OrdersRequest<'request> {
    /// Whose or when.
    pub(crate) which: Which,
    /// Only orders of this status.
    pub(crate) status: Option<Status>,
    /// The page.
    pub(crate) page: PageRequest<'request>,
}

/// Which orders a client requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Which {
    /// The caller's own.
    Own,
    /// A customer's.
    Of(Customer),
    /// Those that were placed on a day.
    On(Day),
}

impl<'request> PageRequest<'request> {
    /// Reads `limit` and `cursor` of a query.
    ///
    /// # Errors
    /// The limit is not a number from 1 to 100.
    pub(crate) fn read(query: impl Fn(&str) -> Option<&'request str>) -> Result<Self, Vec<Fault>> {
        let limit = match query("limit") {
            None => LIMIT_DEFAULT,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .ok_or_else(|| {
                    let detail = format!("must be an integer from 1 to {LIMIT_MAX}");
                    vec![Fault::of_parameter("limit", detail)]
                })?,
        };
        let cursor = query("cursor");
        Ok(Self { limit, cursor })
    }
}

impl<'request> OrdersRequest<'request> {
    /// Reads `day` or `customer`, `status`, `limit` and `cursor` of a query.
    ///
    /// # Errors
    /// A parameter is not valid, `day` comes with `customer`, or `status` comes
    /// without either.
    pub(crate) fn read(query: impl Fn(&str) -> Option<&'request str>) -> Result<Self, Vec<Fault>> {
        let fault = |name, detail: &str| vec![Fault::of_parameter(name, detail)];
        let which = match (query("day"), query("customer")) {
            (None, None) => Which::Own,
            (Some(day), None) => {
                let day: Result<Day, _> = day.parse();
                Which::On(day.map_err(|error| fault("day", &error.to_string()))?)
            }
            (None, Some(customer)) => {
                let customer: Result<Customer, _> = customer.parse();
                Which::Of(customer.map_err(|error| fault("customer", &error.to_string()))?)
            }
            (Some(_), Some(_)) => return Err(fault("day", "cannot be combined with customer")),
        };
        let status = query("status").map(|word| {
            if which == Which::Own {
                return Err(fault("status", "needs day or customer"));
            }
            let known = Status::ALL.iter().find(|status| status.as_str() == word);
            known.copied().ok_or_else(|| {
                let words = Status::ALL.map(Status::as_str).join(", ");
                fault("status", &format!("must be one of {words}"))
            })
        });
        Ok(Self {
            which,
            status: status.transpose()?,
            page: PageRequest::read(query)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a query of these parameters, or names the parameter that is wrong.
    fn read<'query>(query: &[(&'query str, &'query str)]) -> Result<OrdersRequest<'query>, String> {
        let parameter = |name: &str| {
            let found = query.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| *value)
        };
        OrdersRequest::read(parameter).map_err(|faults| format!("{:?}", faults[0].place))
    }

    #[test]
    fn a_page_has_1_to_100_entries_and_20_by_default() {
        let limit = |query: &[_]| read(query).map(|request| request.page.limit);
        assert_eq!(limit(&[]), Ok(20));
        assert_eq!(limit(&[("limit", "1")]), Ok(1));
        assert_eq!(limit(&[("limit", "100")]), Ok(100));
        for bad in ["", "0", "101", "-1", "1.0", " 1", "x", "99999999999"] {
            assert!(limit(&[("limit", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_is_the_callers_own_a_customers_or_a_days() {
        let which = |query: &[_]| read(query).map(|request| request.which);
        assert_eq!(which(&[]), Ok(Which::Own));
        let customer = "local#demo".parse().unwrap();
        assert_eq!(
            which(&[("customer", "local#demo")]),
            Ok(Which::Of(customer))
        );
        let day = "2026-11-26".parse().unwrap();
        assert_eq!(which(&[("day", "2026-11-26")]), Ok(Which::On(day)));
        let both = [("customer", "local#demo"), ("day", "2026-11-26")];
        assert_eq!(which(&both), Err("Parameter(\"day\")".to_owned()));
        for bad in ["", "demo", "local#", "#demo", "local#a\u{7}"] {
            assert!(which(&[("customer", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_status_needs_a_day_or_a_customer() {
        let day = ("day", "2026-11-26");
        let status = |query: &[_]| read(query).map(|request| request.status);
        assert_eq!(status(&[day]), Ok(None));
        for known in Status::ALL {
            let found = status(&[day, ("status", known.as_str())]);
            assert_eq!(found, Ok(Some(known)));
        }
        let wrong = Err("Parameter(\"status\")".to_owned());
        assert_eq!(status(&[("status", "pending")]), wrong);
        for bad in ["", "rejected", "Pending", "pending,confirmed"] {
            assert_eq!(status(&[day, ("status", bad)]), wrong, "{bad}");
        }
    }
}
