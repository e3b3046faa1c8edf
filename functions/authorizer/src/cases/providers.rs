//! Tests of the entries in docs/deploy.md, with tokens of the claims that each provider documents.

use serde_json::{Value, json};

use super::harness::{NOW, answer, bearer, block_on, config};
use super::signers::{KID, SIGNERS};
use crate::fetch::{Fixed, Source};
use crate::{Algorithm, App, KeySet};

/// The entry below a heading of the page.
fn entry(heading: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/deploy.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (_, section) = page
        .split_once(&format!("\n### {heading}\n"))
        .expect(heading);
    let (_, block) = section.split_once("```json\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    serde_json::from_str(block).unwrap()
}

/// The reason and the scopes for a token of these claims under the provider's entry.
fn decide(heading: &str, claims: &Value) -> (String, Option<String>) {
    let config = config(&json!([entry(heading)]));
    let mut jwk = SIGNERS.rsa.jwk();
    jwk["kid"] = KID.into();
    let set = json!({"keys": [jwk]}).to_string();
    let keys = KeySet::from_jwks(set.as_bytes());
    let world = super::harness::Clock::new().world();
    let app = App::with_sources(config, vec![Source::Fixed(Fixed(keys))], world);
    let token = SIGNERS.rsa.token(Algorithm::RS256, claims);
    let mut event = bearer(&token);
    event["routeKey"] = "POST /orders".into();
    let answer = block_on(answer(&app, event));
    let scopes = answer.result.as_ref().unwrap()["context"]["scope"].as_str();
    (answer.reason(), scopes.map(str::to_owned))
}

/// Checks that a token is allowed with these scopes.
#[track_caller]
fn allowed(heading: &str, claims: &Value, scopes: &str) {
    let decided = decide(heading, claims);
    assert_eq!(
        decided,
        ("none".to_owned(), Some(scopes.to_owned())),
        "{claims}"
    );
}

/// Checks that a token with these claims changed is denied. `null` removes a claim.
#[track_caller]
fn denied(heading: &str, claims: &Value, changes: &Value, reason: &str) {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    assert_eq!(
        decide(heading, &claims),
        (reason.to_owned(), None),
        "{changes}"
    );
}

#[test]
fn the_entry_for_cognito_takes_its_access_tokens_and_no_id_token() {
    // "Understanding the access token", Amazon Cognito Developer Guide.
    let access = json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "device_key": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "cognito:groups": ["testgroup", "shop-staff"],
        "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE",
        "version": 2, "client_id": "1example23456789",
        "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "event_id": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "token_use": "access",
        "scope": "phone openid profile surefire/orders.write email",
        "auth_time": NOW, "exp": NOW + 3_600, "iat": NOW,
        "jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "username": "my-test-user",
    });
    let of = "Amazon Cognito";
    allowed(
        of,
        &access,
        "orders:cancel:any orders:confirm orders:fulfil orders:read:any orders:write stock:write",
    );
    denied(
        of,
        &access,
        &json!({"client_id": "another-client"}),
        "audience",
    );
    denied(
        of,
        &access,
        &json!({"scope": "aws.cognito.signin.user.admin"}),
        "scope",
    );
    let id = json!({"token_use": "id", "aud": "1example23456789", "client_id": null});
    denied(of, &access, &id, "claim");
}

#[test]
fn the_entry_for_auth0_takes_permissions_and_not_the_scopes_that_a_client_asked_for() {
    // "Access Token Profiles", Auth0 Docs; the claim `permissions` is added by its RBAC.
    let access = json!({
        "iss": "https://my-domain.auth0.com/", "sub": "auth0|123456",
        "aud": ["https://shop.example/api", "https://my-domain.auth0.com/userinfo"],
        "azp": "my_client_id", "exp": NOW + 86_400, "iat": NOW,
        "scope": "openid profile orders:write", "permissions": ["orders:write", "orders:read"],
    });
    allowed("Auth0", &access, "orders:read orders:write");
    denied("Auth0", &access, &json!({"permissions": []}), "scope");
    denied("Auth0", &access, &json!({"permissions": null}), "scope");
    let id = json!({"aud": "my_client_id", "permissions": null, "scope": null});
    denied("Auth0", &access, &id, "audience");
}

#[test]
fn the_entry_for_entra_takes_scopes_of_users_and_roles_of_applications() {
    // "Access token claims reference", Microsoft identity platform.
    let access = json!({
        "aud": "00001111-aaaa-2222-bbbb-3333cccc4444",
        "iss": "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0",
        "iat": NOW, "nbf": NOW, "exp": NOW + 4_500, "aio": "AXQAi/8IAAAA", "azp": "client",
        "azpacr": "0", "name": "Abe Lincoln", "oid": "00000000-0000-0000-66f3-3332eca7ea81",
        "preferred_username": "abe@example.com", "rh": "x", "scp": "Orders.Write User.Read",
        "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
        "tid": "aaaabbbb-0000-cccc-1111-dddd2222eeee", "uti": "x", "ver": "2.0",
    });
    let of = "Microsoft Entra ID";
    allowed(of, &access, "orders:read orders:write");
    let mut application = access.clone();
    application.as_object_mut().unwrap().remove("scp");
    application["roles"] = json!(["Orders.Write", "Stock.Write"]);
    allowed(of, &application, "orders:read orders:write stock:write");
    denied(of, &access, &json!({"ver": "1.0"}), "claim");
    denied(of, &access, &json!({"scp": null}), "scope");
    let v1 = json!({"iss": "https://sts.windows.net/aaaabbbb-0000-cccc-1111-dddd2222eeee/"});
    denied(of, &access, &v1, "issuer");
}

#[test]
fn the_entry_for_keycloak_takes_roles_of_the_realm_and_of_the_client() {
    let access = json!({
        "exp": NOW + 300, "iat": NOW, "jti": "d58f5dc8-fd8f-462b-8a19-716f8f83985b",
        "iss": "https://login.example/realms/shop", "aud": ["surefire", "account"],
        "sub": "36fa0f91-f94d-4a0c-afed-6b7d952e47da", "typ": "Bearer", "azp": "web",
        "sid": "2a88c258-f73a-4103-b862-e1fbd8f4e04e", "acr": "1",
        "allowed-origins": ["https://shop.example"],
        "realm_access": {"roles": ["offline_access", "default-roles-shop", "customer"]},
        "resource_access": {
            "surefire": {"roles": ["staff"]},
            "account": {"roles": ["manage-account", "view-profile"]},
        },
        "scope": "email profile", "email_verified": true, "preferred_username": "username",
    });
    allowed(
        "Keycloak",
        &access,
        "orders:cancel:any orders:confirm orders:fulfil orders:read orders:read:any orders:write stock:write",
    );
    denied("Keycloak", &access, &json!({"typ": "ID"}), "claim");
    denied("Keycloak", &access, &json!({"aud": "account"}), "audience");
    let elsewhere =
        json!({"realm_access": {}, "resource_access": {"account": {"roles": ["customer"]}}});
    denied("Keycloak", &access, &elsewhere, "scope");
}

#[test]
fn the_entry_for_firebase_takes_only_users_with_the_custom_claim() {
    // "Verify ID Tokens", Firebase Authentication.
    let id = json!({
        "iss": "https://securetoken.google.com/my-project", "aud": "my-project",
        "auth_time": NOW - 60, "user_id": "uid-1", "sub": "uid-1", "iat": NOW, "exp": NOW + 3_600,
        "email": "user@example.com", "email_verified": false, "roles": ["customer"],
        "firebase": {"identities": {"email": ["user@example.com"]}, "sign_in_provider": "password"},
    });
    let of = "Firebase Authentication";
    allowed(of, &id, "orders:read orders:write");
    denied(of, &id, &json!({"roles": null}), "scope");
    denied(
        of,
        &id,
        &json!({"roles": null, "scope": "orders:write"}),
        "scope",
    );
    denied(of, &id, &json!({"aud": "another-project"}), "audience");
}
