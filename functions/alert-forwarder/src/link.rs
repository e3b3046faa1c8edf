//! Links: checks the foreign ones, and builds those to the AWS console.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::region::Arn;

/// Longer links are shown as text: they would fill the message.
const URL_BYTES_MAX: usize = 1_000;

/// Characters that are percent-encoded in a path or fragment: all but letters, digits and `-_.~`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// An `https` URL that is safe in a masked link and does not lead to Discord.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SafeUrl(String);

impl SafeUrl {
    /// Accepts a foreign URL if it is `https`, has no credentials, and does not lead to Discord. Discord
    /// shows an invitation link as if the team had sent it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if URL_BYTES_MAX < text.len() || !text.is_ascii() {
            return None;
        }
        let url = reqwest::Url::parse(text).ok()?;
        let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
        let discord = [
            "discord.com",
            "discordapp.com",
            "discord.gg",
            "discord.new",
            "dis.gd",
        ];
        let to_discord = discord.iter().any(|name| {
            host.strip_suffix(name)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        let plain =
            url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
        if !plain || to_discord {
            return None;
        }
        Some(Self(masked(url.as_str())))
    }

    /// Accepts a URL in a text: as [`SafeUrl::parse`], and also `http`. A reader sees the whole address,
    /// so nothing is hidden behind a label.
    pub(crate) fn in_text(text: &str) -> Option<Self> {
        match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
                let secure = Self::parse(&format!("https://{rest}"))?;
                let rest = secure.0.strip_prefix("https")?;
                Some(Self(format!("http{rest}")))
            }
            _ => Self::parse(text),
        }
    }

    /// The URL, safe inside `[label](…)`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Percent-encodes what could end a masked link or be read as markup.
fn masked(url: &str) -> String {
    let mut safe = String::with_capacity(url.len());
    for character in url.chars() {
        match character {
            '(' => safe.push_str("%28"),
            ')' => safe.push_str("%29"),
            '<' => safe.push_str("%3C"),
            '>' => safe.push_str("%3E"),
            '\\' => safe.push_str("%5C"),
            '`' => safe.push_str("%60"),
            '|' => safe.push_str("%7C"),
            '*' => safe.push_str("%2A"),
            '[' => safe.push_str("%5B"),
            ']' => safe.push_str("%5D"),
            character if character.is_ascii_graphic() => safe.push(character),
            // The URL parser has encoded all others.
            _ => {}
        }
    }
    safe
}

/// Percent-encodes one part of a URL.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The URL of a console page in a region. `path` begins after the host: `cloudwatch/home?region=…`.
/// `None` if the region is not a valid code.
pub(crate) fn console(region: &str, path: &str) -> Option<SafeUrl> {
    let is_code = !region.is_empty()
        && region
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_code {
        return None;
    }
    let host = match Partition::of_region(region) {
        Partition::Aws => "console.aws.amazon.com",
        Partition::China => "console.amazonaws.cn",
        Partition::GovCloud => "console.amazonaws-us-gov.com",
    };
    SafeUrl::parse(&format!("https://{region}.{host}/{path}"))
}

/// The URL of an alarm's console page.
pub(crate) fn alarm(region: &str, name: &str) -> Option<SafeUrl> {
    let name = segment(name);
    console(
        region,
        &format!("cloudwatch/home?region={region}#alarmsV2:alarm/{name}"),
    )
}

/// The URL of a log stream's console page. The page decodes its address twice.
pub(crate) fn log_stream(region: &str, group: &str, stream: &str) -> Option<SafeUrl> {
    let twice = |text: &str| segment(text).replace('%', "$25");
    let path = format!(
        "cloudwatch/home?region={region}#logsV2:log-groups/log-group/{}/log-events/{}",
        twice(group),
        twice(stream)
    );
    console(region, &path)
}

/// The console page of whatever an ARN names. `None` if it is not an ARN with a resource.
///
/// Services whose page follows from the ARN have their own address. For all others, the console finds the
/// page itself.
pub(crate) fn of_arn(text: &str) -> Option<SafeUrl> {
    let arn = Arn::parse(text)?;
    let name = segment(arn.name());
    let whole = segment(text);
    let region = arn.region;
    let path = match (arn.service, arn.kind()) {
        ("cloudwatch", "alarm") => {
            return alarm(region, arn.resource.strip_prefix("alarm:")?);
        }
        ("s3", _) => {
            let bucket = segment(arn.resource.split('/').next()?);
            return console(default_region(text), &format!("s3/buckets/{bucket}"));
        }
        ("lambda", "function") => {
            let name = segment(arn.resource.split(':').nth(1)?);
            format!("lambda/home?region={region}#/functions/{name}")
        }
        ("ec2", "instance") => {
            format!("ec2/home?region={region}#InstanceDetails:instanceId={name}")
        }
        ("rds", "db") => format!("rds/home?region={region}#database:id={name}"),
        ("rds", "cluster") => {
            format!("rds/home?region={region}#database:id={name};is-cluster=true")
        }
        ("dynamodb", "table") => {
            let table = segment(arn.resource.split('/').nth(1)?);
            format!("dynamodbv2/home?region={region}#table?name={table}")
        }
        ("sqs", _) => return None,
        ("sns", _) => format!("sns/v3/home?region={region}#/topic/{whole}"),
        ("states", "stateMachine") => {
            format!("states/home?region={region}#/statemachines/view/{whole}")
        }
        ("states", "execution" | "express") => {
            format!("states/home?region={region}#/v2/executions/details/{whole}")
        }
        ("codepipeline", _) => {
            format!("codesuite/codepipeline/pipelines/{name}/view?region={region}")
        }
        ("acm", "certificate") => format!("acm/home?region={region}#/certificates/{name}"),
        ("ecs", "service") => {
            let mut parts = arn.resource.split('/').skip(1);
            match (parts.next(), parts.next()) {
                (Some(cluster), Some(service)) => format!(
                    "ecs/v2/clusters/{}/services/{}?region={region}",
                    segment(cluster),
                    segment(service)
                ),
                _ => format!("ecs/v2/clusters?region={region}"),
            }
        }
        ("logs", "log-group") => {
            let group = segment(arn.resource.split(':').nth(1)?);
            format!(
                "cloudwatch/home?region={region}#logsV2:log-groups/log-group/{}",
                group.replace('%', "$25")
            )
        }
        _ => format!("go/view?arn={whole}"),
    };
    let region = if region.is_empty() {
        default_region(text)
    } else {
        region
    };
    console(region, &path)
}

/// The start page of a service in the console, by the source of its events: `aws.glue`. `None` if the
/// source is not a service whose page has the name of its source.
pub(crate) fn of_service(region: &str, source: &str) -> Option<SafeUrl> {
    let service = match source.strip_prefix("aws.")? {
        "ecs" => "ecs/v2",
        "inspector2" => "inspector/v2",
        "ce" | "signin" | "health" | "trustedadvisor" | "tag" => return None,
        service if service.bytes().all(|byte| byte.is_ascii_lowercase()) => service,
        _ => return None,
    };
    console(region, &format!("{service}/home?region={region}"))
}

/// The region whose console shows what has no region, in the ARN's partition.
fn default_region(arn: &str) -> &'static str {
    if arn.starts_with("arn:aws-cn:") {
        "cn-north-1"
    } else if arn.starts_with("arn:aws-us-gov:") {
        "us-gov-west-1"
    } else {
        "us-east-1"
    }
}

/// The partitions of AWS, each with its own console host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Partition {
    /// `aws`: all other regions.
    Aws,
    /// `aws-cn`.
    China,
    /// `aws-us-gov`.
    GovCloud,
}

impl Partition {
    fn of_region(region: &str) -> Self {
        if region.starts_with("cn-") {
            Self::China
        } else if region.starts_with("us-gov-") {
            Self::GovCloud
        } else {
            Self::Aws
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str) {
        assert_eq!(SafeUrl::parse(text), None, "{text}");
    }

    #[test]
    fn only_plain_https_links_are_accepted() {
        refused("javascript:alert(1)");
        refused("JAVASCRIPT:alert(1)");
        refused("data:text/html,x");
        refused("http://wiki.example/runbook");
        refused("https://user:password@wiki.example/");
        refused("//wiki.example/");
        refused("runbook");
        refused(&format!(
            "https://wiki.example/{}",
            "a".repeat(URL_BYTES_MAX)
        ));
    }

    #[test]
    fn links_to_discord_are_refused() {
        refused("https://discord.gg/abcdef");
        refused("https://DISCORD.gg./abcdef");
        refused("https://discord.com/invite/abcdef");
        refused("https://ptb.discordapp.com/invite/abcdef");
        assert!(SafeUrl::parse("https://notdiscord.gg.example/a").is_some());
    }

    #[test]
    fn a_url_cannot_end_the_masked_link_around_it() {
        let url = SafeUrl::parse("https://wiki.example/a)[x](https://evil.example/*b*").unwrap();
        assert!(
            !url.as_str()
                .contains(['(', ')', '[', ']', '*', '<', '\\', ' ']),
            "{url:?}"
        );
        assert!(url.as_str().starts_with("https://wiki.example/"));
    }

    #[test]
    fn a_link_in_a_text_may_be_http_but_not_lead_to_discord() {
        let kept = |text| SafeUrl::in_text(text).map(|url| url.as_str().to_owned());
        assert_eq!(
            kept("http://wiki.example/a").unwrap(),
            "http://wiki.example/a"
        );
        assert_eq!(
            kept("https://wiki.example/a").unwrap(),
            "https://wiki.example/a"
        );
        assert_eq!(kept("http://discord.gg/a"), None);
        assert_eq!(kept("http://user:password@wiki.example/"), None);
        assert_eq!(kept("ftp://wiki.example/"), None);
    }

    #[test]
    fn what_an_arn_names_has_a_console_page() {
        let check = |arn: &str, expected: &str| {
            let url = of_arn(arn).unwrap();
            assert_eq!(url.as_str(), format!("https://{expected}"), "{arn}");
        };
        check(
            "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a/b",
            "eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/a%2Fb",
        );
        check(
            "arn:aws:lambda:eu-west-1:123456789012:function:orders:live",
            "eu-west-1.console.aws.amazon.com/lambda/home?region=eu-west-1#/functions/orders",
        );
        check(
            "arn:aws:ecs:eu-west-1:123456789012:service/prod/web",
            "eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/services/web?region=eu-west-1",
        );
        check(
            "arn:aws:s3:::bucket/key",
            "us-east-1.console.aws.amazon.com/s3/buckets/bucket",
        );
        check(
            "arn:aws:kafka:eu-west-1:123456789012:cluster/c/1",
            "eu-west-1.console.aws.amazon.com/go/view?arn=arn%3Aaws%3Akafka%3Aeu-west-1%3A123456789012%3Acluster%2Fc%2F1",
        );
        assert_eq!(of_arn("arn:aws:kafka"), None);
        let home = of_service("eu-west-1", "aws.glue").unwrap();
        assert!(home.as_str().ends_with("/glue/home?region=eu-west-1"));
        assert_eq!(of_service("eu-west-1", "my.shop"), None);
    }

    #[test]
    fn each_partition_has_its_own_console() {
        let host = |region| console(region, "x").map(|url| url.as_str().to_owned());
        assert_eq!(
            host("eu-west-1").unwrap(),
            "https://eu-west-1.console.aws.amazon.com/x"
        );
        assert_eq!(
            host("cn-north-1").unwrap(),
            "https://cn-north-1.console.amazonaws.cn/x"
        );
        assert_eq!(
            host("us-gov-west-1").unwrap(),
            "https://us-gov-west-1.console.amazonaws-us-gov.com/x"
        );
        assert_eq!(host("evil.example/"), None);
        assert_eq!(host(""), None);
    }

    #[test]
    fn the_name_of_an_alarm_is_encoded_in_its_link() {
        let url = alarm("eu-west-1", "Orders: 5xx (prod) ü/#").unwrap();
        assert_eq!(
            url.as_str(),
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1\
             #alarmsV2:alarm/Orders%3A%205xx%20%28prod%29%20%C3%BC%2F%23"
        );
    }
}
