//! The programs that are measured, and the work of each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lambda::Program;
use serde_json::{Value, json};

use crate::Fallible;
use crate::install::{Installed, zipped_bytes};
use crate::place::{IDEMPOTENCY, Place};
use crate::token::{AUDIENCE, ISSUER, Issuer};

/// What a program is asked to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Work {
    /// Answer an event without looking at it.
    Nothing,
    /// Answer a preflight.
    Preflight,
    /// Verify a token.
    Token,
    /// Place an order.
    Order,
}

/// A program that is measured.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    /// What Lambda would load at a cold start, zipped.
    pub(crate) zipped_bytes: u64,
    file: PathBuf,
    arguments: Vec<String>,
    directory: PathBuf,
    own: Vec<(&'static str, String)>,
    event: Value,
}

/// All of them, each beside what it is compared with.
pub(crate) fn candidates(
    installed: &Installed,
    issuer: &Issuer,
    beside: &[String],
) -> Fallible<Vec<Candidate>> {
    let origins = ("ALLOWED_ORIGINS", "http://localhost:5173".to_owned());
    let scopes = json!({"POST /orders": ["orders:write"]}).to_string();
    let built = |name, work, logical: &str, own| {
        rust(name, work, &installed.built.join(logical), own, issuer)
    };
    let bare = |name, work| rust(name, work, &installed.bare.join(name), Vec::new(), issuer);
    let mut all = vec![
        bare("hello", Work::Nothing)?,
        built(
            "cors",
            Work::Preflight,
            "CorsFunction",
            vec![origins.clone()],
        )?,
        built(
            "authorizer",
            Work::Token,
            "AuthorizerFunction",
            vec![("ISSUERS", issuer.issuers()), ("ROUTE_SCOPES", scopes)],
        )?,
        aws_jwt_verify(installed, issuer)?,
        bare("bare", Work::Order)?,
        built("orders", Work::Order, "OrdersFunction", vec![origins])?,
        python(installed, issuer)?,
        typescript(installed, issuer)?,
    ];
    for other in beside {
        let (of, file) = other
            .split_once('=')
            .ok_or("--beside needs NAME=BOOTSTRAP")?;
        all.push(another_build(&all, of, Path::new(file))?);
    }
    Ok(all)
}

/// The same work by another build of a program.
fn another_build(all: &[Candidate], of: &str, file: &Path) -> Fallible<Candidate> {
    let like = all.iter().find(|candidate| candidate.name == of);
    let (Some(like), Some(directory)) = (like, file.parent()) else {
        return Err(format!("--beside: there is no program {of}").into());
    };
    let name = match of {
        "authorizer" => "another authorizer",
        "cors" => "another cors",
        "orders" => "another orders",
        _ => return Err("--beside knows authorizer, cors and orders".into()),
    };
    let file_name = file.file_name().and_then(|name| name.to_str());
    let file_name = file_name.ok_or("--beside: the file has no name")?;
    Ok(Candidate {
        name,
        zipped_bytes: zipped_bytes(directory, &[file_name], &[])?,
        file: file.to_owned(),
        directory: directory.to_owned(),
        ..like.clone()
    })
}

fn rust(
    name: &'static str,
    work: Work,
    directory: &Path,
    own: Vec<(&'static str, String)>,
    issuer: &Issuer,
) -> Fallible<Candidate> {
    Ok(Candidate {
        name,
        work,
        zipped_bytes: zipped_bytes(directory, &["bootstrap"], &[])?,
        file: directory.join("bootstrap"),
        arguments: Vec::new(),
        directory: directory.to_owned(),
        own,
        event: event(work, issuer)?,
    })
}

fn aws_jwt_verify(installed: &Installed, issuer: &Issuer) -> Fallible<Candidate> {
    let own = vec![
        ("ISSUER", ISSUER.to_owned()),
        ("AUDIENCE", AUDIENCE.to_owned()),
        ("JWKS", issuer.key_set.clone()),
    ];
    node(
        "aws-jwt-verify",
        Work::Token,
        "authorizer",
        installed,
        own,
        issuer,
    )
}

fn typescript(installed: &Installed, issuer: &Issuer) -> Fallible<Candidate> {
    let own = vec![("IDEMPOTENCY_TABLE", IDEMPOTENCY.to_owned())];
    node(
        "powertools-typescript",
        Work::Order,
        "orders",
        installed,
        own,
        issuer,
    )
}

fn node(
    name: &'static str,
    work: Work,
    handler: &str,
    installed: &Installed,
    own: Vec<(&'static str, String)>,
    issuer: &Issuer,
) -> Fallible<Candidate> {
    let bundle = format!("dist/{handler}.mjs");
    Ok(Candidate {
        name,
        work,
        zipped_bytes: zipped_bytes(&installed.typescript, &[&bundle], &[])?,
        file: installed.node.clone(),
        arguments: vec!["bootstrap.mjs".to_owned(), bundle],
        directory: installed.typescript.clone(),
        own,
        event: event(work, issuer)?,
    })
}

fn python(installed: &Installed, issuer: &Issuer) -> Fallible<Candidate> {
    let packages = &installed.python_packages;
    // Lambda's own Python brings boto3.
    let without = ["boto3*", "botocore*", "s3transfer*", "bin", "__pycache__"];
    Ok(Candidate {
        name: "powertools-python",
        work: Work::Order,
        zipped_bytes: zipped_bytes(packages, &["."], &without)?,
        file: installed.python.clone(),
        arguments: vec!["bootstrap.py".to_owned(), "orders".to_owned()],
        directory: packages.clone(),
        own: vec![
            ("IDEMPOTENCY_TABLE", IDEMPOTENCY.to_owned()),
            ("PYTHONPATH", packages.display().to_string()),
        ],
        event: event(Work::Order, issuer)?,
    })
}

/// The project's own samples.
fn event(work: Work, issuer: &Issuer) -> Fallible<Value> {
    let text = match work {
        Work::Nothing | Work::Order => include_str!("../../../events/place-order.json").to_owned(),
        Work::Preflight => include_str!("../../../events/cors/allowed-preflight.json").to_owned(),
        Work::Token => {
            include_str!("../../../events/authorizer/token.json").replace("TOKEN", &issuer.token)
        }
    };
    Ok(serde_json::from_str(&text)?)
}

impl Candidate {
    pub(crate) fn uses_database(&self) -> bool {
        self.work == Work::Order
    }

    /// The program with its environment in a place.
    pub(crate) fn program(&self, place: &Place) -> Program {
        let mut environment: BTreeMap<String, String> = [
            ("AWS_REGION", "ap-northeast-2"),
            ("AWS_DEFAULT_REGION", "ap-northeast-2"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &place.url),
            ("AWS_LAMBDA_FUNCTION_NAME", "peer"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("TABLE_NAME", &place.table),
            ("POWERTOOLS_SERVICE_NAME", "peer"),
            ("POWERTOOLS_METRICS_NAMESPACE", "Peer"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if let Some(certificate) = &place.certificate {
            // The names that the SDKs for Rust, JavaScript and Python read.
            for name in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE"] {
                environment.insert(name.to_owned(), certificate.display().to_string());
            }
        }
        let own = self.own.iter();
        environment.extend(own.map(|(name, value)| ((*name).to_owned(), value.clone())));
        Program {
            file: self.file.clone(),
            arguments: self.arguments.clone(),
            directory: self.directory.clone(),
            environment,
        }
    }

    /// The event of an order with this idempotency key. Other events do not change.
    pub(crate) fn event(&self, key: &str) -> Vec<u8> {
        let mut event = self.event.clone();
        if self.work == Work::Order
            && let Some(headers) = event.get_mut("headers").and_then(Value::as_object_mut)
        {
            headers.insert("idempotency-key".to_owned(), key.into());
        }
        event.to_string().into_bytes()
    }

    /// Whether an answer says that the work was done.
    pub(crate) fn is_done(&self, answer: &Value) -> bool {
        match self.work {
            Work::Nothing | Work::Preflight => answer["statusCode"] == 204,
            Work::Token => answer["isAuthorized"] == true,
            Work::Order => answer["statusCode"] == 201,
        }
    }
}
