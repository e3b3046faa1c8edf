//! Puts the container's program in front of a shop, when `SUREFIRE_TEST_HOST` is `container`.
//!
//! The tests of the API then send their requests to it instead of `surefire serve`, whose database
//! and secrets it uses. `./check container-tests` runs them so.

use std::collections::BTreeMap;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use gateway::AccessLog;
use local::functions::{Endpoints, environment_of};
use local::serve::{Options, Running};
use template::Kind;

/// The functions behind the API, whose variables the container's program has.
pub(crate) const BEHIND_THE_API: [Kind; 3] = [Kind::Orders, Kind::Cors, Kind::Authorizer];

/// Whether the tests send their requests to the container's program.
fn is_wanted() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no main that could read it"
    )]
    std::env::var("SUREFIRE_TEST_HOST").is_ok_and(|host| host == "container")
}

/// The container's program in front of a running shop, if it is wanted and can serve the same: it
/// has the shipped template, always adds the edge's headers, and limits no rate.
pub(crate) async fn in_front_of(running: &Running, options: &Options) -> Option<host::Running> {
    let serves_the_same =
        options.template == template::SHIPPED && options.edge && !options.throttle;
    if !is_wanted() || !serves_the_same {
        return None;
    }
    Some(start(running, options, &[]).await)
}

/// Starts the container's program with a shop's database and secrets, and with `more` variables.
pub(crate) async fn start(
    running: &Running,
    options: &Options,
    more: &[(&str, &str)],
) -> host::Running {
    let mut environment = environment(running, options);
    let own = [
        ("LISTEN", "127.0.0.1:0"),
        ("HEALTH_LISTEN", "127.0.0.1:0"),
        ("DRAIN_SECONDS", "0"),
    ];
    for (name, value) in own.iter().chain(more) {
        environment.insert((*name).to_owned(), (*value).to_owned());
    }
    let var = |name: &str| environment.get(name).cloned();
    let settings = host::Settings::from_env(var).unwrap();
    let keys = Credentials::new("local", "local", None, None, "a test");
    let keys = SharedCredentialsProvider::new(keys);
    let world = options.world.clone();
    let started = host::start(settings, var, keys, world, AccessLog::Off).await;
    started.unwrap()
}

/// The variables of all functions behind the API.
fn environment(running: &Running, options: &Options) -> BTreeMap<String, String> {
    let endpoints = Endpoints {
        dynamodb: running.dynamodb_url.clone(),
        aws: running.secrets_url.clone(),
        redis: options.redis.clone(),
    };
    let template = &running.template;
    let of = |kind| {
        environment_of(
            template.function(kind).unwrap().1,
            &template.place,
            &endpoints,
        )
    };
    // `REDIS_URL` takes the place of the variable for the secret.
    BEHIND_THE_API.into_iter().flat_map(of).collect()
}
