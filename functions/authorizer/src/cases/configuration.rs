//! Tests of the configuration: every mistake is one line that names the entry.

use serde_json::{Value, json};

use super::harness::{ROUTES, issuers};
use crate::Config;

fn read(issuers: &str, routes: &str) -> Result<Config, String> {
    let var = |name: &str| match name {
        "ISSUERS" => Some(issuers.to_owned()),
        "ROUTE_SCOPES" => Some(routes.to_owned()),
        _ => None,
    };
    Config::from_env(var).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(issuers: &str, routes: &str, words: &[&str]) {
    let error = read(issuers, routes).map(|_| ()).expect_err(issuers);
    assert!(!error.contains('\n'), "more than one line: {error}");
    for word in words {
        assert!(error.contains(word), "{word} is not in: {error}");
    }
}

/// Changes one member of the second issuer, or removes it if the value is `null`.
#[track_caller]
fn refused_with(name: &str, value: Value, words: &[&str]) {
    let mut all = issuers();
    match value {
        Value::Null => drop(all[1].as_object_mut().unwrap().remove(name)),
        value => all[1][name] = value,
    }
    let words: Vec<&str> = ["ISSUERS[1]"].iter().chain(words).copied().collect();
    refused(&all.to_string(), ROUTES, &words);
}

#[test]
fn the_configuration_of_the_template_is_read() {
    let config = read(&issuers().to_string(), ROUTES).unwrap();
    let names: Vec<&str> = config.issuers().iter().map(crate::Issuer::name).collect();
    assert_eq!(names, ["hs", "rs", "ps", "es", "ed"]);
}

#[test]
fn an_entry_may_have_the_most_of_everything() {
    let mut all = issuers();
    all[0]["name"] = "n".repeat(64).into();
    all[0]["max_ttl_seconds"] = json!(2_678_400);
    all[0]["leeway_seconds"] = json!(30);
    all[0]["typ"] = json!(["at+jwt"]);
    all[0]["keys"]["overlap_seconds"] = json!(2_678_400);
    let config = read(&all.to_string(), ROUTES).map(|config| config.issuers().len());
    assert_eq!(config, Ok(5));
    all[0]["name"] = "n".repeat(65).into();
    refused(&all.to_string(), ROUTES, &["`name` must be 1 to 64"]);
}

#[test]
fn a_missing_variable_is_named() {
    let missing = |name: &'static str| {
        let var = |asked: &str| {
            (asked != name).then(|| {
                if asked == "ISSUERS" {
                    issuers().to_string()
                } else {
                    "{}".to_owned()
                }
            })
        };
        Config::from_env(var).unwrap_err().to_string()
    };
    assert_eq!(missing("ISSUERS"), "ISSUERS is not set");
    assert_eq!(missing("ROUTE_SCOPES"), "ROUTE_SCOPES is not set");
}

#[test]
fn issuers_that_are_not_a_json_array_are_refused() {
    for (text, word) in [
        ("", "ISSUERS is not a JSON array"),
        ("{}", "array"),
        ("[", "array"),
        ("[]", "empty"),
        ("[{}]", "ISSUERS[0]"),
    ] {
        refused(text, ROUTES, &[word]);
    }
    let twice = issuers()
        .to_string()
        .replacen(r#""name":"#, r#""name":"x","name":"#, 1);
    refused(&twice, ROUTES, &["ISSUERS", "repeats"]);
}

#[test]
fn an_issuer_needs_its_members_and_no_others() {
    for name in ["name", "iss", "audiences", "algorithms", "keys"] {
        refused_with(name, json!(null), &[name]);
    }
    refused_with("audience", json!("api"), &["unknown field `audience`"]);
    refused_with("a\nb", json!("api"), &["unknown field"]);
    refused_with("name", json!(""), &["`name`"]);
    refused_with("name", json!("a b"), &["`name`"]);
    refused_with("name", json!("hs"), &["the name of an earlier entry"]);
    refused_with("iss", json!(""), &["`iss` is empty"]);
    refused_with(
        "iss",
        issuers()[0]["iss"].clone(),
        &["\"rs\"", "the `iss` of an earlier entry"],
    );
    refused_with("audiences", json!([]), &["`audiences`"]);
    refused_with("audiences", json!(["api", ""]), &["`audiences`"]);
    refused_with("audiences", json!("api"), &["expected a sequence"]);
    refused_with("typ", json!([]), &["`typ`"]);
    refused_with("typ", json!([""]), &["`typ`"]);
}

#[test]
fn leeway_lifetime_and_overlap_have_limits() {
    refused_with(
        "leeway_seconds",
        json!(31),
        &["`leeway_seconds` must be at most 30"],
    );
    refused_with("leeway_seconds", json!(-1), &["-1"]);
    refused_with(
        "max_ttl_seconds",
        json!(0),
        &["`max_ttl_seconds` must be 1 to"],
    );
    refused_with("max_ttl_seconds", json!(2_678_401), &["`max_ttl_seconds`"]);
    let mut all = issuers();
    all[0]["keys"]["overlap_seconds"] = json!(2_678_401);
    refused(
        &all.to_string(),
        ROUTES,
        &["ISSUERS[0] (\"hs\"):", "`keys.overlap_seconds`"],
    );
}

#[test]
fn algorithms_are_known_and_of_one_family() {
    refused_with("algorithms", json!([]), &["`algorithms` is empty"]);
    for unknown in ["none", "rs256", "RS1", "ES512", "dir", ""] {
        refused_with(
            "algorithms",
            json!([unknown]),
            &["`algorithms`", "not one of HS256"],
        );
    }
    refused_with("algorithms", json!(["RS256", "RS256"]), &["twice"]);
    for mixed in [
        json!(["RS256", "HS256"]),
        json!(["RS256", "PS256"]),
        json!(["ES256", "EdDSA"]),
        json!(["RS256", "ES256", "RS384"]),
    ] {
        refused_with("algorithms", mixed, &["mixes families"]);
    }
}

#[test]
fn keys_come_from_one_source_that_fits_the_algorithms() {
    for keys in [
        json!({}),
        json!({"discovery": false}),
        json!({"secret_id": "a", "jwks_url": "https://a.example"}),
        json!({"jwks_url": "https://a.example", "discovery": true}),
    ] {
        refused_with(
            "keys",
            keys,
            &["one of `secret_id`, `jwks_url` and `discovery: true`"],
        );
    }
    refused_with(
        "keys",
        json!({"url": "https://a.example"}),
        &["unknown field `url`"],
    );
    refused_with("keys", json!({"secret_id": "a"}), &["HS* algorithms only"]);
    refused_with(
        "keys",
        json!({"jwks_url": "https://a.example", "overlap_seconds": 1}),
        &["`keys.overlap_seconds`"],
    );
    let mut all = issuers();
    all[0]["keys"] = json!({"jwks_url": "https://a.example"});
    refused(
        &all.to_string(),
        ROUTES,
        &["ISSUERS[0]", "HS* algorithms need `keys.secret_id`"],
    );
    all[0]["keys"] = json!({"secret_id": ""});
    refused(
        &all.to_string(),
        ROUTES,
        &["ISSUERS[0]", "`keys.secret_id` is empty"],
    );
}

#[test]
fn keys_come_over_https_or_from_this_machine() {
    for url in [
        "http://issuer.example/keys",
        "http://10.0.0.1/keys",
        "ftp://issuer.example/keys",
    ] {
        refused_with(
            "keys",
            json!({"jwks_url": url}),
            &["`keys.jwks_url` must be https"],
        );
    }
    refused_with(
        "keys",
        json!({"jwks_url": "keys"}),
        &["`keys.jwks_url` is not an absolute URL"],
    );
    refused_with(
        "keys",
        json!({"jwks_url": "https://u:hunter2@issuer.example"}),
        &["user name or password"],
    );
    let mut all = issuers();
    all[1]["keys"] = json!({"discovery": true});
    all[1]["iss"] = json!("http://issuer.example");
    refused(
        &all.to_string(),
        ROUTES,
        &["ISSUERS[1] (\"rs\"):", "must be https"],
    );
    for url in [
        "http://127.0.0.1:3000/keys",
        "http://localhost:3000/keys",
        "http://[::1]:3000/keys",
    ] {
        let mut all = issuers();
        all[1]["keys"] = json!({"jwks_url": url});
        assert!(read(&all.to_string(), ROUTES).is_ok(), "{url}");
    }
}

#[test]
fn an_error_about_an_address_does_not_quote_its_query() {
    let mut all = issuers();
    all[1]["keys"] = json!({"jwks_url": "http://issuer.example/keys?api_key=hunter2"});
    let error = read(&all.to_string(), ROUTES).map(|_| ()).unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn routes_are_route_keys_with_lists_of_scopes() {
    let issuers = issuers().to_string();
    for (routes, words) in [
        ("", ["ROUTE_SCOPES", "JSON object"]),
        ("[]", ["ROUTE_SCOPES", "JSON object"]),
        (
            r#"{"GET /a": [], "GET /a": ["x"]}"#,
            ["ROUTE_SCOPES", "repeats"],
        ),
        (r#"{"GET": []}"#, ["ROUTE_SCOPES[\"GET\"]", "route key"]),
        (r#"{"get /a": []}"#, ["get /a", "route key"]),
        (r#"{"GET a": []}"#, ["GET a", "route key"]),
        (r#"{"GET /a b": []}"#, ["GET /a b", "route key"]),
        (r#"{"GET /a": "x"}"#, ["GET /a", "list of scopes"]),
        (r#"{"GET /a": [1]}"#, ["GET /a", "list of scopes"]),
        (r#"{"GET /a": [""]}"#, ["GET /a", "no token can carry"]),
        (r#"{"GET /a": ["x y"]}"#, ["GET /a", "no token can carry"]),
    ] {
        refused(&issuers, routes, &words);
    }
    assert!(read(&issuers, r#"{"$default": [], "ANY /a/{proxy+}": ["a:b"]}"#).is_ok());
}
