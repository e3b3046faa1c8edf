//! Owns what a resource is called on this machine: what `Ref` and `GetAtt` give for each type.
//!
//! Names are derived from the stack's and the resource's, so that they are the same at every start.

use super::yaml::Node;

/// Where the stack pretends to be deployed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The account number.
    pub account: String,
    /// The region.
    pub region: String,
    /// The stack's name.
    pub stack: String,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            region: "ap-northeast-2".to_owned(),
            stack: "surefire".to_owned(),
        }
    }
}

impl Place {
    pub(super) fn pseudo_parameter(&self, name: &str) -> Option<String> {
        let Self {
            account,
            region,
            stack,
        } = self;
        match name {
            "AWS::AccountId" => Some(account.clone()),
            "AWS::Region" => Some(region.clone()),
            "AWS::StackName" => Some(stack.clone()),
            "AWS::StackId" => Some(self.arn("cloudformation", &format!("stack/{stack}/local"))),
            "AWS::Partition" => Some("aws".to_owned()),
            "AWS::URLSuffix" => Some("amazonaws.com".to_owned()),
            _ => None,
        }
    }

    /// An ARN of a resource of the stack.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self {
            account, region, ..
        } = self;
        format!("arn:aws:{service}:{region}:{account}:{resource}")
    }

    /// The name of a resource that the template gives none.
    pub(super) fn name(&self, logical: &str) -> String {
        format!("{}-{logical}", self.stack)
    }

    /// The ARN of a secret. Secrets Manager ends it with six characters of its own.
    pub(super) fn secret_arn(&self, name: &str) -> String {
        self.arn("secretsmanager", &format!("secret:{name}-local0"))
    }

    /// The ARN of a function, without a qualifier.
    pub(super) fn function_arn(&self, name: &str) -> String {
        self.arn("lambda", &format!("function:{name}"))
    }
}

/// The type of a resource, `""` if it says none.
pub(super) fn kind(resource: &Node) -> &str {
    resource
        .get("Type")
        .and_then(Node::text)
        .unwrap_or_default()
}

/// The name the template gives a resource under a property, or else one made for it.
fn given_name(place: &Place, logical: &str, resource: &Node, property: &str) -> String {
    let given = resource.at(&["Properties", property]).and_then(Node::text);
    given.map_or_else(|| place.name(logical), str::to_owned)
}

/// What `Ref` gives, or why it gives nothing here.
pub(super) fn reference(place: &Place, logical: &str, resource: &Node) -> Result<String, String> {
    let property = match kind(resource) {
        "AWS::Serverless::Function" => "FunctionName",
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::SecretsManager::Secret" => {
            return Ok(place.secret_arn(&given_name(place, logical, resource, "Name")));
        }
        "AWS::SQS::Queue" => {
            let name = given_name(place, logical, resource, "QueueName");
            let Place {
                account, region, ..
            } = place;
            return Ok(format!(
                "https://sqs.{region}.amazonaws.com/{account}/{name}"
            ));
        }
        "AWS::SNS::Topic" => {
            return Ok(place.arn("sns", &given_name(place, logical, resource, "TopicName")));
        }
        "AWS::Serverless::HttpApi" => return Ok("local".to_owned()),
        "AWS::CloudFront::ResponseHeadersPolicy" | "AWS::EC2::SecurityGroup" | "AWS::KMS::Key" => {
            return Ok(logical.to_owned());
        }
        "AWS::Events::EventBus" => "Name",
        "AWS::IAM::Role" => "RoleName",
        other => {
            return Err(format!(
                "Ref of a resource of type `{other}` is not known here"
            ));
        }
    };
    Ok(given_name(place, logical, resource, property))
}

/// What `Ref: Function.Alias` gives: the ARN of the function with its alias.
pub(super) fn alias(place: &Place, logical: &str, resource: &Node) -> Result<String, String> {
    let arn = attribute(place, logical, resource, "Arn")?;
    Ok(format!("{arn}:live"))
}

/// What `GetAtt` gives, or why it gives nothing here.
pub(super) fn attribute(
    place: &Place,
    logical: &str,
    resource: &Node,
    attribute: &str,
) -> Result<String, String> {
    let name = |property| given_name(place, logical, resource, property);
    match (kind(resource), attribute) {
        ("AWS::Serverless::Function", "Arn") => Ok(place.function_arn(&name("FunctionName"))),
        ("AWS::DynamoDB::Table", "Arn") => {
            Ok(place.arn("dynamodb", &format!("table/{}", name("TableName"))))
        }
        ("AWS::DynamoDB::Table", "StreamArn") => {
            let stream = format!("table/{}/stream/local", name("TableName"));
            Ok(place.arn("dynamodb", &stream))
        }
        ("AWS::Events::EventBus", "Arn") => {
            Ok(place.arn("events", &format!("event-bus/{}", name("Name"))))
        }
        ("AWS::IAM::Role", "Arn") => Ok(place.arn("iam", &format!("role/{}", name("RoleName")))),
        ("AWS::KMS::Key", "Arn") => Ok(place.arn("kms", &format!("key/{logical}"))),
        ("AWS::CloudFront::Distribution", "DomainName") => {
            Ok(format!("{}.cloudfront.net", logical.to_ascii_lowercase()))
        }
        ("AWS::SQS::Queue", "Arn") => Ok(place.arn("sqs", &name("QueueName"))),
        ("AWS::SQS::Queue", "QueueName") => Ok(name("QueueName")),
        ("AWS::SNS::Topic", "TopicArn") => Ok(place.arn("sns", &name("TopicName"))),
        ("AWS::SNS::Topic", "TopicName") => Ok(name("TopicName")),
        ("AWS::SecretsManager::Secret", "Id") => Ok(place.secret_arn(&name("Name"))),
        ("AWS::Logs::LogGroup", "Arn") => {
            Ok(place.arn("logs", &format!("log-group:{}:*", name("LogGroupName"))))
        }
        (kind, _) => Err(format!(
            "GetAtt: the attribute `{attribute}` of a resource of type `{kind}` is not known here"
        )),
    }
}
