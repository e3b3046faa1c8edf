//! The endpoint, called by the real Secrets Manager client.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};

use crate::serve::{self, Options, Running};
use crate::token::Issuer;

fn client(running: &Running) -> Client {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-northeast-2"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(&running.secrets_url)
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn a_new_value_takes_the_label_and_the_old_one_is_previous() {
    let running = serve::start(Options::in_memory()).await.unwrap();
    let client = client(&running);
    let id = Issuer::of(&running.template).unwrap().secret_id;
    let get = |stage: &'static str| {
        client
            .get_secret_value()
            .secret_id(&id)
            .version_stage(stage)
            .send()
    };

    let before = get("AWSCURRENT").await.unwrap();
    assert_eq!(before.secret_string().unwrap().len(), 64);
    assert!(
        before
            .secret_string()
            .unwrap()
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric())
    );
    let error = get("AWSPREVIOUS").await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error}");

    let put = |value: &'static str| {
        let put = client
            .put_secret_value()
            .secret_id(&id)
            .secret_string(value);
        put.client_request_token("0b1d6f3a-0000-4000-8000-000000000001")
            .send()
    };
    let version = put("next").await.unwrap().version_id.unwrap();
    // A repeat is the same version; another value under its token is refused.
    assert_eq!(put("next").await.unwrap().version_id.unwrap(), version);
    let error = put("other").await.unwrap_err().into_service_error();
    assert!(error.is_resource_exists_exception(), "{error}");
    assert_eq!(
        get("AWSCURRENT").await.unwrap().secret_string(),
        Some("next")
    );
    assert_eq!(
        get("AWSPREVIOUS").await.unwrap().secret_string(),
        before.secret_string()
    );
    running.stop().await;
}

#[tokio::test]
async fn versions_are_described_and_unknown_secrets_and_operations_are_refused() {
    let running = serve::start(Options::in_memory()).await.unwrap();
    let client = client(&running);
    let id = Issuer::of(&running.template).unwrap().secret_id;
    let put = client
        .put_secret_value()
        .secret_id(&id)
        .secret_string("next");
    put.send().await.unwrap();
    let described = client
        .describe_secret()
        .secret_id(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(described.version_ids_to_stages().unwrap().len(), 2);
    let listed = client
        .list_secret_version_ids()
        .secret_id(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.versions().len(), 2);
    assert!(
        listed
            .versions()
            .iter()
            .all(|version| version.created_date().is_some())
    );
    let unknown = client
        .get_secret_value()
        .secret_id("nothing")
        .send()
        .await
        .unwrap_err();
    assert!(
        unknown
            .into_service_error()
            .is_resource_not_found_exception()
    );
    let refused = client
        .delete_secret()
        .secret_id(&id)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(refused.meta().code(), Some("UnknownOperationException"));
    running.stop().await;
}
