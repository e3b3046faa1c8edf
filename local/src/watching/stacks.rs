//! Answers CloudFormation's `DescribeStacks` for the template that is served: it was created when the server
//! started.
//!
//! Source: "DescribeStacks", AWS CloudFormation API Reference, in the protocol AWS Query.

use axum::http::StatusCode;
use jiff::Timestamp;
use template::Place;

const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

/// The only stack of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Stacks {
    id: String,
    name: String,
    created_at: Timestamp,
}

impl Stacks {
    pub(super) fn new(place: &Place, created_at: Timestamp) -> Self {
        let name = place.stack.clone();
        Self {
            id: place.arn("cloudformation", &format!("stack/{name}/local")),
            name,
            created_at,
        }
    }

    /// Answers a form. `None` if its action is not imitated here.
    pub(crate) fn answer(&self, form: &str) -> Option<(StatusCode, String)> {
        let value = |name: &str| {
            let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(key, _)| *key == name)?;
            let decoded = percent_encoding::percent_decode_str(value).decode_utf8();
            Some(decoded.ok()?.into_owned())
        };
        if value("Action")? != "DescribeStacks" {
            return None;
        }
        let asked = value("StackName").unwrap_or_else(|| self.name.clone());
        Some(if asked == self.name || asked == self.id {
            (StatusCode::OK, self.described())
        } else {
            let message = "<Code>ValidationError</Code><Message>Stack does not exist</Message>";
            let error = format!("<Error><Type>Sender</Type>{message}</Error>");
            let answer = format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{error}</ErrorResponse>");
            (StatusCode::BAD_REQUEST, answer)
        })
    }

    fn described(&self) -> String {
        let Self {
            id,
            name,
            created_at,
        } = self;
        let stack = format!(
            "<StackId>{id}</StackId><StackName>{name}</StackName>\
             <CreationTime>{created_at:.3}</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>"
        );
        format!(
            "<DescribeStacksResponse xmlns=\"{NAMESPACE}\"><DescribeStacksResult><Stacks>\
             <member>{stack}</member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_served_stack_is_described() {
        let at = "2026-07-19T10:00:00Z".parse().unwrap();
        let stacks = Stacks::new(&Place::default(), at);
        let ask = |form: &str| stacks.answer(form);
        let arn =
            "arn%3Aaws%3Acloudformation%3Aap-northeast-2%3A123456789012%3Astack%2Fsurefire%2Flocal";
        for name in ["surefire", arn] {
            let form = format!("Action=DescribeStacks&Version=2010-05-15&StackName={name}");
            let (status, answer) = ask(&form).unwrap();
            assert_eq!(status, StatusCode::OK);
            assert!(answer.contains("<CreationTime>2026-07-19T10:00:00.000Z</CreationTime>"));
        }
        let (status, _) = ask("Action=DescribeStacks&StackName=other").unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(ask("Action=DeleteStack&StackName=surefire"), None);
    }
}
