//! Chooses the route of a method and a path, and reads the path's parameters.
//!
//! Source: "Create routes for HTTP APIs in API Gateway", section "Routing API requests".

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use template::Route;

/// A route that was chosen, with the decoded values of its parameters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chosen<'routes> {
    /// The route.
    pub route: &'routes Route,
    /// The path parameters, decoded.
    pub parameters: BTreeMap<String, String>,
}

/// How specific a segment of a route's path is; the most specific is the smallest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fit {
    Text,
    Parameter,
    Greedy,
    Default,
}

/// Chooses the route of a request: the most specific path, and then its own method before `ANY`.
///
/// `path` is percent-encoded, as it was sent.
pub fn choose<'routes>(
    routes: &'routes [Route],
    method: &str,
    path: &str,
) -> Option<Chosen<'routes>> {
    let fitting = routes.iter().filter_map(|route| {
        let own_method = route.method == method;
        if !own_method && route.method != "ANY" {
            return None;
        }
        let (fits, parameters) = fit(&route.path, path)?;
        Some(((fits, !own_method), Chosen { route, parameters }))
    });
    fitting
        .min_by(|(left, _), (right, _)| left.cmp(right))
        .map(|(_, chosen)| chosen)
}

fn fit(pattern: &str, path: &str) -> Option<(Vec<Fit>, BTreeMap<String, String>)> {
    let mut parameters = BTreeMap::new();
    if pattern == "$default" {
        return Some((vec![Fit::Default], parameters));
    }
    let mut fits = Vec::new();
    let mut rest = Some(path.strip_prefix('/')?);
    for part in pattern.strip_prefix('/')?.split('/') {
        let left = rest?;
        let parameter = part
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'));
        if let Some(name) = parameter.and_then(|name| name.strip_suffix('+')) {
            if left.is_empty() {
                return None;
            }
            parameters.insert(name.to_owned(), decode(left));
            fits.push(Fit::Greedy);
            return Some((fits, parameters));
        }
        let (segment, after) = match left.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (left, None),
        };
        rest = after;
        match parameter {
            Some(_) if segment.is_empty() => return None,
            Some(name) => {
                parameters.insert(name.to_owned(), decode(segment));
                fits.push(Fit::Parameter);
            }
            None if decode(segment) == part => fits.push(Fit::Text),
            None => return None,
        }
    }
    rest.is_none().then_some((fits, parameters))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Vec<Route> {
        let route = |key: &&str| {
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
            Route {
                method: method.to_owned(),
                path: path.to_owned(),
                function: String::new(),
                authorizer: None,
                line: 0,
            }
        };
        keys.iter().map(route).collect()
    }

    #[track_caller]
    fn check(keys: &[&str], method: &str, path: &str, expected: Option<(&str, &[(&str, &str)])>) {
        let routes = routes(keys);
        let chosen =
            choose(&routes, method, path).map(|chosen| (chosen.route.key(), chosen.parameters));
        let expected = expected.map(|(key, parameters)| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            (key.to_owned(), parameters.iter().map(own).collect())
        });
        assert_eq!(chosen, expected);
    }

    const DOCUMENTED: &[&str] = &[
        "$default",
        "ANY /{proxy+}",
        "GET /pets/{proxy+}",
        "GET /pets/dog/{id}",
        "GET /pets/dog/1",
    ];

    #[test]
    fn the_example_of_the_documentation_is_routed_as_documented() {
        check(
            DOCUMENTED,
            "GET",
            "/pets/dog/1",
            Some(("GET /pets/dog/1", &[])),
        );
        check(
            DOCUMENTED,
            "GET",
            "/pets/dog/2",
            Some(("GET /pets/dog/{id}", &[("id", "2")])),
        );
        check(
            DOCUMENTED,
            "GET",
            "/pets/cat/1",
            Some(("GET /pets/{proxy+}", &[("proxy", "cat/1")])),
        );
        check(
            DOCUMENTED,
            "POST",
            "/test/5",
            Some(("ANY /{proxy+}", &[("proxy", "test/5")])),
        );
        check(DOCUMENTED, "GET", "/", Some(("$default", &[])));
    }

    #[test]
    fn a_more_specific_path_comes_before_a_more_specific_method() {
        // This is why each path has an OPTIONS route of its own.
        let routes = ["OPTIONS /{proxy+}", "ANY /orders", "POST /orders"];
        check(&routes, "OPTIONS", "/orders", Some(("ANY /orders", &[])));
        check(&routes, "POST", "/orders", Some(("POST /orders", &[])));
    }

    #[test]
    fn a_request_that_no_route_matches_is_not_found() {
        let routes = ["GET /orders/{id}", "OPTIONS /{proxy+}", "GET /orders"];
        check(&routes, "DELETE", "/orders/1", None);
        check(&routes, "GET", "/orders/", None);
        check(&routes, "GET", "/orders/1/x", None);
        check(&routes, "GET", "/Orders", None);
        check(&routes, "OPTIONS", "/", None);
    }

    #[test]
    fn path_parameters_are_decoded() {
        let routes = ["GET /products/{sku}"];
        let expected = ("GET /products/{sku}", &[("sku", "a b/ü")] as &[_]);
        check(&routes, "GET", "/products/a%20b%2F%C3%BC", Some(expected));
    }
}
