//! Reads AWS regions from ARNs, and from the long names in alarms.

/// The parts of an ARN that are used here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arn<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads `arn:partition:service:region:account:resource`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let _partition = parts.next()?;
        Some(Self {
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        })
    }

    /// The first part of the resource, which is the kind of it in most ARNs.
    pub(crate) fn kind(&self) -> &'a str {
        self.resource
            .split([':', '/'])
            .next()
            .unwrap_or(self.resource)
    }

    /// The last part of the resource: its name.
    pub(crate) fn name(&self) -> &'a str {
        self.resource
            .rsplit([':', '/'])
            .next()
            .unwrap_or(self.resource)
    }
}

/// The account in an ARN.
pub(crate) fn account_of(arn: &str) -> Option<String> {
    let account = Arn::parse(arn)?.account;
    (!account.is_empty()).then(|| account.to_owned())
}

/// The region of the first ARN that has one, else the code for the long name.
pub(crate) fn region(arns: &[Option<&str>], long_name: Option<&str>) -> Option<String> {
    arns.iter()
        .flatten()
        .filter_map(|arn| Arn::parse(arn))
        .map(|arn| arn.region)
        .find(|region| !region.is_empty())
        .or_else(|| code(long_name?))
        .map(str::to_owned)
}

/// The code for a region's long name in any of AWS's spellings. A code stays as it is.
fn code(name: &str) -> Option<&str> {
    let is_code = name.contains('-')
        && !name.contains(' ')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_code {
        return Some(name);
    }
    let wanted = letters(name);
    LONG_NAMES
        .iter()
        .find(|(long, _)| letters(long) == wanted)
        .map(|(_, code)| *code)
}

/// Folds spellings into one: "EU (Ireland)", "EU - Ireland" and "Europe (Ireland)".
fn letters(name: &str) -> String {
    let folded: String = name
        .chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .map(|character| if character == 'ã' { 'a' } else { character })
        .collect();
    match folded.strip_prefix("europe") {
        Some(place) => format!("eu{place}"),
        None => folded,
    }
}

/// Source: "AWS Regions", AWS Account Management Reference Guide.
const LONG_NAMES: &[(&str, &str)] = &[
    ("US East (N. Virginia)", "us-east-1"),
    ("US East - N. Virginia", "us-east-1"),
    ("US East (Northern Virginia)", "us-east-1"),
    ("US East (Ohio)", "us-east-2"),
    ("US West (N. California)", "us-west-1"),
    ("US West (Northern California)", "us-west-1"),
    ("US West (Oregon)", "us-west-2"),
    ("Africa (Cape Town)", "af-south-1"),
    ("Asia Pacific (Hong Kong)", "ap-east-1"),
    ("Asia Pacific (Taipei)", "ap-east-2"),
    ("Asia Pacific (Tokyo)", "ap-northeast-1"),
    ("Asia Pacific (Seoul)", "ap-northeast-2"),
    ("Asia Pacific (Osaka)", "ap-northeast-3"),
    ("Asia Pacific (Osaka-Local)", "ap-northeast-3"),
    ("Asia Pacific (Mumbai)", "ap-south-1"),
    ("Asia Pacific (Hyderabad)", "ap-south-2"),
    ("Asia Pacific (Singapore)", "ap-southeast-1"),
    ("Asia Pacific (Sydney)", "ap-southeast-2"),
    ("Asia Pacific (Jakarta)", "ap-southeast-3"),
    ("Asia Pacific (Melbourne)", "ap-southeast-4"),
    ("Asia Pacific (Malaysia)", "ap-southeast-5"),
    ("Asia Pacific (New Zealand)", "ap-southeast-6"),
    ("Asia Pacific (Thailand)", "ap-southeast-7"),
    ("Canada (Central)", "ca-central-1"),
    ("Canada West (Calgary)", "ca-west-1"),
    ("EU (Frankfurt)", "eu-central-1"),
    ("EU Central (Frankfurt)", "eu-central-1"),
    ("EU (Zurich)", "eu-central-2"),
    ("EU (Stockholm)", "eu-north-1"),
    ("EU (Milan)", "eu-south-1"),
    ("EU (Spain)", "eu-south-2"),
    ("EU (Ireland)", "eu-west-1"),
    ("EU West (Ireland)", "eu-west-1"),
    ("EU (London)", "eu-west-2"),
    ("EU (Paris)", "eu-west-3"),
    ("Israel (Tel Aviv)", "il-central-1"),
    ("Mexico (Central)", "mx-central-1"),
    ("Middle East (Bahrain)", "me-south-1"),
    ("Middle East (UAE)", "me-central-1"),
    ("South America (Sao Paulo)", "sa-east-1"),
    ("China (Beijing)", "cn-north-1"),
    ("China (Ningxia)", "cn-northwest-1"),
    ("AWS GovCloud (US-East)", "us-gov-east-1"),
    ("AWS GovCloud (US-West)", "us-gov-west-1"),
    ("AWS GovCloud (US)", "us-gov-west-1"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_comes_from_the_alarm_then_the_topic_then_the_long_name() {
        let alarm = Some("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a");
        let topic = Some("arn:aws:sns:eu-west-2:123456789012:alerts");
        let find = |arns: &[Option<&str>], name| region(arns, Some(name)).unwrap();
        assert_eq!(find(&[alarm, topic], "US East (Ohio)"), "eu-west-1");
        assert_eq!(find(&[None, topic], "US East (Ohio)"), "eu-west-2");
        assert_eq!(find(&[None, None], "US East (Ohio)"), "us-east-2");
    }

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(code(name), expected, "{name}");
    }

    #[test]
    fn a_long_name_is_known_in_each_of_its_spellings() {
        check("EU (Ireland)", Some("eu-west-1"));
        check("EU - Ireland", Some("eu-west-1"));
        check("Europe (Ireland)", Some("eu-west-1"));
        check("US East - N. Virginia", Some("us-east-1"));
        check("South America (São Paulo)", Some("sa-east-1"));
        check("AWS GovCloud (US-West)", Some("us-gov-west-1"));
        check("Asia Pacific (Seoul)", Some("ap-northeast-2"));
        check("ap-northeast-2", Some("ap-northeast-2"));
        check("Atlantis", None);
        check("", None);
    }
}
