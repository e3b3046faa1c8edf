//! What each request asks of the table, and what it is counted as.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config};
use once::{
    Action, Busy, Effect, Failure, Item, Pace, RetriesAreOn, Settled, Store, Unsettled, World,
    Written, number, text, text_of,
};
use serde_json::json;

use super::stage::{Accident, Stage, Take, cancelled, error};

fn key(pk: &str) -> Item {
    Item::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text("STOCK")),
    ])
}

#[test]
fn a_client_that_repeats_requests_by_itself_is_refused() {
    let store = |retries: Option<RetryConfig>| {
        let mut config = Config::builder().behavior_version(BehaviorVersion::latest());
        config.set_retry_config(retries);
        let client = Client::from_conf(config.build());
        Store::new(client, "table".to_owned(), World::real()).map(drop)
    };
    assert_eq!(store(Some(RetryConfig::disabled())), Ok(()));
    assert_eq!(store(None), Err(RetriesAreOn));
    assert_eq!(store(Some(RetryConfig::standard())), Err(RetriesAreOn));
    let once = RetryConfig::standard().with_max_attempts(1);
    assert_eq!(store(Some(once)), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_update_returns_the_item_as_it_is_afterwards_or_as_it_was_in_the_way() {
    let stage = Stage::with_stock(3);
    let session = stage.session(10_000);
    let Ok(Written::Done(item)) = session.update_item(Take(2).effect()).await else {
        panic!("it is not written");
    };
    assert_eq!(item["stock"], number(1));
    let refused = session.update_item(Take(2).effect()).await;
    let Ok(Written::ConditionFailed(Some(item))) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(item["stock"], number(1));
    let unknown = Effect {
        key: key("CUP"),
        ..Take(2).effect()
    };
    assert_eq!(
        session.update_item(unknown).await,
        Ok(Written::ConditionFailed(None))
    );
    stage.script([
        error(400, "TransactionConflictException"),
        error(400, "ThrottlingException"),
        error(400, "IdempotentParameterMismatchException"),
    ]);
    for busy in [Busy::Conflict, Busy::Throttled, Busy::TokenMismatch] {
        let met = session.update_item(Take(1).effect()).await;
        assert_eq!(met, Err(Failure::Busy(busy)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_strongly_consistent() {
    let stage = Stage::with_stock(3);
    let session = stage.session(10_000);
    let item = session.get(key("TEA")).await.unwrap().unwrap();
    assert_eq!(item["stock"], number(3));
    assert_eq!(session.get(key("CUP")).await, Ok(None));
    let (items, unread) = session
        .batch_get(vec![key("TEA"), key("CUP")])
        .await
        .unwrap();
    assert_eq!((items.len(), unread.len()), (1, 0));
    let sent = stage.sent();
    assert_eq!(sent[0].body["ConsistentRead"], true);
    assert_eq!(
        sent[2].body["RequestItems"]["table"]["ConsistentRead"],
        true
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_read_returns_the_keys_that_were_not_read() {
    let stage = Stage::with_stock(3);
    let session = stage.session(10_000);
    let unread = json!({"pk": {"S": "TEA"}, "sk": {"S": "STOCK"}});
    stage.script([Accident::Answer(database::Response::ok(json!({
        "Responses": {"table": [{"pk": {"S": "CUP"}, "sk": {"S": "STOCK"}}]},
        "UnprocessedKeys": {"table": {"Keys": [unread]}},
        "ConsumedCapacity": [{"TableName": "table", "CapacityUnits": 1.0}],
    })))]);
    let read = session.batch_get(vec![key("TEA"), key("CUP")]).await;
    assert_eq!(read, Ok((vec![key("CUP")], vec![key("TEA")])));
    assert!((session.tally().read_units - 1.0).abs() < f64::EPSILON);
}

#[tokio::test(start_paused = true)]
async fn a_query_names_its_index_its_condition_and_where_it_begins() {
    let stage = Stage::with_stock(3);
    let session = stage.session(10_000);
    let after = key("TEA");
    stage.script([Accident::Answer(database::Response::ok(json!({
        "Items": [{"pk": {"S": "CUP"}, "sk": {"S": "STOCK"}}],
        "ConsumedCapacity": {"TableName": "table", "CapacityUnits": 0.5},
    })))]);
    let page = once::Page {
        index: "by_owner",
        condition: "#owner = :owner",
        names: &[("#owner", "owner")],
        values: Item::from([(":owner".to_owned(), text("ann"))]),
        forward: false,
        limit: 7,
        after: Some(&after),
    };
    assert_eq!(session.query(&page).await, Ok(vec![key("CUP")]));
    assert!((session.tally().read_units - 0.5).abs() < f64::EPSILON);
    let body = &stage.sent()[0].body;
    assert_eq!(body["IndexName"], "by_owner");
    assert_eq!(body["KeyConditionExpression"], "#owner = :owner");
    assert_eq!(body["ExpressionAttributeNames"], json!({"#owner": "owner"}));
    assert_eq!(
        body["ExpressionAttributeValues"],
        json!({":owner": {"S": "ann"}})
    );
    assert_eq!(
        (&body["ScanIndexForward"], &body["Limit"]),
        (&json!(false), &json!(7))
    );
    assert_eq!(body["ExclusiveStartKey"]["pk"], json!({"S": "TEA"}));
}

#[tokio::test(start_paused = true)]
async fn a_put_with_a_condition_and_values_is_part_of_a_transaction() {
    let stage = Stage::with_stock(3);
    let session = stage.session(10_000);
    let mark = Item::from([
        ("pk".to_owned(), text("MARK")),
        ("sk".to_owned(), text("MARK")),
        ("of".to_owned(), text("1")),
    ]);
    let put = |condition, value: &str| Action::Put {
        item: &mark,
        condition,
        values: Item::from([(":this".to_owned(), text(value))]),
    };
    let condition = "attribute_not_exists(pk) OR pk = :this";
    for (value, committed) in [("x", true), ("MARK", true), ("y", false)] {
        let take = Take(1);
        let effect = take.effect();
        let actions = [put(condition, value), Action::Update(&effect)];
        let mut pace = Pace::default();
        let ended: Result<_, Unsettled> = pace
            .transact(&session, &actions, || true, |_| Ok(Some(false)))
            .await;
        assert_eq!(ended, Ok(Some(committed)), "{value}");
    }
    assert_eq!(stage.stock(), 1);
    let stored = stage.item("MARK", "MARK").unwrap();
    assert_eq!(stored["of"], json!({"S": "1"}));
}

#[tokio::test(start_paused = true)]
async fn a_session_counts_what_it_consumed() {
    let stage = Stage::with_stock(3);
    let session = stage.session(20_000);
    assert_eq!(session.tally(), once::Tally::default());
    stage.take_within(&session, 2).await.unwrap();
    let tally = session.tally();
    assert_eq!(
        (tally.round_trips, tally.cancelled, tally.conflicts),
        (1, 0, 0)
    );
    assert!((tally.write_units - 4.0).abs() < f64::EPSILON, "{tally:?}");
    // A cancelled transaction consumes units, but DynamoDB does not report them.
    stage.take_within(&session, 2).await.unwrap();
    let tally = session.tally();
    assert_eq!(
        (tally.round_trips, tally.cancelled, tally.conflicts),
        (2, 1, 0)
    );
    assert!((tally.write_units - 4.0).abs() < f64::EPSILON, "{tally:?}");
    stage.script([
        cancelled(&["None", "TransactionConflict"]),
        error(400, "TransactionConflictException"),
        error(400, "TransactionConflictException"),
        error(400, "ThrottlingException"),
    ]);
    stage.take_within(&session, 2).await.unwrap();
    let tally = session.tally();
    assert_eq!(
        (tally.round_trips, tally.cancelled, tally.conflicts),
        (7, 3, 3)
    );
    session.get(key("TEA")).await.unwrap();
    let tally = session.tally();
    assert_eq!(tally.round_trips, 8);
    assert!((tally.read_units - 1.0).abs() < f64::EPSILON, "{tally:?}");
    session.update_item(Take(1).effect()).await.unwrap();
    assert!((session.tally().write_units - 5.0).abs() < f64::EPSILON);
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_refusal_is_counted() {
    let stage = Stage::with_stock(1);
    let session = stage.session(10_000);
    let settled = stage.take_within(&session, 2).await;
    assert!(matches!(settled, Ok(Settled::Refused(_))), "{settled:?}");
    let tally = session.tally();
    assert_eq!((tally.round_trips, tally.cancelled), (2, 1));
    assert!((tally.write_units - 1.0).abs() < f64::EPSILON, "{tally:?}");
}

#[tokio::test(start_paused = true)]
async fn attributes_are_read_by_name_and_type() {
    let item = Item::from([
        ("word".to_owned(), text("tea")),
        ("count".to_owned(), number(-3)),
        ("half".to_owned(), number("0.5")),
    ]);
    assert_eq!(text_of(&item, "word"), Some("tea"));
    assert_eq!(text_of(&item, "count"), None);
    assert_eq!(once::number_of(&item, "count"), Some(-3));
    for name in ["word", "half", "absent"] {
        assert_eq!(once::number_of(&item, name), None, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_knows_its_time_and_draws_tokens() {
    let stage = Stage::with_random(1, 0xab);
    let session = stage.session(10_000);
    assert_eq!(session.world().now(), stage.store.now());
    assert_ne!(stage.store.now(), jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(session.token(), "ab".repeat(16));
    assert_eq!(session.token(), "ac".repeat(16));
}
