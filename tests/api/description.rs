//! Holds openapi.yaml to the template and to the code, both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use template::Template;

use crate::support::description::{DESCRIPTION, Described, Description, HEADERS};

/// These routes catch the preflights of every path that has no route. OpenAPI has no such path.
const CATCH_ALL: [&str; 2] = ["OPTIONS /", "OPTIONS /{proxy+}"];

const TYPE_PREFIX: &str = "urn:surefire:problem:";

/// What stands before a problem's name in the code.
const MAKE_PROBLEMS: [&str; 5] = [
    "Problem::new(",
    "bad_request(",
    "conflict(",
    "refused(",
    "try_again(",
];

fn template() -> Template {
    let none: [(&str, &str); 0] = [];
    Template::read(template::SHIPPED, none).unwrap()
}

/// What one of two sets has and the other lacks, in words.
fn difference(described: &BTreeSet<String>, real: &BTreeSet<String>, what: &str) -> Vec<String> {
    let missing = real.difference(described);
    let missing = missing.map(|name| format!("openapi.yaml lacks {what} {name}"));
    let foreign = described.difference(real);
    let foreign =
        foreign.map(|name| format!("openapi.yaml has {what} {name}, which does not exist"));
    missing.chain(foreign).collect()
}

fn routes_that_differ(description: &Description) -> Vec<String> {
    let described = description.operations().map(|(route, _)| route).collect();
    let routes = template().routes;
    let routes = routes.iter().map(template::Route::key);
    let real = routes.filter(|route| !CATCH_ALL.contains(&route.as_str()));
    difference(&described, &real.collect(), "the route")
}

/// The names of the described problems.
fn described_problems(description: &Description) -> BTreeSet<String> {
    let schemas = description.document["components"]["schemas"]
        .as_object()
        .unwrap();
    let types = schemas
        .values()
        .filter_map(|schema| schema["properties"]["type"]["const"].as_str());
    types
        .map(|name| name.strip_prefix(TYPE_PREFIX).unwrap().to_owned())
        .collect()
}

/// The names of the problems that the code makes.
fn problems_of_code() -> BTreeSet<String> {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let mut found = BTreeSet::new();
    for function in ["orders", "cors"] {
        for source in sources(&functions.join(function).join("src")) {
            let code = source.split("#[cfg(test)]").next().unwrap();
            for maker in MAKE_PROBLEMS {
                let calls = code.split(maker).skip(1);
                found.extend(calls.filter_map(first_name));
            }
            // The reasons of refused lines are problems, too.
            let reasons = code.split("fn reason(").skip(1);
            let reasons = reasons.filter_map(|rest| rest.split("\n    }").next());
            found.extend(reasons.flat_map(|arms| arms.split("=> ").skip(1).filter_map(name)));
        }
    }
    found
}

/// The Rust files of a directory, without the files of tests.
fn sources(directory: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.append(&mut sources(&path));
        } else if path.file_stem().is_some_and(|name| name != "tests") {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    texts
}

/// The name that begins the arguments of a call, after a status if there is one.
fn first_name(arguments: &str) -> Option<String> {
    let arguments = arguments.trim_start();
    let after_status = arguments
        .strip_prefix("StatusCode::")
        .and_then(|rest| rest.split_once(','))
        .map(|(_, rest)| rest.trim_start());
    name(after_status.unwrap_or(arguments))
}

fn name(text: &str) -> Option<String> {
    let (name, _) = text.strip_prefix('"')?.split_once('"')?;
    Some(name.to_owned())
}

fn problems_that_differ(description: &Description) -> Vec<String> {
    difference(
        &described_problems(description),
        &problems_of_code(),
        "the problem",
    )
}

/// The shipped description with one change.
fn changed(pointer: &str, change: impl FnOnce(&mut Value)) -> Description {
    let mut document = DESCRIPTION.document.clone();
    let place = document.pointer_mut(pointer);
    change(place.unwrap_or_else(|| panic!("openapi.yaml has no {pointer}")));
    Description::new(document)
}

fn remove(name: &str) -> impl FnOnce(&mut Value) {
    move |parent: &mut Value| {
        let removed = parent.as_object_mut().unwrap().remove(name);
        assert!(removed.is_some(), "there was no {name}");
    }
}

#[test]
fn every_route_is_described_and_no_other() {
    assert_eq!(routes_that_differ(&DESCRIPTION), [""; 0]);
}

#[test]
fn every_problem_is_described_and_no_other() {
    assert!(30 < problems_of_code().len(), "{:?}", problems_of_code());
    assert_eq!(problems_that_differ(&DESCRIPTION), [""; 0]);
}

#[test]
fn every_route_has_the_scopes_of_the_template() {
    let mut described = BTreeMap::new();
    for (route, operation) in DESCRIPTION.operations() {
        let alternatives = operation["security"].as_array().unwrap();
        let scopes: Vec<String> = alternatives
            .iter()
            .flat_map(|it| it["bearer"].as_array().unwrap())
            .map(|scope| scope.as_str().unwrap().to_owned())
            .collect();
        if !scopes.is_empty() {
            described.insert(route, scopes);
        }
    }
    assert_eq!(described, template().route_scopes());
}

#[test]
fn every_described_header_is_one_that_answers_are_held_to() {
    let responses = DESCRIPTION.document["components"]["responses"]
        .as_object()
        .unwrap();
    let of_operations = DESCRIPTION
        .operations()
        .flat_map(|(_, operation)| operation["responses"].as_object().unwrap().values());
    let mut names = BTreeSet::new();
    for response in responses.values().chain(of_operations) {
        let headers = response["headers"].as_object();
        names.extend(headers.into_iter().flatten().map(|(name, _)| name.clone()));
    }
    assert_eq!(names.into_iter().collect::<Vec<_>>(), HEADERS);
}

#[test]
fn every_schema_is_used() {
    let text = DESCRIPTION.document.to_string();
    let schemas = DESCRIPTION.document["components"]["schemas"]
        .as_object()
        .unwrap();
    // No described route answers these: they are mistakes of a deployment.
    let of_mistakes = ["MethodNotAllowed", "NotImplemented"];
    let is_used = |name: &str| text.contains(&format!("\"#/components/schemas/{name}\""));
    let unused = schemas.keys().filter(|name| !is_used(name));
    assert_eq!(unused.collect::<Vec<_>>(), of_mistakes);
}

#[test]
fn a_route_that_is_left_out_or_made_up_is_noticed() {
    let without = changed("/paths/~1orders", remove("post"));
    assert_eq!(
        routes_that_differ(&without),
        ["openapi.yaml lacks the route POST /orders"]
    );
    let with = changed("/paths/~1orders", |path| {
        path["patch"] = json!({"responses": {}});
    });
    assert_eq!(
        routes_that_differ(&with),
        ["openapi.yaml has the route PATCH /orders, which does not exist"]
    );
}

#[test]
fn a_problem_that_is_left_out_or_made_up_is_noticed() {
    let without = changed("/components/schemas", remove("ScopeMissing"));
    assert_eq!(
        problems_that_differ(&without),
        ["openapi.yaml lacks the problem scope-missing"]
    );
    let kind = "/components/schemas/Busy/properties/type/const";
    let with = changed(kind, |kind| *kind = json!("urn:surefire:problem:lazy"));
    assert_eq!(problems_that_differ(&with).len(), 2);
}

/// An order as the API answers it.
fn order() -> Value {
    json!({
        "id": "ord_seshs3nkoof52wdcfxqsibhzu4", "status": "pending", "currency": "KRW", "total": 39_800,
        "version": 1, "lines": [{"sku": "TEA-01", "quantity": 2, "unit_price": 19_900}],
        "created_at": "2026-11-22T04:05:06.789Z", "hold_expires_at": "2026-11-22T04:20:06.789Z",
    })
}

const PLACED: [(&str, &str); 4] = [
    ("content-type", "application/json"),
    ("etag", "\"1\""),
    ("location", "/orders/ord_seshs3nkoof52wdcfxqsibhzu4"),
    ("x-request-id", "JKJaXmPLvHcESHA="),
];

#[track_caller]
fn check(
    description: &Description,
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &Value,
    fault: Option<&str>,
) {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.insert(*name, value.parse().unwrap());
    }
    let answer = Described {
        method: &Method::POST,
        path: "/orders",
        status,
        headers: &all,
        body: &body.to_string(),
    };
    let found = description.fault(&answer);
    match (fault, &found) {
        (None, None) => {}
        (Some(part), Some(found)) if found.contains(part) => {}
        _ => panic!("{found:?} is not {fault:?}"),
    }
}

#[test]
fn an_answer_with_one_member_more_or_less_is_noticed() {
    let mut more = order();
    more["weight"] = json!(100);
    check(&DESCRIPTION, 201, &PLACED, &order(), None);
    check(&DESCRIPTION, 201, &PLACED, &more, Some("weight"));
    let mut deep = order();
    deep["lines"][0]["weight"] = json!(100);
    check(&DESCRIPTION, 201, &PLACED, &deep, Some("/lines/0"));
    let mut less = order();
    less.as_object_mut().unwrap().remove("total");
    check(&DESCRIPTION, 201, &PLACED, &less, Some("total"));
    let without = changed("/components/schemas/Order/properties", remove("version"));
    check(&without, 201, &PLACED, &order(), Some("version"));
}

#[test]
fn a_problem_with_one_member_more_or_at_another_status_is_noticed() {
    let mut problem = json!({
        "type": "urn:surefire:problem:out-of-stock", "title": "Not enough stock", "status": 409,
        "detail": "TEA-01 has 1 left, 2 were asked for.", "request_id": "r-1",
        "lines": [{"sku": "TEA-01", "reason": "out-of-stock", "requested": 2, "available": 1}],
    });
    let headers = [
        ("content-type", "application/problem+json"),
        ("x-request-id", "r-1"),
    ];
    check(&DESCRIPTION, 409, &headers, &problem, None);
    check(&DESCRIPTION, 422, &headers, &problem, Some("422"));
    problem["hint"] = json!("order less");
    check(&DESCRIPTION, 409, &headers, &problem, Some("hint"));
}

#[test]
fn a_header_that_is_left_out_or_made_up_is_noticed() {
    let without = changed("/paths/~1orders/post/responses/201/headers", remove("etag"));
    check(
        &without,
        201,
        &PLACED,
        &order(),
        Some("etag is not described"),
    );
    let missing = &PLACED[..2];
    check(
        &DESCRIPTION,
        201,
        missing,
        &order(),
        Some("location is missing"),
    );
    let mut wrong = PLACED;
    wrong[1].1 = "1";
    check(&DESCRIPTION, 201, &wrong, &order(), Some("etag"));
}

#[test]
fn a_status_that_is_left_out_is_noticed() {
    let without = changed("/paths/~1orders/post/responses", remove("201"));
    check(&without, 201, &PLACED, &order(), Some("has no answer 201"));
}
