//! Understands SNS's questions whether a subscription is wanted.

use crate::draft::{blank, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind};
use crate::json::text;
use crate::link::SafeUrl;
use crate::region::{Arn, account_of, region};

pub(super) const KIND: Kind = Kind("subscription");

/// A question as an event, with the link that says yes. Source: "HTTP/HTTPS subscription confirmation
/// JSON format", Amazon SNS. The token is in the link only.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let what = text(json, "/Type")?;
    let (title, label) = match what.as_str() {
        "SubscriptionConfirmation" => ("A topic asks to confirm its subscription", "Confirm"),
        "UnsubscribeConfirmation" => ("A subscription was ended", "Subscribe again"),
        _ => return None,
    };
    let topic = text(json, "/TopicArn")?;
    let mut event = blank(notification, KIND, "aws.sns");
    let name = Arn::parse(&topic).map_or(topic.as_str(), |arn| arn.name());
    event.title = format!("{title}: {name}");
    event.reason = "Nothing arrives from this topic before somebody opens the link.".into();
    if what == "UnsubscribeConfirmation" {
        event.reason = "Nothing arrives from this topic any more.".into();
    }
    event.region = region(&[Some(&topic)], None).or(event.region);
    event.account = account_of(&topic).or(event.account);
    push(&mut event.fields, "Topic", Some(topic.clone()));
    let url = text(json, "/SubscribeURL").filter(|url| is_of_sns(url));
    push_link(&mut event, label, url.and_then(|url| SafeUrl::parse(&url)));
    event.raw = format!("{what} of {topic}");
    event.fingerprint = format!("subscription#{topic}");
    Some(event)
}

/// Whether the link leads to SNS. Anybody can send a message of this form, and the reader is asked to open
/// the link.
fn is_of_sns(url: &str) -> bool {
    let host = url
        .strip_prefix("https://")
        .and_then(|rest| rest.split('/').next());
    host.is_some_and(|host| {
        let of_aws = host
            .strip_suffix(".amazonaws.com")
            .or_else(|| host.strip_suffix(".amazonaws.com.cn"));
        let region = of_aws.and_then(|host| host.strip_prefix("sns."));
        region.is_some_and(|region| {
            !region.is_empty()
                && region
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_link_to_sns_can_be_opened() {
        assert!(is_of_sns(
            "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
        ));
        assert!(is_of_sns(
            "https://sns.cn-north-1.amazonaws.com.cn/?Action=ConfirmSubscription"
        ));
        assert!(!is_of_sns(
            "https://sns.eu-west-1.amazonaws.com.evil.example/"
        ));
        assert!(!is_of_sns(
            "https://evil.example/sns.eu-west-1.amazonaws.com/"
        ));
        assert!(!is_of_sns("https://user@sns.eu-west-1.amazonaws.com/"));
        assert!(!is_of_sns("http://sns.eu-west-1.amazonaws.com/"));
    }
}
