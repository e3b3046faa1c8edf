//! The end of TLS before the database, as DynamoDB has one.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::CertifiedKey;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::Fallible;
use crate::install::state;

/// A port that speaks TLS and leads to the database.
#[derive(Debug)]
pub(crate) struct Terminator {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
}

/// The certificate that functions must trust.
pub(crate) fn certificate_file() -> PathBuf {
    state().join("certificate.pem")
}

impl Terminator {
    /// Makes a certificate for this machine, and opens the port.
    pub(crate) async fn start(target: String) -> Fallible<Self> {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        std::fs::write(certificate_file(), cert.pem())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move {
            while let Ok((function, _)) = listener.accept().await {
                let (acceptor, target) = (acceptor.clone(), target.clone());
                tokio::spawn(async move {
                    let _ = function.set_nodelay(true);
                    let Ok(mut function) = acceptor.accept(function).await else {
                        return;
                    };
                    if let Ok(mut database) = TcpStream::connect(target).await {
                        let _ = database.set_nodelay(true);
                        let _ = tokio::io::copy_bidirectional(&mut function, &mut database).await;
                    }
                });
            }
        });
        Ok(Self { address })
    }
}
