//! Reads the settings of the program itself. Those of the functions are read by the functions.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use crate::client::{AddressHeader, Clients};

/// ECS ends a task 60 seconds after SIGTERM, as `container.yaml` sets it. The last requests take at
/// most 30 of them.
const DRAIN_SECONDS_MAX: u64 = 25;

/// A body is held several times while it is answered: as it arrived, in the event, and parsed.
const COPIES_OF_A_BODY: usize = 8;

/// What the program needs besides, with room for its connections.
const REST_MIB: usize = 96;

const MIB: usize = 1024 * 1024;

/// The settings of the program.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `LISTEN`: the address of the API. By default port 8080 of every address.
    pub listen: SocketAddr,
    /// `HEALTH_LISTEN`: the address of the health checks. By default port 8081.
    pub health_listen: SocketAddr,
    /// `DRAIN_SECONDS`: how long it goes on serving after SIGTERM. By default 20.
    pub drain: Duration,
    /// `CONNECTIONS_MAX`: how many connections are open at once. By default 1000.
    pub connections_max: usize,
    /// `REQUESTS_MAX`: how many requests are answered at once. By default 200.
    pub requests_max: usize,
    /// `BODY_BYTES_MAX`: the largest body. By default 128 KiB, twice what any route takes.
    pub body_bytes_max: usize,
    /// `CLIENT_ADDRESS_HEADER` and `TRUSTED_PROXIES`: where the client's address is.
    pub clients: Clients,
    /// `ARCHITECTURE`: the processor that the image was deployed for, if it is set.
    pub architecture: Option<String>,
}

/// A setting is not valid.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{name} {fault}")]
pub struct SettingsError {
    name: &'static str,
    fault: String,
}

impl SettingsError {
    fn new(name: &'static str, fault: impl fmt::Display) -> Self {
        let fault = fault.to_string();
        Self { name, fault }
    }
}

impl Settings {
    /// Reads the settings. An empty variable counts as missing.
    ///
    /// # Errors
    /// The first setting that is not valid, by its name.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        let address = |name, port: u16| {
            let form = "is not an address and a port, such as 0.0.0.0:8080";
            parsed(
                set(name),
                name,
                form,
                SocketAddr::from(([0, 0, 0, 0], port)),
            )
        };
        let count = |name, default: usize| {
            let number = parsed(set(name), name, "is not a whole number", default)?;
            match number {
                0 => Err(SettingsError::new(name, "must be at least 1")),
                number => Ok(number),
            }
        };
        let drain = "DRAIN_SECONDS";
        let drain_seconds: u64 = parsed(set(drain), drain, "is not a whole number", 20)?;
        if DRAIN_SECONDS_MAX < drain_seconds {
            let fault = format!(
                "is {drain_seconds}: at most {DRAIN_SECONDS_MAX} leave time for the last requests"
            );
            return Err(SettingsError::new(drain, fault));
        }
        let requests_max = count("REQUESTS_MAX", 200)?;
        let body_bytes_max = count("BODY_BYTES_MAX", 128 * 1024)?.min(gateway::BODY_BYTES_MAX);
        let memory = "MEMORY_MIB";
        let memory_mib = parsed(set(memory), memory, "is not a whole number", usize::MAX)?;
        fits(requests_max, body_bytes_max, memory_mib)?;
        Ok(Self {
            listen: address("LISTEN", 8080)?,
            health_listen: address("HEALTH_LISTEN", 8081)?,
            drain: Duration::from_secs(drain_seconds),
            connections_max: count("CONNECTIONS_MAX", 1_000)?,
            requests_max,
            body_bytes_max,
            clients: clients(
                set("CLIENT_ADDRESS_HEADER").as_deref(),
                set("TRUSTED_PROXIES").as_deref(),
            )?,
            architecture: set("ARCHITECTURE"),
        })
    }
}

/// Refuses limits under which requests with the largest bodies would use up the memory. Whoever sends them
/// needs no valid token for that.
fn fits(
    requests_max: usize,
    body_bytes_max: usize,
    memory_mib: usize,
) -> Result<(), SettingsError> {
    let bodies = requests_max
        .saturating_mul(body_bytes_max)
        .saturating_mul(COPIES_OF_A_BODY);
    let needed = REST_MIB.saturating_add(bodies.div_ceil(MIB));
    if needed <= memory_mib {
        return Ok(());
    }
    let fault = format!(
        "is too high: {requests_max} bodies of BODY_BYTES_MAX={body_bytes_max} bytes need {needed} MiB, but MEMORY_MIB is {memory_mib}. Lower one of the two, or give the task more memory"
    );
    Err(SettingsError::new("REQUESTS_MAX", fault))
}

fn parsed<T: FromStr>(
    value: Option<String>,
    name: &'static str,
    fault: &'static str,
    default: T,
) -> Result<T, SettingsError> {
    value.map_or(Ok(default), |value| {
        let parsed = value.parse();
        parsed.map_err(|_| SettingsError::new(name, fault))
    })
}

fn clients(header: Option<&str>, proxies: Option<&str>) -> Result<Clients, SettingsError> {
    const HEADER: &str = "CLIENT_ADDRESS_HEADER";
    const PROXIES: &str = "TRUSTED_PROXIES";
    let header = match header {
        None => AddressHeader::Nothing,
        Some("forwarded") => AddressHeader::Forwarded,
        Some("x-forwarded-for") => AddressHeader::XForwardedFor,
        Some(_) => {
            let fault =
                "must be forwarded or x-forwarded-for, or empty for the connection's own address";
            return Err(SettingsError::new(HEADER, fault));
        }
    };
    let proxies = proxies.unwrap_or_default();
    let networks = proxies
        .split(',')
        .map(str::trim)
        .filter(|it| !it.is_empty());
    let networks: Vec<IpNet> = networks
        .map(|network| {
            network.parse().map_err(|_| {
                SettingsError::new(
                    PROXIES,
                    format!(
                        "has {network:?}: write networks such as 10.0.0.0/16, separated by commas"
                    ),
                )
            })
        })
        .collect::<Result<_, _>>()?;
    match (header, networks.is_empty()) {
        (AddressHeader::Nothing, false) => {
            let fault =
                format!("is set, so {HEADER} must name the header that those proxies write");
            Err(SettingsError::new(PROXIES, fault))
        }
        (AddressHeader::Forwarded | AddressHeader::XForwardedFor, true) => {
            let fault =
                format!("is set, so {PROXIES} must list the networks of the proxies that write it");
            Err(SettingsError::new(HEADER, fault))
        }
        _ => Ok(Clients { header, networks }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let var = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::from_env(var).map_err(|error| error.to_string())
    }

    #[test]
    fn without_variables_there_are_defaults() {
        let settings = read(&[("DRAIN_SECONDS", "")]).unwrap();
        assert_eq!(settings.listen.to_string(), "0.0.0.0:8080");
        assert_eq!(settings.health_listen.to_string(), "0.0.0.0:8081");
        assert_eq!(settings.drain, Duration::from_secs(20));
        assert_eq!(settings.clients.header, AddressHeader::Nothing);
    }

    #[track_caller]
    fn check_refused(variables: &[(&str, &str)], start: &str) {
        let error = read(variables).map(|_| ()).unwrap_err();
        assert!(error.starts_with(start), "{error}");
    }

    #[test]
    fn a_setting_that_is_not_valid_is_named() {
        check_refused(&[("LISTEN", "8080")], "LISTEN is not an address");
        check_refused(&[("HEALTH_LISTEN", "x")], "HEALTH_LISTEN is not an address");
        check_refused(&[("DRAIN_SECONDS", "-1")], "DRAIN_SECONDS is not a whole");
        check_refused(
            &[("DRAIN_SECONDS", "26")],
            "DRAIN_SECONDS is 26: at most 25",
        );
        check_refused(&[("REQUESTS_MAX", "0")], "REQUESTS_MAX must be at least 1");
        check_refused(
            &[("CONNECTIONS_MAX", "many")],
            "CONNECTIONS_MAX is not a whole",
        );
        let proxies = ("TRUSTED_PROXIES", "10.0.0.0/16");
        check_refused(
            &[proxies],
            "TRUSTED_PROXIES is set, so CLIENT_ADDRESS_HEADER",
        );
        let header = ("CLIENT_ADDRESS_HEADER", "forwarded");
        check_refused(
            &[header],
            "CLIENT_ADDRESS_HEADER is set, so TRUSTED_PROXIES",
        );
        check_refused(
            &[("CLIENT_ADDRESS_HEADER", "via"), proxies],
            "CLIENT_ADDRESS_HEADER must be",
        );
        check_refused(
            &[header, ("TRUSTED_PROXIES", "10.0.0.0")],
            "TRUSTED_PROXIES has \"10.0.0.0\"",
        );
        assert!(read(&[header, proxies]).is_ok());
        check_refused(&[("MEMORY_MIB", "512Mi")], "MEMORY_MIB is not a whole");
    }

    #[test]
    fn bodies_that_would_use_up_the_memory_are_refused() {
        // The smallest task, with the defaults.
        assert!(read(&[("MEMORY_MIB", "512")]).is_ok());
        check_refused(
            &[("MEMORY_MIB", "256")],
            "REQUESTS_MAX is too high: 200 bodies of BODY_BYTES_MAX=131072 bytes need 296 MiB",
        );
        check_refused(
            &[("MEMORY_MIB", "512"), ("BODY_BYTES_MAX", "10485760")],
            "REQUESTS_MAX is too high",
        );
        let most = usize::MAX.to_string();
        check_refused(
            &[("MEMORY_MIB", "4096"), ("REQUESTS_MAX", &most)],
            "REQUESTS_MAX is too high",
        );
        // Without a known limit, nothing can be compared.
        assert!(read(&[("REQUESTS_MAX", "100000")]).is_ok());
    }
}
