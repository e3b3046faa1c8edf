//! The pipe that turns records of the table's stream into order events.
//!
//! The tests apply the pipe's filter and template, as EventBridge Pipes documents them, to the records
//! of a real table's stream.

use aws_sdk_dynamodb::types::StreamSpecification;
use serde_json::{Value, json};
use template::{Kind, Stack};

use super::{keeps, names, stack, texts, with};
use crate::support::harness::{Shop, orders_table, shop};

/// The pipe's filter and template.
struct Pipe {
    filter: Value,
    template: String,
}

impl Pipe {
    fn of(text: &str) -> Self {
        let stack = Stack::read(text, []).unwrap();
        let pipe = &stack.resources["OrderEventsPipe"].properties;
        let filters = &pipe["SourceParameters"]["FilterCriteria"]["Filters"];
        assert_eq!(filters.as_array().map(Vec::len), Some(1));
        let pattern = filters[0]["Pattern"].as_str().unwrap();
        Self {
            filter: serde_json::from_str(pattern).unwrap(),
            template: pipe["TargetParameters"]["InputTemplate"]
                .as_str()
                .unwrap()
                .to_owned(),
        }
    }

    /// The detail of the event that a record becomes, if the filter passes it. An attribute that the
    /// template copies and the record lacks is an error.
    fn event(&self, record: &Value) -> Option<Result<Value, String>> {
        matches(&self.filter, record).then(|| self.transformed(record))
    }

    /// Fills in the template: `"<$.a.b>"` is replaced by the text at that path.
    fn transformed(&self, record: &Value) -> Result<Value, String> {
        let mut parts = self.template.split("<$.");
        let mut filled = parts.next().unwrap().to_owned();
        for part in parts {
            let (path, rest) = part.split_once('>').unwrap();
            let pointer = format!("/{}", path.replace('.', "/"));
            let value = record.pointer(&pointer).and_then(Value::as_str);
            let value = value.ok_or_else(|| format!("no text at {path}"))?;
            let quoted = Value::from(value).to_string();
            filled += quoted.trim_matches('"');
            filled += rest;
        }
        serde_json::from_str(&filled).map_err(|error| error.to_string())
    }
}

/// Matches the part of EventBridge's patterns that the filter uses. A list allows each of its values.
fn matches(pattern: &Value, value: &Value) -> bool {
    match pattern {
        Value::Object(members) => members
            .iter()
            .all(|(name, pattern)| matches(pattern, &value[name])),
        Value::Array(allowed) => allowed.iter().any(|allowed| match allowed {
            Value::String(_) => allowed == value,
            // `anything-but` does not match a value that is missing.
            Value::Object(rule) => {
                let except = rule
                    .get("anything-but")
                    .expect("this test knows only anything-but");
                value.is_string() && !texts(except).contains(&value.as_str().unwrap_or_default())
            }
            other => panic!("this test does not know {other}"),
        }),
        other => panic!("not a pattern: {other}"),
    }
}

/// One call of DynamoDB Streams.
async fn streams(shop: &Shop, operation: &str, body: Value) -> Value {
    let request = shop
        .http
        .post(&shop.running.dynamodb_url)
        .body(body.to_string());
    let answer = request
        .header(
            "x-amz-target",
            format!("DynamoDBStreams_20120810.{operation}"),
        )
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20261125T120000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local/20261125/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host, Signature=0",
        );
    let answer = answer.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{operation}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// Turns on the stream that the template declares. The local program does not, because nothing there
/// reads it.
async fn begin_stream(shop: &Shop, text: &str) {
    let stack = Stack::read(text, []).unwrap();
    let view = &stack.resources["OrdersTable"].properties["StreamSpecification"]["StreamViewType"];
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(view.as_str().unwrap().into());
    let update = shop.running.dynamodb().update_table();
    let update = update.table_name(orders_table(&shop.running));
    let update = update.stream_specification(stream.build().unwrap());
    update.send().await.unwrap();
}

/// All records of the orders table's stream.
async fn records(shop: &Shop) -> Vec<Value> {
    let table = orders_table(&shop.running);
    let listed = streams(shop, "ListStreams", json!({"TableName": table})).await;
    let stream = listed["Streams"][0]["StreamArn"].clone();
    let described = streams(shop, "DescribeStream", json!({"StreamArn": stream})).await;
    let shards = described["StreamDescription"]["Shards"].as_array().unwrap();
    let mut records = Vec::new();
    for shard in shards {
        let place = json!({
            "StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON",
        });
        let mut iterator = streams(shop, "GetShardIterator", place).await["ShardIterator"].clone();
        while !iterator.is_null() {
            let page = streams(shop, "GetRecords", json!({"ShardIterator": iterator})).await;
            let more = page["Records"].as_array().unwrap().clone();
            if more.is_empty() {
                break;
            }
            records.extend(more);
            iterator = page["NextShardIterator"].clone();
        }
    }
    records
}

/// Puts orders through all their changes. Returns the events that the pipe would send, the ids of the
/// three orders, and the number of records in the stream.
async fn events_of_a_life(text: &str) -> (Vec<Result<Value, String>>, [String; 3], usize) {
    let pipe = Pipe::of(text);
    let mut seen = (Vec::new(), [const { String::new() }; 3], 0);
    shop(async |shop| {
        begin_stream(shop, text).await;
        shop.stock("TEA-01", 10).await;
        shop.place("too-many", "TEA-01", 99).await.assert(409);
        let first = shop.place("key-1", "TEA-01", 2).await.order_id();
        assert!(shop.place("key-1", "TEA-01", 2).await.is_replay());
        shop.confirm(&first, "pay-1").await.assert(200);
        shop.cancel("demo", &first).await.assert(200);
        let second = shop.place("key-2", "TEA-01", 1).await.order_id();
        shop.pass_seconds(3_600);
        assert_eq!(shop.sweep().await["expired"], 1);
        let third = shop.fulfilled("key-3", "TEA-01", 2).await;
        for (key, quantity, status) in [("r-1", 1, 201), ("r-2", 2, 409)] {
            let goods = [("TEA-01", quantity)];
            let back = shop.give_back(&third, key, &goods, true).await;
            back.assert(status);
        }
        let records = records(shop).await;
        let events = records
            .iter()
            .filter_map(|record| pipe.event(record))
            .collect();
        seen = (events, [first, second, third], records.len());
    })
    .await;
    seen
}

#[tokio::test]
async fn exactly_the_changes_of_orders_are_events() {
    let (events, [first, second, third], records) = events_of_a_life(&super::text()).await;
    let event = |id: &str, version: &str, status: &str, total: &str| {
        Ok(json!({
            "id": id, "status": status, "version": version, "customer": "local#demo",
            "currency": "KRW", "total": total,
        }))
    };
    assert_eq!(
        events,
        [
            event(&first, "1", "pending", "1000"),
            event(&first, "2", "confirmed", "1000"),
            event(&first, "3", "cancelled", "1000"),
            event(&second, "1", "pending", "500"),
            event(&second, "2", "expired", "500"),
            event(&third, "1", "pending", "1000"),
            event(&third, "2", "confirmed", "1000"),
            event(&third, "3", "fulfilled", "1000"),
            // Goods came back. What and how many is for those to read who need it.
            event(&third, "4", "fulfilled", "1000"),
        ]
    );
    // The stream also had products, adjustments, payments, returns and refusals.
    assert!(events.len() + 6 < records, "{records}");
}

#[tokio::test]
async fn a_filter_that_passes_refusals_or_stock_is_noticed() {
    let refusals = with(
        "OrderEventsPipe",
        r#"[{"anything-but": ["rejected"]}]"#,
        r#"[{"anything-but": ["x"]}]"#,
    );
    let (events, ..) = events_of_a_life(&refusals).await;
    // A refusal lacks an order's attributes, so the template has nothing to copy.
    let faults: Vec<_> = events.into_iter().filter_map(Result::err).collect();
    assert_eq!(faults, ["no text at dynamodb.NewImage.id.S"]);
    let stock = with(
        "OrderEventsPipe",
        r#""sk": {"S": ["ORDER"]}"#,
        r#""sk": {"S": ["PAYMENT"]}"#,
    );
    let (events, ..) = events_of_a_life(&stock).await;
    assert_eq!(events.len(), 0, "payments have no status");
}

/// What is wrong with the pipe's source, its target and how it treats records that it cannot send.
fn wiring(text: &str) -> Vec<String> {
    let stack = match stack(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let pipe = &stack.resources["OrderEventsPipe"];
    let properties = &pipe.properties;
    let parameters = &properties["SourceParameters"]["DynamoDBStreamParameters"];
    let mut faults = Vec::new();
    let mut want = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    let table = &stack.resources["OrdersTable"].properties;
    let view = table["StreamSpecification"]["StreamViewType"].as_str();
    want(
        matches!(view, Some("NEW_IMAGE" | "NEW_AND_OLD_IMAGES")),
        "the table's stream does not show new items",
    );
    let arn = |rest: &str| json!(format!("arn:aws:{rest}"));
    want(
        properties["Source"]
            == arn("dynamodb:ap-northeast-2:123456789012:table/surefire-OrdersTable/stream/local"),
        "the pipe's source is not the orders table's stream",
    );
    want(
        properties["Target"] == arn("events:ap-northeast-2:123456789012:event-bus/surefire-orders"),
        "the pipe's target is not the bus",
    );
    let target = &properties["TargetParameters"]["EventBridgeEventBusParameters"];
    want(
        target["Source"] == json!("surefire.orders")
            && target["DetailType"] == json!("OrderChanged"),
        "the events have the wrong source or type",
    );
    want(
        parameters["StartingPosition"] == json!("TRIM_HORIZON"),
        "records from before the pipe's start are missed",
    );
    want(
        (1..=10).contains(&parameters["BatchSize"].as_u64().unwrap_or_default()),
        "a batch has more events than one call can send",
    );
    let limits = ["MaximumRetryAttempts", "MaximumRecordAgeInSeconds"];
    let limited = limits
        .iter()
        .all(|limit| 0 < parameters[*limit].as_i64().unwrap_or(-1));
    want(limited, "a record that cannot be sent is retried for ever");
    want(
        parameters["DeadLetterConfig"]["Arn"]
            == arn("sqs:ap-northeast-2:123456789012:surefire-OrderEventsDeadLetterQueue"),
        "a record that cannot be sent does not reach the dead-letter queue",
    );
    let before = texts(&pipe.attributes["DependsOn"]);
    want(
        before.contains(&"OrderEventsPipePolicy"),
        "the pipe may start before its role has its policy",
    );
    want(
        before.contains(&"OrdersFunction"),
        "the pipe is validated before its stream and its role have settled",
    );
    faults
}

#[test]
fn the_pipe_connects_the_table_to_the_bus_and_loses_no_record() {
    keeps(wiring);
}

#[test]
fn a_wrong_setting_of_the_pipe_is_named() {
    for (entry, from, to, expected) in [
        (
            "OrdersTable",
            "StreamViewType: NEW_IMAGE",
            "StreamViewType: KEYS_ONLY",
            "does not show new items",
        ),
        (
            "OrderEventsPipe",
            "Target: !GetAtt OrderEvents.Arn",
            "Target: !GetAtt OrderEventsDeadLetterQueue.Arn",
            "target is not the bus",
        ),
        ("OrderEventsPipe", "TRIM_HORIZON", "LATEST", "are missed"),
        (
            "OrderEventsPipe",
            "          BatchSize: 10\n",
            "",
            "than one call can send",
        ),
        (
            "OrderEventsPipe",
            "          MaximumRetryAttempts: 50\n",
            "",
            "retried for ever",
        ),
        (
            "OrderEventsPipe",
            "          DeadLetterConfig: {Arn: !GetAtt OrderEventsDeadLetterQueue.Arn}\n",
            "",
            "does not reach the dead-letter queue",
        ),
        (
            "OrderEventsPipe",
            "[OrderEventsPipePolicy, OrdersFunction]",
            "[OrdersFunction]",
            "before its role",
        ),
        (
            "OrderEventsPipe",
            "[OrderEventsPipePolicy, OrdersFunction]",
            "OrderEventsPipePolicy",
            "have settled",
        ),
        (
            "OrderEventsPipe",
            "DetailType: OrderChanged",
            "DetailType: Order",
            "wrong source or type",
        ),
    ] {
        names(wiring, &with(entry, from, to), expected);
    }
    let broken = with(
        "OrdersTable",
        "      StreamSpecification: {StreamViewType: NEW_IMAGE}\n",
        "",
    );
    names(wiring, &broken, "does not show new items");
    assert!(
        template::Template::read(&broken, [])
            .unwrap()
            .function(Kind::Orders)
            .is_some()
    );
}
