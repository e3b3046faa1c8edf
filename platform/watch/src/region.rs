//! The name of a region, as alarms write it.

/// The name, or the code of a region whose name is not in this list.
pub(crate) fn name(code: &str) -> &str {
    match code {
        "ap-northeast-2" => "Asia Pacific (Seoul)",
        "ap-northeast-1" => "Asia Pacific (Tokyo)",
        "eu-west-1" => "EU (Ireland)",
        "eu-central-1" => "EU (Frankfurt)",
        "us-east-1" => "US East (N. Virginia)",
        "us-west-2" => "US West (Oregon)",
        other => other,
    }
}
