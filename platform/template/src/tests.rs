//! The reader on small templates, and on the shipped one.

use std::time::Duration;

use crate::{Kind, SHIPPED, Template, TemplateError};

/// A template with one function whose environment has one variable.
fn with_value(value: &str) -> String {
    format!(
        r#"
Parameters:
  Name: {{Type: String, Default: tea}}
  Size: {{Type: Number, Default: 3}}
  Origins: {{Type: CommaDelimitedList, Default: "a, b,c"}}
  Stage: {{Type: String, Default: test, AllowedValues: [test, live]}}
Mappings:
  Sizes: {{test: {{memory: 128}}, live: {{memory: 512}}}}
Conditions:
  IsTest: !Equals [!Ref Stage, test]
  IsLive: !Not [!Condition IsTest]
  Both: !And [!Condition IsTest, Condition: IsLive]
  Either: {{"Fn::Or": [{{Condition: IsTest}}, {{"Fn::Equals": [!Ref Stage, live]}}]}}
  Circle: !Not [!Condition Circle]
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Condition: IsTest
    Properties:
      AttributeDefinitions: [{{AttributeName: pk, AttributeType: S}}]
      KeySchema: [{{AttributeName: pk, KeyType: HASH}}]
  LiveQueue: {{Type: AWS::SQS::Queue, Condition: IsLive}}
  Function:
    Type: AWS::Serverless::Function
    Metadata: {{BuildProperties: {{Binary: cors}}}}
    Properties:
      Environment:
        Variables:
          VALUE: {value}
"#
    )
}

/// The line that `with_value` puts the value on.
const VALUE_LINE: usize = 29;

fn value_of(value: &str, parameters: &[(&str, &str)]) -> Result<Option<String>, TemplateError> {
    let template = Template::read(&with_value(value), parameters.iter().copied())?;
    Ok(template.functions["Function"]
        .environment
        .get("VALUE")
        .cloned())
}

#[track_caller]
fn check(value: &str, expected: &str) {
    assert_eq!(
        value_of(value, &[]).unwrap().as_deref(),
        Some(expected),
        "{value}"
    );
}

#[track_caller]
fn check_fault(value: &str, words: &str) {
    let TemplateError(faults) = value_of(value, &[]).unwrap_err();
    let [fault] = faults.as_slice() else {
        panic!("{faults:?}")
    };
    assert_eq!(fault.line, VALUE_LINE, "{fault:?}");
    assert!(fault.message.contains(words), "{fault:?}");
}

#[test]
fn ref_gives_parameters_pseudo_parameters_and_resources() {
    check("!Ref Name", "tea");
    check("{Ref: Size}", "3");
    check("!Ref AWS::Region", "ap-northeast-2");
    check("!Ref Table", "surefire-Table");
    check(
        "!Ref Function.Alias",
        "arn:aws:lambda:ap-northeast-2:123456789012:function:surefire-Function:live",
    );
    check(
        "!Ref Function.Version",
        "arn:aws:lambda:ap-northeast-2:123456789012:function:surefire-Function:1",
    );
    check("!GetAtt Function.Version.Version", "1");
    check_fault("!Ref Nothing", "no parameter and no resource `Nothing`");
    check_fault("!Ref LiveQueue", "does not exist under its condition");
    check_fault(
        "!Ref AWS::NotificationARNs",
        "does not know the pseudo parameter AWS::NotificationARNs",
    );
}

#[test]
fn a_variable_without_a_value_is_left_out() {
    assert_eq!(value_of("!Ref AWS::NoValue", &[]).unwrap(), None);
    assert_eq!(
        value_of("!If [IsLive, x, !Ref AWS::NoValue]", &[]).unwrap(),
        None
    );
}

#[test]
fn sub_fills_names_attributes_and_its_own_variables() {
    check(
        "!Sub \"${Name}-${AWS::StackName}-${!Kept}\"",
        "tea-surefire-${Kept}",
    );
    check(
        "!Sub \"${Table.Arn}/index\"",
        "arn:aws:dynamodb:ap-northeast-2:123456789012:table/surefire-Table/index",
    );
    check(
        "{\"Fn::Sub\": [\"${Own}/${Name}\", {Own: !Ref Size}]}",
        "3/tea",
    );
    check_fault("!Sub \"${Nothing}\"", "`Nothing`");
    check_fault("!Sub \"${Origins}\"", "is a list");
}

#[test]
fn get_att_gives_known_attributes_in_every_spelling() {
    let arn = "arn:aws:dynamodb:ap-northeast-2:123456789012:table/surefire-Table";
    check("!GetAtt Table.Arn", arn);
    check("{\"Fn::GetAtt\": [Table, Arn]}", arn);
    check("!GetAtt Table.StreamArn", &format!("{arn}/stream/local"));
    check_fault("!GetAtt Table.Owner", "the attribute `Owner`");
}

#[test]
fn if_takes_the_branch_of_its_condition() {
    check("!If [IsTest, yes, no]", "yes");
    check("!If [IsLive, yes, no]", "no");
    check("!If [Both, yes, no]", "no");
    check("{\"Fn::If\": [Either, yes, no]}", "yes");
    check_fault("!If [Nothing, yes, no]", "no condition `Nothing`");
    check_fault("!If [IsTest, yes]", "takes a list of 3");
    assert_eq!(
        value_of("!If [IsLive, yes, no]", &[("Stage", "live")])
            .unwrap()
            .as_deref(),
        Some("yes")
    );
}

#[test]
fn if_does_not_evaluate_the_other_branch() {
    check("!If [IsTest, yes, !Ref LiveQueue]", "yes");
}

#[test]
fn a_condition_that_refers_to_itself_is_an_error() {
    let error = value_of("!If [Circle, yes, no]", &[]).unwrap_err();
    assert!(error.to_string().contains("refers to itself"), "{error}");
}

#[test]
fn lists_are_joined_split_and_selected_from() {
    check("!Join [\"|\", !Ref Origins]", "a|b|c");
    check("!Join [\"-\", [x, !Ref Name, !Ref Size]]", "x-tea-3");
    check("!Select [1, !Split [\"/\", \"a/b/c\"]]", "b");
    check("!Select [\"2\", !Ref Origins]", "c");
    check_fault("!Select [3, !Ref Origins]", "no element of this index");
    check_fault("!Ref Origins", "a text is needed");
}

#[test]
fn mappings_are_looked_up() {
    check("!FindInMap [Sizes, !Ref Stage, memory]", "128");
    check_fault(
        "!FindInMap [Sizes, test, disk]",
        "no value for test and disk",
    );
}

#[test]
fn an_intrinsic_that_is_not_evaluated_is_named() {
    check_fault(
        "!ImportValue other",
        "does not evaluate the intrinsic `ImportValue`",
    );
    check_fault("{\"Fn::Base64\": x}", "the intrinsic `Base64`");
}

#[test]
fn a_resource_that_is_not_served_may_use_any_intrinsic() {
    let text = with_value("x")
        + "  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: !ImportValue other}}\n";
    assert!(Template::read(&text, []).is_ok());
}

#[test]
fn unquoted_scalars_keep_their_spelling() {
    check("007", "007");
    check("1.50", "1.50");
    check("true", "true");
    check("'x: y'", "x: y");
}

#[test]
fn a_parameter_must_fit_its_declaration() {
    let error = |name, value| value_of("x", &[(name, value)]).unwrap_err().to_string();
    assert!(error("Stage", "other").contains("must be one of test, live"));
    assert!(error("Size", "many").contains("not a number"));
    assert!(error("Sise", "4").contains("there is no parameter `Sise`"));
}

#[test]
fn all_faults_are_reported_in_the_order_of_their_lines() {
    let text = with_value("!Ref Nothing") + "  Other: {Type: AWS::Serverless::Function}\n";
    let TemplateError(faults) = Template::read(&text, []).unwrap_err();
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [VALUE_LINE, VALUE_LINE + 1]);
}

/// The repository's template with one text replaced by another.
fn changed(from: &str, to: &str) -> Result<Template, TemplateError> {
    assert!(SHIPPED.contains(from), "{from}");
    Template::read(&SHIPPED.replacen(from, to, 1), [])
}

#[track_caller]
fn check_changed(from: &str, to: &str, words: &str) {
    let error = changed(from, to).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn the_shipped_template_declares_routes_tables_and_functions() {
    let template = Template::read(SHIPPED, []).unwrap();
    let is_authorized = |key: &str| {
        let route = template.routes.iter().find(|route| route.key() == key);
        route.map(|route| route.authorizer.is_some())
    };
    assert_eq!(is_authorized("POST /orders"), Some(true));
    assert_eq!(is_authorized("GET /products"), Some(false));
    assert_eq!(is_authorized("OPTIONS /orders"), Some(false));
    assert_eq!(is_authorized("DELETE /orders"), None);
    let orders = &template
        .tables
        .iter()
        .find(|table| table.logical_id == "OrdersTable")
        .unwrap();
    assert_eq!(orders.ttl.as_deref(), Some("expires_at"));
    assert_eq!(
        orders.indexes["by_owner"].key.range.as_deref(),
        Some("created_at")
    );
    assert_eq!(
        template.function(Kind::Orders).unwrap().1.timeout,
        Duration::from_secs(10)
    );
}

#[test]
fn the_scopes_are_those_of_all_routes() {
    let route_scopes = r#"{"GET /a": ["a:read"], "POST /a": ["a:write", "a:read"], "GET /b": []}"#;
    let template = Template::read(SHIPPED, [("RouteScopes", route_scopes)]).unwrap();
    assert_eq!(template.scopes(), ["a:read", "a:write"]);
    assert_eq!(template.route_scopes()["GET /b"], Vec::<String>::new());
    // The authorizer refuses to start with this text.
    let template = Template::read(SHIPPED, [("RouteScopes", "nonsense")]).unwrap();
    assert!(template.scopes().is_empty());
    let template = Template::read(SHIPPED, [("Components", "alert-forwarder")]).unwrap();
    assert!(template.scopes().is_empty());
}

#[test]
fn the_edge_sets_the_same_headers_as_the_functions() {
    let edge = Template::read(SHIPPED, []).unwrap().edge.unwrap();
    let mut own: Vec<(&str, &str)> = shared::headers::SECURITY
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let mut edges: Vec<(&str, &str)> = edge
        .headers
        .iter()
        .map(|header| (header.name.as_str(), header.value.as_str()))
        .collect();
    own.push(("vary", "Origin"));
    own.sort_unstable();
    edges.sort_unstable();
    assert_eq!(edges, own);
    let edge = edge.cors.unwrap();
    assert_eq!(edge.exposed.join(", "), shared::cors::EXPOSED_HEADERS);
    assert_eq!(edge.methods.join(", "), cors::preflight::ALLOWED_METHODS);
    assert_eq!(edge.headers.join(", "), cors::ALLOWED_HEADERS);
}

#[test]
fn parts_of_the_stack_can_be_left_out() {
    let template = Template::read(SHIPPED, [("Components", "authorizer")]).unwrap();
    assert_eq!(
        template.functions.keys().collect::<Vec<_>>(),
        ["AuthorizerFunction"]
    );
    assert!(template.routes.is_empty() && template.tables.is_empty() && template.edge.is_none());
    let bare = Template::read(SHIPPED, [("EnableEdge", "false")]).unwrap();
    assert!(bare.edge.is_none() && !bare.routes.is_empty());
}

#[test]
fn a_route_without_a_preflight_is_refused() {
    check_changed(
        "Method: OPTIONS, Path: /orders,",
        "Method: OPTIONS, Path: /orders2,",
        "`/orders` has no OPTIONS route without an authorizer",
    );
}

#[test]
fn a_route_that_is_declared_twice_is_refused() {
    check_changed(
        "Method: GET, Path: /orders}",
        "Method: POST, Path: /orders}",
        "`POST /orders` is declared twice",
    );
}

#[test]
fn an_authorizer_with_a_cache_or_another_response_format_is_refused() {
    check_changed(
        "ReauthorizeEvery: 0",
        "ReauthorizeEvery: 60",
        "ReauthorizeEvery must be 0",
    );
    check_changed(
        "EnableSimpleResponses: true",
        "EnableSimpleResponses: false",
        "needs EnableSimpleResponses: true",
    );
    check_changed(
        "!Ref AuthorizerFunction.Alias",
        "!Ref SigningSecret",
        "no function of the template has this ARN",
    );
}

#[test]
fn a_gateway_that_answers_preflights_itself_is_refused() {
    check_changed(
        "      DefaultRouteSettings:",
        "      CorsConfiguration: true\n      DefaultRouteSettings:",
        "CorsConfiguration",
    );
}

#[test]
fn a_key_attribute_without_a_definition_is_refused() {
    check_changed(
        "{AttributeName: sk, AttributeType: S}",
        "{AttributeName: other, AttributeType: S}",
        "`sk` has no definition",
    );
}

#[test]
fn a_rate_schedule_is_read_and_a_cron_schedule_is_refused() {
    let event = |expression: &str| {
        let schedule = format!(
            "      Events:\n        Tick: {{Type: Schedule, Properties: {{Schedule: {expression}}}}}\n"
        );
        changed("      Events:\n", &schedule)
    };
    let template = event("rate(5 minutes)").unwrap();
    let schedules = &template.functions["OrdersFunction"].schedules;
    assert_eq!(schedules[0].every, Duration::from_mins(5));
    let error = event("cron(0 * * * ? *)").unwrap_err().to_string();
    assert!(error.contains("runs only `rate("), "{error}");
}

/// Two alarms and an alarm on both. A rule of a composite alarm contains the names of its alarms.
const ALARMS: &str = r#"
Resources:
  Pipe: {Type: AWS::Pipes::Pipe}
  Named: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: !Sub "${AWS::StackName}-errors"}}
  Long: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: {"Fn::Sub": "${AWS::Region}-long"}}}
  Unnamed: {Type: AWS::CloudWatch::Alarm}
  Odd: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: !Sub "${Pipe}-errors"}}
  Both:
    Type: AWS::CloudWatch::CompositeAlarm
    Properties:
      AlarmName: both
      AlarmRule: !Sub 'ALARM("${Named}") OR ALARM("${Unnamed}") OR ALARM("${Odd}")'
      ActionsSuppressor: !GetAtt Named.Arn
      AlarmDescription: !Sub "${Pipe} ${Long}"
"#;

#[test]
fn an_alarm_is_referred_to_by_the_name_that_the_template_gives_it() {
    let stack = crate::Stack::read(ALARMS, []).unwrap();
    let both = &stack.resources["Both"];
    assert_eq!(both.reference.as_deref(), Some("both"));
    assert_eq!(
        both.properties["AlarmRule"],
        "ALARM(\"surefire-errors\") OR ALARM(\"surefire-Unnamed\") OR ALARM(\"surefire-Odd\")"
    );
    assert_eq!(
        both.properties["ActionsSuppressor"],
        "arn:aws:cloudwatch:ap-northeast-2:123456789012:alarm:surefire-errors"
    );
    let description = "surefire-Pipe ap-northeast-2-long";
    assert_eq!(both.properties["AlarmDescription"], description);
}

#[test]
fn the_template_of_the_cost_report_is_read_for_its_region() {
    let place = crate::Place {
        region: "us-east-1".to_owned(),
        stack: "surefire-costs".to_owned(),
        ..crate::Place::default()
    };
    let parameters = [
        ("StackRegion", "ap-northeast-2"),
        ("AlertsTableName", "alerts"),
        (
            "AlertsQueueArn",
            "arn:aws:sqs:ap-northeast-2:123456789012:alerts",
        ),
    ];
    let template = Template::read_in(place, crate::SHIPPED_COST, parameters).unwrap();
    let (_, function) = template.function(Kind::CostReport).unwrap();
    let variable = |name: &str| function.environment.get(name).unwrap().as_str();
    assert!(variable("TOPIC_ARN").starts_with("arn:aws:sns:us-east-1:123456789012:surefire-costs"));
    assert_eq!(variable("COST_TAG_VALUE"), "surefire");
    assert!(function.schedules.is_empty());
}
