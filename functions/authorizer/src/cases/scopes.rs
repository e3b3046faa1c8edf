//! Tests of the scopes of a token: from which claims they come, under which names, and which of
//! them an issuer may grant.

use serde_json::{Value, json};

use super::harness::{
    ROUTES, answer, app_of_issuers, bearer, block_on, check_event, claims, issuers,
};
use super::signers::SIGNERS;
use crate::{Algorithm, Config, Denial};

/// The EdDSA issuer with more members.
fn issuer(members: &Value) -> Value {
    let mut issuer = issuers()[4].clone();
    for (name, value) in members.as_object().unwrap() {
        issuer[name] = value.clone();
    }
    issuer
}

/// Valid claims without scopes, and more claims.
fn token(more: &Value) -> String {
    let mut claims = claims("ed");
    claims.as_object_mut().unwrap().remove("scope");
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    SIGNERS.ed25519.token(Algorithm::EdDSA, &claims)
}

/// Checks the scopes in the context. A token without `orders:write` is denied.
#[track_caller]
fn check(members: &Value, claims: &Value, expected: Result<&str, Denial>) {
    let app = app_of_issuers(&json!([issuer(members)]));
    let answer = check_event(&app, bearer(&token(claims)), expected.map(|_| ()));
    if let Ok(scope) = expected {
        assert_eq!(
            answer.result.unwrap()["context"]["scope"],
            scope,
            "{claims}"
        );
    }
}

#[test]
fn scopes_come_from_the_configured_claim_alone() {
    let from = json!({"scopes_from": ["permissions"]});
    let all = "orders:read orders:write";
    check(
        &from,
        &json!({"permissions": ["orders:write", "orders:read"]}),
        Ok(all),
    );
    check(
        &from,
        &json!({"permissions": "orders:write orders:read"}),
        Ok(all),
    );
    for claims in [
        json!({}),
        json!({"scope": "orders:write"}),
        json!({"scp": ["orders:write"]}),
        json!({"permissions": [], "scope": "orders:write"}),
        json!({"Permissions": ["orders:write"]}),
    ] {
        check(&from, &claims, Err(Denial::Scope));
    }
    // Whatever `scope` holds, it grants nothing.
    check(
        &from,
        &json!({"permissions": ["orders:write"], "scope": "orders:confirm"}),
        Ok("orders:write"),
    );
    check(
        &from,
        &json!({"permissions": ["orders:write"], "scope": 7}),
        Ok("orders:write"),
    );
}

#[test]
fn a_claim_can_be_a_member_of_another_or_have_a_dot_in_its_name() {
    let roles = json!({"roles": ["orders:write"]});
    let nested = json!({"scopes_from": [["realm_access", "roles"]]});
    check(&nested, &json!({"realm_access": roles}), Ok("orders:write"));
    check(
        &nested,
        &json!({"realm_access.roles": ["orders:write"]}),
        Err(Denial::Scope),
    );
    check(&nested, &json!({"realm_access": {}}), Err(Denial::Scope));
    check(&nested, &json!({"realm_access": []}), Err(Denial::Scope));
    check(
        &nested,
        &json!({"realm_access": "roles"}),
        Err(Denial::Scope),
    );
    let dotted = json!({"scopes_from": ["https://shop.example/roles"]});
    check(
        &dotted,
        &json!({"https://shop.example/roles": ["orders:write"]}),
        Ok("orders:write"),
    );
    let deep = json!({"scopes_from": [["resource_access", "surefire", "roles"]]});
    check(
        &deep,
        &json!({"resource_access": {"surefire": roles}}),
        Ok("orders:write"),
    );
    check(
        &deep,
        &json!({"resource_access": {"account": roles}}),
        Err(Denial::Scope),
    );
}

#[test]
fn several_claims_add_up() {
    let both = json!({"scopes_from": ["scope", "cognito:groups"]});
    let claims = json!({"scope": "orders:read", "cognito:groups": ["orders:write"]});
    check(&both, &claims, Ok("orders:read orders:write"));
    check(
        &both,
        &json!({"cognito:groups": ["orders:write"]}),
        Ok("orders:write"),
    );
}

#[test]
fn a_claim_of_scopes_of_the_wrong_type_is_denied() {
    let from = json!({"scopes_from": ["permissions"]});
    for wrong in [
        json!(null),
        json!(7),
        json!({"orders:write": true}),
        json!(["orders:write", 1]),
        json!(["orders:write", ["orders:read"]]),
        json!(["orders:write orders:read"]),
        json!(["orders:write", ""]),
    ] {
        check(&from, &json!({"permissions": wrong}), Err(Denial::Scope));
    }
}

#[test]
fn names_are_translated_and_other_names_are_dropped() {
    let members = json!({
        "scopes_from": ["cognito:groups"],
        "scope_names": {"Shop Staff": ["orders:write", "stock:write"], "readers": ["orders:read"]},
    });
    let groups = |groups: Value| json!({"cognito:groups": groups});
    check(
        &members,
        &groups(json!(["Shop Staff"])),
        Ok("orders:write stock:write"),
    );
    check(
        &members,
        &groups(json!(["readers", "Shop Staff", "a b", ""])),
        Ok("orders:read orders:write stock:write"),
    );
    // Neither a scope's own name nor a part of a name is translated.
    for other in [
        json!(["orders:write"]),
        json!(["shop staff"]),
        json!(["Shop", "Staff"]),
        json!([]),
    ] {
        check(&members, &groups(other), Err(Denial::Scope));
    }
    // Without `scopes_from`, the names of `scope` and `scp` are translated.
    let members = json!({"scope_names": {"Orders.Write": ["orders:write"]}});
    check(
        &members,
        &json!({"scp": "Orders.Write User.Read"}),
        Ok("orders:write"),
    );
    check(
        &members,
        &json!({"scope": "orders:write"}),
        Err(Denial::Scope),
    );
}

#[test]
fn an_issuer_grants_no_scope_beyond_its_limit() {
    let members = json!({"may": ["orders:write", "orders:read"]});
    let all = json!({"scope": "orders:read orders:write orders:confirm stock:write"});
    check(&members, &all, Ok("orders:read orders:write"));
    check(&json!({"may": ["orders:read"]}), &all, Err(Denial::Scope));
    // The limit also holds for translated names.
    let members = json!({
        "scopes_from": ["roles"],
        "scope_names": {"admin": ["orders:write", "stock:write"]},
        "may": ["orders:write"],
    });
    check(&members, &json!({"roles": ["admin"]}), Ok("orders:write"));
}

/// The reason for a `GET /orders` of a caller with these scopes, when the route requires this.
fn reason(required: &Value, scope: &str) -> String {
    let routes = json!({"POST /orders": required}).to_string();
    let app = super::harness::app_of_routes(&json!([issuer(&json!({}))]), &routes);
    block_on(answer(&app, bearer(&token(&json!({"scope": scope}))))).reason()
}

#[test]
fn a_route_can_ask_for_any_of_several_scopes() {
    let any = json!({"any": ["orders:write", "orders:write:any"]});
    assert_eq!(reason(&any, "orders:write"), "none");
    assert_eq!(reason(&any, "orders:write:any"), "none");
    assert_eq!(reason(&any, "orders:write:any orders:write"), "none");
    assert_eq!(reason(&any, "orders:read"), "scope");
    assert_eq!(reason(&any, ""), "scope");
    let all = json!(["orders:write", "orders:write:any"]);
    assert_eq!(reason(&all, "orders:write"), "scope");
}

fn read(issuer: &Value, routes: &str) -> Result<Config, String> {
    let issuers = json!([issuer]).to_string();
    let var = |name: &str| match name {
        "ISSUERS" => Some(issuers.clone()),
        "ROUTE_SCOPES" => Some(routes.to_owned()),
        _ => None,
    };
    Config::from_env(var).map_err(|error| error.to_string())
}

#[test]
fn a_route_that_asks_for_any_of_no_scopes_is_refused() {
    for (required, words) in [
        (json!({"any": []}), "`any` is empty"),
        (json!({}), "list of scopes"),
        (json!({"any": ["a"], "all": ["b"]}), "list of scopes"),
        (json!({"all": ["a"]}), "list of scopes"),
        (json!({"any": "a"}), "list of scopes"),
        (json!({"any": [1]}), "list of scopes"),
        (json!({"any": ["a b"]}), "no token can carry"),
    ] {
        let routes = json!({"GET /orders": required}).to_string();
        let error = read(&issuer(&json!({})), &routes).map(|_| ()).unwrap_err();
        assert!(
            error.contains("GET /orders") && error.contains(words),
            "{error}"
        );
    }
}

#[test]
fn mistakes_in_the_settings_of_scopes_are_refused() {
    for (members, words) in [
        (json!({"scopes_from": []}), "`scopes_from`"),
        (json!({"scopes_from": [""]}), "`scopes_from`"),
        (json!({"scopes_from": [[]]}), "`scopes_from`"),
        (json!({"scopes_from": [["a", ""]]}), "`scopes_from`"),
        (json!({"scopes_from": "permissions"}), "expected a sequence"),
        (json!({"scopes_from": [7]}), "ISSUERS[0]"),
        (json!({"scope_names": {}}), "`scope_names`"),
        (json!({"scope_names": {"": ["a"]}}), "`scope_names`"),
        (json!({"scope_names": {"x": []}}), "`scope_names`"),
        (json!({"scope_names": {"x": ["a b"]}}), "`scope_names`"),
        (json!({"may": []}), "`may`"),
        (json!({"may": ["a b"]}), "`may`"),
    ] {
        let error = read(&issuer(&members), ROUTES)
            .map(|_| ())
            .expect_err(&members.to_string());
        assert!(error.contains(words), "{error}");
    }
}
