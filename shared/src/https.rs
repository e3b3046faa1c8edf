//! The HTTPS client of the AWS SDK, which trusts the authorities of AWS and no others.
//!
//! The SDK's own client reads the machine's whole trust store when a program starts: some 140
//! authorities, on many systems twice. That takes most of a cold start's processor time, although
//! AWS's services use five of them.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// The authorities of Amazon Trust Services.
const AMAZON: &str = include_str!("amazon.pem");

/// Whose certificates are trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Authorities {
    /// Those that sign for AWS's services.
    Amazon,
    /// Those that this machine trusts, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    System,
}

/// The variables that say that somebody else than AWS may sign: what the operator trusts, and a
/// proxy, which may look into TLS.
const ELSEWHERE: [&str; 6] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

impl Authorities {
    /// The authorities for a region, its replaced endpoints, and the variables.
    ///
    /// Only the commercial regions and those of AWS GovCloud have certificates of Amazon Trust
    /// Services for certain.
    pub(crate) fn of<'url>(
        var: impl Fn(&str) -> Option<String>,
        region: &str,
        mut endpoints: impl Iterator<Item = &'url String>,
    ) -> Self {
        let chosen = ELSEWHERE.map(var);
        let chosen = chosen.iter().flatten().any(|value| !value.is_empty());
        let elsewhere = endpoints.any(|url| url.starts_with("https://"));
        if chosen || elsewhere || !is_known(region) {
            Self::System
        } else {
            Self::Amazon
        }
    }

    /// What the client of the SDK trusts.
    pub(crate) fn context(self) -> Option<TlsContext> {
        let store = match self {
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON),
            Self::System => TrustStore::default(),
        };
        TlsContext::builder().with_trust_store(store).build().ok()
    }
}

/// Whether a region belongs to the commercial partition or to AWS GovCloud.
fn is_known(region: &str) -> bool {
    let mut parts = region.split('-');
    let continent = parts.next().unwrap_or_default();
    let rest = parts.next().unwrap_or_default();
    ["af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"].contains(&continent)
        && !rest.starts_with("iso")
}

/// The client that the SDK makes for itself, with another trust store.
pub(crate) fn client(context: TlsContext) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        // As in the SDK's own client: `HTTPS_PROXY` and its neighbours.
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[track_caller]
    fn check(variable: &str, region: &str, endpoint: &str, expected: Authorities) {
        let var = |name: &str| (name == variable).then(|| "/a/file".to_owned());
        let endpoint = endpoint.to_owned();
        let found = Authorities::of(var, region, [&endpoint].into_iter());
        assert_eq!(found, expected, "{variable} {region} {endpoint}");
    }

    #[test]
    fn amazons_authorities_are_enough_for_amazons_regions() {
        let plain = "http://127.0.0.1:8000";
        for region in [
            "us-east-1",
            "ap-northeast-2",
            "eu-central-1",
            "us-gov-west-1",
        ] {
            check("", region, plain, Authorities::Amazon);
        }
    }

    #[test]
    fn the_machines_authorities_are_used_where_others_may_sign() {
        let plain = "http://127.0.0.1:8000";
        for region in [
            "cn-north-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "eusc-de-east-1",
            "",
        ] {
            check("", region, plain, Authorities::System);
        }
        check(
            "",
            "us-east-1",
            "https://localhost:4566",
            Authorities::System,
        );
        for variable in ELSEWHERE {
            check(variable, "us-east-1", plain, Authorities::System);
        }
    }

    /// The names and digests that Amazon Trust Services publishes. Debian's `ca-certificates` has
    /// the same.
    const PUBLISHED: [(&str, &str); 5] = [
        (
            "Amazon Root CA 1",
            "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        ),
        (
            "Amazon Root CA 2",
            "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        ),
        (
            "Amazon Root CA 3",
            "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        ),
        (
            "Amazon Root CA 4",
            "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        ),
        (
            "Starfield Services Root Certificate Authority - G2",
            "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
        ),
    ];

    #[test]
    fn the_authorities_are_those_that_amazon_publishes() {
        let certificates: Vec<Vec<u8>> = AMAZON
            .split("-----BEGIN CERTIFICATE-----")
            .skip(1)
            .map(|rest| rest.split("-----END").next().unwrap().replace('\n', ""))
            .map(|text| STANDARD.decode(text).unwrap())
            .collect();
        assert_eq!(certificates.len(), PUBLISHED.len());
        for (certificate, (name, digest)) in certificates.iter().zip(PUBLISHED) {
            let hex = |text: String, byte| format!("{text}{byte:02x}");
            let found = Sha256::digest(certificate).iter().fold(String::new(), hex);
            assert_eq!(found, digest, "{name}");
            // The name is in the certificate as it is here.
            let parts = certificate.windows(name.len());
            assert!({ parts }.any(|part| part == name.as_bytes()), "{name}");
        }
    }

    /// The SDK panics when it builds a connector with a certificate that cannot be read.
    #[test]
    fn a_client_can_be_built_with_the_authorities() {
        for authorities in [Authorities::Amazon, Authorities::System] {
            let connector = Connector::builder()
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .tls_context(authorities.context().unwrap());
            let _ = connector.build();
        }
    }
}
