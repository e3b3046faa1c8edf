//! Names of resources on this machine: the results of `Ref` and `GetAtt` for each type.
//!
//! A name is made of the stack's name and the logical id, so it is the same at every start.

use crate::intrinsic::{self, Intrinsic};
use crate::substitute;
use crate::yaml::Node;

/// The account, region and stack that a template is evaluated for.
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
    pub(crate) fn pseudo_parameter(&self, name: &str) -> Option<String> {
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

    /// The ARN of a resource of the stack.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self {
            account, region, ..
        } = self;
        format!("arn:aws:{service}:{region}:{account}:{resource}")
    }

    /// The ARN of a secret. Secrets Manager adds six random characters; here they are fixed.
    pub(crate) fn secret_arn(&self, name: &str) -> String {
        self.arn("secretsmanager", &format!("secret:{name}-local0"))
    }

    /// The ARN of a function, without a qualifier.
    pub(crate) fn function_arn(&self, name: &str) -> String {
        self.arn("lambda", &format!("function:{name}"))
    }
}

/// The type of a resource, or `""` without one.
pub(crate) fn kind(resource: &Node) -> &str {
    resource
        .get("Type")
        .and_then(Node::text)
        .unwrap_or_default()
}

/// The property with the name of a resource, if this type has such a property.
fn name_property(kind: &str) -> Option<&'static str> {
    match kind {
        "AWS::Serverless::Function" | "AWS::Lambda::Function" => Some("FunctionName"),
        "AWS::DynamoDB::Table" => Some("TableName"),
        "AWS::Logs::LogGroup" => Some("LogGroupName"),
        "AWS::SQS::Queue" => Some("QueueName"),
        "AWS::SNS::Topic" => Some("TopicName"),
        "AWS::IAM::Role" => Some("RoleName"),
        "AWS::Events::EventBus"
        | "AWS::Pipes::Pipe"
        | "AWS::Scheduler::Schedule"
        | "AWS::SecretsManager::Secret" => Some("Name"),
        "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm" => Some("AlarmName"),
        _ => None,
    }
}

/// The resource's name: from the template, or else made of the stack's name and the logical id.
pub(crate) fn name(place: &Place, logical: &str, resource: &Node) -> String {
    let property = name_property(kind(resource));
    let given = property.and_then(|property| resource.at(&["Properties", property]));
    let given = given.and_then(|node| written(place, node));
    given.unwrap_or_else(|| format!("{}-{logical}", place.stack))
}

/// A name that is a text, or a `Sub` of pseudo parameters only.
fn written(place: &Place, node: &Node) -> Option<String> {
    match intrinsic::function(node).ok()? {
        None => node.text().map(str::to_owned),
        Some((Intrinsic::Sub, pattern)) => {
            let value = |name: &str| {
                let value = place.pseudo_parameter(name);
                value.ok_or_else(|| node.fault("not a pseudo parameter"))
            };
            substitute::fill(pattern.text()?, value).ok()
        }
        Some(_) => None,
    }
}

/// The result of `Ref`, or why there is none.
pub(crate) fn reference(place: &Place, logical: &str, resource: &Node) -> Result<String, String> {
    let name = name(place, logical, resource);
    match kind(resource) {
        "AWS::SecretsManager::Secret" => Ok(place.secret_arn(&name)),
        "AWS::SQS::Queue" => {
            let Place {
                account, region, ..
            } = place;
            Ok(format!(
                "https://sqs.{region}.amazonaws.com/{account}/{name}"
            ))
        }
        "AWS::SNS::Topic" => Ok(place.arn("sns", &name)),
        "AWS::Serverless::HttpApi" | "AWS::ApiGatewayV2::Api" => Ok("local".to_owned()),
        // SAM gives the alias of a function this logical id.
        "AWS::Lambda::Alias" => {
            let function = logical.strip_suffix("Aliaslive").unwrap_or(logical);
            let function = format!("{}-{function}", place.stack);
            Ok(format!("{}:live", place.function_arn(&function)))
        }
        // SAM adds a hash to this one.
        "AWS::Lambda::Version" => {
            let function = logical.split("Version").next().unwrap_or(logical);
            let function = format!("{}-{function}", place.stack);
            Ok(format!("{}:{VERSION}", place.function_arn(&function)))
        }
        "AWS::CodeDeploy::Application" | "AWS::CodeDeploy::DeploymentGroup" => Ok(name),
        "AWS::CloudFront::ResponseHeadersPolicy" | "AWS::EC2::SecurityGroup" | "AWS::KMS::Key" => {
            Ok(logical.to_owned())
        }
        kind if is_of_a_network(kind) => Ok(name),
        "AWS::CE::AnomalyMonitor" => {
            let account = &place.account;
            Ok(format!("arn:aws:ce::{account}:anomalymonitor/{logical}"))
        }
        kind if name_property(kind).is_some() => Ok(name),
        other => Err(format!(
            "Ref: this program does not know resources of type `{other}`"
        )),
    }
}

/// Whether a resource belongs to the network around containers. Their ids and ARNs are only passed on,
/// so the name stands for each of them.
fn is_of_a_network(kind: &str) -> bool {
    const SERVICES: [&str; 4] = [
        "AWS::EC2::",
        "AWS::ECS::",
        "AWS::ElasticLoadBalancingV2::",
        "AWS::ApplicationAutoScaling::",
    ];
    SERVICES.iter().any(|service| kind.starts_with(service))
        || [
            "AWS::ApiGatewayV2::VpcLink",
            "AWS::ApiGatewayV2::Integration",
        ]
        .contains(&kind)
}

/// The alias that the template gives each function.
pub(crate) const ALIAS: &str = "live";

/// The number of the only version that a function has here.
pub(crate) const VERSION: &str = "1";

/// The result of SAM's `Ref: Function.Alias` and `Function.Version`: the function's ARN with a qualifier.
pub(crate) fn qualified(
    place: &Place,
    logical: &str,
    resource: &Node,
    qualifier: &str,
) -> Result<String, String> {
    let arn = attribute(place, logical, resource, "Arn")?;
    Ok(format!("{arn}:{qualifier}"))
}

/// The result of `GetAtt`, or why there is none.
pub(crate) fn attribute(
    place: &Place,
    logical: &str,
    resource: &Node,
    attribute: &str,
) -> Result<String, String> {
    let name = name(place, logical, resource);
    match (kind(resource), attribute) {
        ("AWS::Serverless::Function" | "AWS::Lambda::Function", "Arn") => {
            Ok(place.function_arn(&name))
        }
        ("AWS::Lambda::Version", "Version") | ("AWS::Serverless::Function", "Version.Version") => {
            Ok(VERSION.to_owned())
        }
        ("AWS::DynamoDB::Table", "Arn") => Ok(place.arn("dynamodb", &format!("table/{name}"))),
        ("AWS::DynamoDB::Table", "StreamArn") => {
            let stream = format!("table/{name}/stream/local");
            Ok(place.arn("dynamodb", &stream))
        }
        ("AWS::Events::EventBus", "Arn") => Ok(place.arn("events", &format!("event-bus/{name}"))),
        ("AWS::IAM::Role", "Arn") => Ok(place.arn("iam", &format!("role/{name}"))),
        ("AWS::KMS::Key", "Arn") => Ok(place.arn("kms", &format!("key/{logical}"))),
        ("AWS::CloudFront::Distribution", "DomainName") => {
            Ok(format!("{}.cloudfront.net", logical.to_ascii_lowercase()))
        }
        ("AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm", "Arn") => {
            Ok(place.arn("cloudwatch", &format!("alarm:{name}")))
        }
        ("AWS::SQS::Queue", "Arn") => Ok(place.arn("sqs", &name)),
        ("AWS::SQS::Queue", "QueueName") => Ok(name),
        ("AWS::SNS::Topic", "TopicArn") => Ok(place.arn("sns", &name)),
        ("AWS::SNS::Topic", "TopicName") => Ok(name),
        ("AWS::SecretsManager::Secret", "Id") => Ok(place.secret_arn(&name)),
        ("AWS::EC2::SecurityGroup", "GroupId")
        | ("AWS::ECS::Service", "Name")
        | ("AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerFullName" | "DNSName")
        | ("AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupFullName") => Ok(name),
        ("AWS::Logs::LogGroup", "Arn") => Ok(place.arn("logs", &format!("log-group:{name}:*"))),
        (kind, _) => Err(format!(
            "GetAtt: this program does not know the attribute `{attribute}` of resources of type `{kind}`"
        )),
    }
}
