//! The limit of requests to the HTTP API.

use crate::evaluate::Evaluator;
use crate::fault::Fault;
use crate::resource;
use crate::yaml::Node;

/// How many requests the HTTP API takes: `DefaultRouteSettings`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Throttle {
    /// Requests a second, in the long run.
    pub rate: u32,
    /// Requests at once.
    pub burst: u32,
}

/// The throttle of the HTTP API, if it has one.
pub(crate) fn read(
    evaluator: &Evaluator<'_>,
    resources: &[(&str, &Node)],
) -> Result<Option<Throttle>, Fault> {
    let mut apis = resources
        .iter()
        .filter(|(_, node)| resource::kind(node) == "AWS::Serverless::HttpApi");
    let settings = apis
        .next()
        .and_then(|(_, api)| api.at(&["Properties", "DefaultRouteSettings"]));
    let Some(settings) = settings else {
        return Ok(None);
    };
    let number = |key| {
        let node = settings.need(key)?;
        let number = evaluator.number(node)?;
        u32::try_from(number).map_err(|_| node.fault("a smaller number is needed here"))
    };
    Ok(Some(Throttle {
        rate: number("ThrottlingRateLimit")?,
        burst: number("ThrottlingBurstLimit")?,
    }))
}
