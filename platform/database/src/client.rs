//! The AWS SDK's client of a database at a URL.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region};
use template::Place;

/// A client of the database at a URL, with the functions' credentials.
/// It sends each request once, as the functions' own client does.
pub fn client(url: &str, place: &Place) -> Client {
    Client::from_conf(config(&place.region, url).build())
}

/// The configuration of a client of this machine.
pub(crate) fn config(region: &str, url: &str) -> Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(url)
        .retry_config(RetryConfig::disabled())
}
