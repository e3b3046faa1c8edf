//! The edge: the response headers policy that the CloudFront distribution applies to every answer.

use crate::evaluate::Evaluator;
use crate::fault::Fault;
use crate::resource;
use crate::yaml::Node;

/// What the edge does to every answer's headers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EdgePolicy {
    /// The CORS part.
    pub cors: Option<EdgeCors>,
    /// The other headers.
    pub headers: Vec<EdgeHeader>,
}

/// The CORS part of an edge policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EdgeCors {
    /// The origins that get CORS headers.
    pub origins: Vec<String>,
    /// The methods that a preflight's answer lists.
    pub methods: Vec<String>,
    /// The request headers that a preflight's answer lists.
    pub headers: Vec<String>,
    /// The response headers that a page may read.
    pub exposed: Vec<String>,
    /// How long a browser may keep a preflight's answer, in seconds.
    pub max_age_seconds: Option<u64>,
    /// Whether cookies are allowed.
    pub credentials: bool,
    /// Whether the edge's headers replace the function's.
    pub replaces: bool,
}

/// A header that the edge sets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EdgeHeader {
    /// Its name in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it replaces a header of the same name.
    pub replaces: bool,
}

/// The distribution's policy, if both exist under the template's conditions.
pub(crate) fn read(
    evaluator: &Evaluator<'_>,
    resources: &[(&str, &Node)],
) -> Result<Option<EdgePolicy>, Fault> {
    let of_kind = |kind| {
        resources
            .iter()
            .find(move |(_, node)| resource::kind(node) == kind)
    };
    let Some((_, distribution)) = of_kind("AWS::CloudFront::Distribution") else {
        return Ok(None);
    };
    let behaviour = [
        "Properties",
        "DistributionConfig",
        "DefaultCacheBehavior",
        "ResponseHeadersPolicyId",
    ];
    let Some(id) = distribution.at(&behaviour) else {
        return Ok(None);
    };
    let named = evaluator.text(id)?;
    let policy = resources.iter().find(|(logical, node)| {
        resource::kind(node) == "AWS::CloudFront::ResponseHeadersPolicy" && *logical == named
    });
    let config =
        policy.and_then(|(_, node)| node.at(&["Properties", "ResponseHeadersPolicyConfig"]));
    let config =
        config.ok_or_else(|| id.fault("this response headers policy is not in the template"))?;
    let mut headers = Vec::new();
    if let Some(security) = config.get("SecurityHeadersConfig") {
        headers.extend(security_headers(evaluator, security)?);
    }
    if let Some(custom) = config.at(&["CustomHeadersConfig", "Items"]) {
        headers.extend(custom_headers(evaluator, custom)?);
    }
    Ok(Some(EdgePolicy {
        cors: config
            .get("CorsConfig")
            .map(|cors| read_cors(evaluator, cors))
            .transpose()?,
        headers,
    }))
}

fn read_cors(evaluator: &Evaluator<'_>, node: &Node) -> Result<EdgeCors, Fault> {
    let items = |key| match node.at(&[key, "Items"]) {
        Some(items) => evaluator.texts(items),
        None => Ok(Vec::new()),
    };
    let age = node.get("AccessControlMaxAgeSec");
    Ok(EdgeCors {
        origins: items("AccessControlAllowOrigins")?,
        methods: items("AccessControlAllowMethods")?,
        headers: items("AccessControlAllowHeaders")?,
        exposed: items("AccessControlExposeHeaders")?,
        max_age_seconds: age.map(|node| evaluator.number(node)).transpose()?,
        credentials: evaluator.truth(node.need("AccessControlAllowCredentials")?)?,
        replaces: evaluator.truth(node.need("OriginOverride")?)?,
    })
}

fn security_headers(evaluator: &Evaluator<'_>, node: &Node) -> Result<Vec<EdgeHeader>, Fault> {
    let mut headers = Vec::new();
    for entry in node.entries() {
        let part = &entry.value;
        let text = |key| evaluator.text(part.need(key)?);
        let (name, value) = match entry.key.as_str() {
            "StrictTransportSecurity" => ("strict-transport-security", transport(evaluator, part)?),
            "ContentSecurityPolicy" => ("content-security-policy", text("ContentSecurityPolicy")?),
            "ContentTypeOptions" => ("x-content-type-options", "nosniff".to_owned()),
            "FrameOptions" => ("x-frame-options", text("FrameOption")?),
            "ReferrerPolicy" => ("referrer-policy", text("ReferrerPolicy")?),
            other => {
                return Err(part.fault(format!(
                    "this program does not know the security header {other}"
                )));
            }
        };
        headers.push(EdgeHeader {
            name: name.to_owned(),
            value,
            replaces: evaluator.truth(part.need("Override")?)?,
        });
    }
    Ok(headers)
}

fn transport(evaluator: &Evaluator<'_>, node: &Node) -> Result<String, Fault> {
    let flag = |key| match node.get(key) {
        Some(node) => evaluator.truth(node),
        None => Ok(false),
    };
    let mut value = format!(
        "max-age={}",
        evaluator.number(node.need("AccessControlMaxAgeSec")?)?
    );
    if flag("IncludeSubdomains")? {
        value.push_str("; includeSubDomains");
    }
    if flag("Preload")? {
        value.push_str("; preload");
    }
    Ok(value)
}

fn custom_headers(evaluator: &Evaluator<'_>, node: &Node) -> Result<Vec<EdgeHeader>, Fault> {
    let header = |item: &Node| {
        Ok(EdgeHeader {
            name: evaluator.text(item.need("Header")?)?.to_ascii_lowercase(),
            value: evaluator.text(item.need("Value")?)?,
            replaces: evaluator.truth(item.need("Override")?)?,
        })
    };
    node.list()?.iter().map(header).collect()
}
