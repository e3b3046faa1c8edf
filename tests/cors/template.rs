//! The rules of `template.yaml` without which browsers cannot call the API.
//!
//! The most important one: each path has its own OPTIONS route. If the template had `ANY /orders` and
//! only `OPTIONS /{proxy+}`, the gateway would choose the more specific `ANY /orders` for a preflight.
//! The preflight would reach the authorizer, and has no token.

use std::collections::{BTreeMap, BTreeSet};

use http::Request;
use local::serve::Options;
use shared::as_is::AsIs;
use shared::cors::EXPOSED_HEADERS;
use template::{Kind, Route, Template, TemplateError};

/// The paths that need an OPTIONS route in every API, whatever its other routes are.
const EVERYWHERE: [&str; 2] = ["/", "/{proxy+}"];

fn text() -> String {
    Options::in_memory().template
}

fn read(text: &str) -> Result<Template, TemplateError> {
    Template::read(text, [])
}

/// What is wrong with the routes, one line for each fault.
fn faults(template: &Template) -> Vec<String> {
    let routes = &template.routes;
    let is_cors = |route: &Route| {
        let function = template.functions.get(&route.function);
        function.is_some_and(|function| function.kind == Kind::Cors)
    };
    let mut faults = Vec::new();
    let paths: BTreeSet<&str> = routes.iter().map(|route| route.path.as_str()).collect();
    for path in paths.into_iter().chain(EVERYWHERE) {
        let mut of_path = routes.iter().filter(|route| route.path == path);
        match of_path.find(|route| route.method == "OPTIONS") {
            None => faults.push(format!("{path} has no OPTIONS route")),
            Some(route) if route.authorizer.is_some() => {
                faults.push(format!("OPTIONS {path} has an authorizer"));
            }
            Some(route) if !is_cors(route) => {
                faults.push(format!("OPTIONS {path} is not the cors function's"));
            }
            Some(_) => {}
        }
    }
    for route in routes.iter().filter(|route| route.method == "ANY") {
        faults.push(format!("{} takes preflights too", route.key()));
    }
    faults.sort();
    faults.dedup();
    faults
}

/// The template without the event that declares a path's OPTIONS.
pub(crate) fn without_preflight(text: &str, path: &str) -> String {
    let quoted = format!("Method: OPTIONS, Path: \"{path}\",");
    let plain = format!("Method: OPTIONS, Path: {path},");
    let lines: Vec<&str> = text.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.contains(&quoted) || line.contains(&plain))
        .unwrap_or_else(|| panic!("the template has no OPTIONS {path}"));
    // An event has three lines: its name, its type and its properties.
    assert!(lines[at - 1].contains("Type: HttpApi"), "{}", lines[at - 1]);
    [&lines[..at - 2], &lines[at + 1..], &[""]]
        .concat()
        .join("\n")
}

#[test]
fn every_path_has_an_options_route_without_an_authorizer() {
    assert_eq!(faults(&read(&text()).unwrap()), [""; 0]);
}

#[test]
fn each_path_without_its_options_is_named() {
    let template = read(&text()).unwrap();
    let preflights = template
        .routes
        .iter()
        .filter(|route| route.method == "OPTIONS");
    let paths: Vec<&str> = preflights.map(|route| route.path.as_str()).collect();
    let guarded: BTreeSet<&str> = template
        .routes
        .iter()
        .filter(|route| route.authorizer.is_some())
        .map(|route| route.path.as_str())
        .collect();
    assert!(guarded.len() < paths.len());
    for path in paths {
        match read(&without_preflight(&text(), path)) {
            Ok(template) => {
                assert!(!guarded.contains(path), "{path} is served");
                assert_eq!(faults(&template), [format!("{path} has no OPTIONS route")]);
            }
            // The local program refuses to start, and names the path too.
            Err(error) => {
                let named = format!("`{path}` has no OPTIONS route");
                assert!(error.to_string().contains(&named), "{error}");
            }
        }
    }
}

#[test]
fn a_route_that_takes_every_method_and_a_guarded_options_are_named() {
    let orders = "{ApiId: !Ref HttpApi, Method: GET, Path: /orders}";
    let any = text().replace(orders, &orders.replace("GET", "ANY"));
    let expected = ["ANY /orders takes preflights too"];
    assert_eq!(faults(&read(&any).unwrap()), expected);

    let products = "Method: OPTIONS, Path: /products, Auth: {Authorizer: NONE}}";
    let guarded = text().replace(products, "Method: OPTIONS, Path: /products}");
    let faults = match read(&guarded) {
        Ok(template) => faults(&template),
        Err(error) => vec![error.to_string()],
    };
    assert!(faults[0].contains("/products"), "{faults:?}");
}

#[test]
fn the_gateway_does_not_answer_preflights_itself() {
    let code = |line: &str| line.split(" #").next().unwrap_or_default().to_owned();
    let declares = |line: &&str| {
        let code = code(line);
        !code.trim_start().starts_with('#') && code.contains("CorsConfiguration")
    };
    assert_eq!(text().lines().find(declares), None);
    let api = "    Type: AWS::Serverless::HttpApi\n    Condition: WithOrders\n    Properties:\n";
    let beside = format!("{api}      CorsConfiguration: true\n");
    let with = text().replace(api, &beside);
    assert_ne!(with, text());
    assert!(with.lines().any(|line| declares(&line)));
    let error = read(&with).unwrap_err().to_string();
    assert!(error.contains("CorsConfiguration"), "{error}");
}

#[tokio::test]
async fn the_edge_sends_the_same_headers_as_the_functions() {
    let template = read(&text()).unwrap();
    let edge = template.edge.unwrap();
    let headers: BTreeMap<_, _> = edge
        .headers
        .iter()
        .map(|header| (header.name.as_str(), header.value.as_str()))
        .collect();
    assert_eq!(
        headers.len(),
        edge.headers.len(),
        "a header is in the list twice"
    );
    let security = shared::headers::SECURITY
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    // An answer varies by its origin even if the request had none.
    assert_eq!(headers, security.chain([("vary", "Origin")]).collect());
    for header in &edge.headers {
        // A public answer may allow caches to store it. A preflight's answer varies by more headers.
        let own = ["cache-control", "vary"].contains(&header.name.as_str());
        assert_eq!(header.replaces, !own, "{header:?}");
    }

    let cors = edge.cors.unwrap();
    assert!(cors.replaces && !cors.credentials);
    assert_eq!(cors.methods.join(", "), ::cors::preflight::ALLOWED_METHODS);
    assert_eq!(cors.headers.join(", "), ::cors::ALLOWED_HEADERS);
    assert_eq!(cors.exposed.join(", "), EXPOSED_HEADERS);
    assert_eq!(cors.max_age_seconds, Some(preflight_max_age().await));
}

/// How long the function lets a browser reuse its approval, in seconds.
async fn preflight_max_age() -> u64 {
    let origin = "https://shop.example";
    let var = |name: &str| (name == "ALLOWED_ORIGINS").then(|| origin.to_owned());
    let config = ::cors::Config::from_env(var).unwrap();
    let request = Request::options("/")
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .body(lambda_http::Body::Empty)
        .unwrap();
    let Ok(AsIs(answer)) = ::cors::handle(&::cors::App::new(config), request).await;
    let age = answer.headers()["access-control-max-age"].to_str();
    age.unwrap().parse().unwrap()
}

#[test]
fn pages_may_use_exactly_the_methods_that_routes_have() {
    let template = read(&text()).unwrap();
    let routes = template.routes.iter();
    let methods: BTreeSet<&str> = routes
        .map(|route| route.method.as_str())
        .filter(|method| *method != "OPTIONS")
        .collect();
    assert_eq!(
        methods,
        ::cors::preflight::ALLOWED_METHODS.split(", ").collect()
    );
}

#[test]
fn one_parameter_sets_the_origins_of_the_edge_and_of_every_function() {
    let list = "https://a.example,https://b.example:8443";
    // CloudFormation removes white space around the members of a list. The reader must do so too.
    for given in [list, "https://a.example , https://b.example:8443"] {
        let template = Template::read(&text(), [("AllowedOrigins", given)]).unwrap();
        let functions: BTreeSet<&str> = template
            .routes
            .iter()
            .map(|route| route.function.as_str())
            .collect();
        assert!(1 < functions.len());
        for function in functions {
            let environment = &template.functions[function].environment;
            let origins = environment.get("ALLOWED_ORIGINS").map(String::as_str);
            assert_eq!(origins, Some(list), "{function}");
        }
        let edge = template.edge.unwrap().cors.unwrap();
        assert_eq!(edge.origins.join(","), list);
    }
}

#[test]
fn one_parameter_adds_headers_at_the_edge_and_in_the_function() {
    let more = [("AllowedHeaders", "traceparent,x-requested-with")];
    let template = Template::read(&text(), more).unwrap();
    let (_, function) = template.function(Kind::Cors).unwrap();
    assert_eq!(
        function.environment["ALLOWED_HEADERS"],
        "traceparent,x-requested-with"
    );
    let edge = template.edge.unwrap().cors.unwrap();
    assert_eq!(
        edge.headers.join(", "),
        format!("{}, traceparent, x-requested-with", ::cors::ALLOWED_HEADERS)
    );
}

#[test]
fn the_default_origin_is_a_development_server_on_localhost() {
    let template = read(&text()).unwrap();
    assert_eq!(
        template.parameters["AllowedOrigins"],
        "http://localhost:5173"
    );
}
