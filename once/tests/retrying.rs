//! How long requests are waited for and repeated.

use std::iter;
use std::time::Duration;

use jiff::Timestamp;
use once::{
    Action, Defect, Failure, GaveUp, Intent, Item, Pace, Patience, Reason, Settled, Store,
    Unsettled, World, settle_by, text,
};
use serde_json::json;

use super::stage::{Accident, Stage, Take, Ways, cancelled, error, taken};

fn conflicts(count: usize) -> impl Iterator<Item = Accident> {
    iter::repeat_with(|| cancelled(&["None", "TransactionConflict"])).take(count)
}

#[tokio::test(start_paused = true)]
async fn a_request_is_given_up_after_two_seconds() {
    let stage = Stage::with_stock(9);
    stage.script([Accident::LoseRequest]);
    assert_eq!(stage.take(2).await, Ok(taken()));
    let repeat = stage.sent()[1].at.as_millis();
    assert!((2_000..=2_025).contains(&repeat), "{repeat}");
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_outcome_is_unknown_and_half_a_second_is_left() {
    let stage = Stage::with_stock(9);
    stage.script(iter::repeat_with(|| Accident::LoseRequest).take(100));
    let session = stage.session(10_000);
    let taken = stage.take_within(&session, 2).await;
    assert_eq!(taken, Err(Unsettled::OutcomeUnknown));
    assert!(stage.milliseconds() <= 9_500, "{}", stage.milliseconds());
    assert_eq!(stage.sent().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_request_begins_only_with_20_milliseconds_or_more() {
    for (milliseconds, requests) in [(0, 0), (500, 0), (519, 0), (520, 1), (10_000, 1)] {
        let stage = Stage::with_stock(9);
        let session = stage.session(milliseconds);
        let taken = stage.take_within(&session, 2).await;
        assert_eq!(taken.is_ok(), requests == 1, "{milliseconds} ms: {taken:?}");
        assert_eq!(stage.sent().len(), requests);
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_for_a_request_is_what_is_left_but_two_seconds_at_most() {
    let stage = Stage::with_stock(9);
    let time_left = |milliseconds| stage.session(milliseconds).time_left();
    assert_eq!(time_left(519), None);
    assert_eq!(time_left(520), Some(Duration::from_millis(20)));
    assert_eq!(time_left(2_499), Some(Duration::from_millis(1_999)));
    assert_eq!(time_left(60_000), Some(Duration::from_secs(2)));
    assert_eq!(stage.session(700).until_reserve().as_millis(), 200);
}

#[tokio::test(start_paused = true)]
async fn pauses_after_conflicts_grow_from_8_to_50_milliseconds() {
    // The largest random number: each pause is as long as it may be. It wraps to zero once.
    let stage = Stage::with_random(9, 0xff);
    stage.script(conflicts(9));
    let session = stage.session(60_000);
    let mut gaps = Vec::new();
    assert_eq!(stage.take_within(&session, 2).await, Ok(taken()));
    for pair in stage.sent().windows(2) {
        gaps.push(pair[1].at.as_millis() - pair[0].at.as_millis());
    }
    let limits = [8, 16, 32, 50, 50, 50, 50, 50, 50];
    assert_eq!(gaps.len(), limits.len());
    for (gap, limit) in gaps.iter().zip(limits) {
        assert!(*gap <= limit, "{gaps:?}");
    }
    assert!(gaps.iter().any(|gap| 0 < *gap), "{gaps:?}");
}

/// How long the first pauses are with the given byte as the only random number.
async fn pauses_of(byte: u8, count: usize) -> Vec<u128> {
    let stage = Stage::with_stock(9);
    let began = tokio::time::Instant::now();
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the runtime is paused"
    )]
    let world = World::new(
        move || Timestamp::UNIX_EPOCH + began.elapsed(),
        move |bytes| bytes.fill(byte),
        |duration| Box::pin(tokio::time::sleep(duration)),
    );
    let client = database::connector::client(&stage.engine);
    let store = Store::new(client, "table".to_owned(), world).unwrap();
    let session = store.session(store.now() + Duration::from_mins(1));
    let mut at = Vec::new();
    let mut left = count;
    let outcome: Result<_, Defect> = Pace::default()
        .repeat(
            &session,
            (),
            |()| {
                at.push(began.elapsed().as_millis());
                std::future::ready(Ok::<_, Failure>(()))
            },
            |(), ()| {
                left -= usize::from(left != 0);
                Ok((left == 0).then_some(()))
            },
        )
        .await;
    assert_eq!(outcome, Ok(Some(())));
    at.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_the_limit_times_a_random_share() {
    assert_eq!(
        pauses_of(0xff, 9).await,
        [25, 50, 100, 200, 400, 800, 800, 800]
    );
    assert_eq!(pauses_of(0x00, 4).await, [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_never_longer_than_the_time_left() {
    let stage = Stage::with_random(9, 0xf0);
    stage.script(conflicts(64));
    let session = stage.session(1_000);
    let taken = stage.take_within(&session, 2).await;
    assert_eq!(taken, Err(Unsettled::Busy));
    assert!(stage.milliseconds() <= 500, "{}", stage.milliseconds());
}

#[tokio::test(start_paused = true)]
async fn attempts_end_after_64_if_the_clock_stands_still() {
    let stage = Stage::with_stock(9);
    stage.script(conflicts(100));
    let world = World::new(
        || Timestamp::UNIX_EPOCH,
        |bytes| bytes.fill(1),
        |_| Box::pin(async {}),
    );
    let client = stage.client();
    let store = Store::new(client, "table".to_owned(), world).unwrap();
    let session = store.session(store.now() + Duration::from_mins(1));
    let taken = stage.take_within(&session, 2).await;
    assert_eq!(taken, Err(Unsettled::Busy));
    assert_eq!(stage.sent().len(), 64);
}

#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_until_it_has_an_answer() {
    let stage = Stage::with_stock(9);
    stage.script([
        Accident::LoseRequest,
        error(400, "ThrottlingException"),
        error(500, "InternalServerError"),
    ]);
    let session = stage.session(10_000);
    let key = || {
        Item::from([
            ("pk".to_owned(), text("TEA")),
            ("sk".to_owned(), text("STOCK")),
        ])
    };
    let mut pace = Pace::default();
    let read = pace.read(&session, || session.get(key())).await.unwrap();
    assert!(read.unwrap().is_some());
    stage.script([error(400, "ValidationException")]);
    let read = pace.read(&session, || session.get(key())).await;
    assert!(matches!(read, Err(Defect(cause)) if cause.contains("ValidationException")));
    let over = stage.session(0);
    let read = pace.read(&over, || over.get(key())).await;
    assert_eq!(read, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_stopped_on_purpose_does_not_move_the_deadline() {
    let stage = Stage::with_stock(9);
    stage.script(iter::repeat_with(|| Accident::LoseRequest).take(100));
    let world = stage.world().with_clock(|| Timestamp::UNIX_EPOCH);
    let store = Store::new(stage.client(), "table".to_owned(), world).unwrap();
    let session = store.session(stage.store.now() + Duration::from_secs(10));
    let taken = stage.take_within(&session, 2).await;
    assert_eq!(taken, Err(Unsettled::OutcomeUnknown));
    let passed = stage.milliseconds();
    assert!((8_000..=9_500).contains(&passed), "{passed}");
}

async fn take_with(
    stage: &Stage,
    tries_max: u32,
    time_max: Duration,
) -> Result<Settled, Unsettled> {
    let (take, session) = (Take(2), stage.session(10_000));
    let patience = Patience {
        tries_max,
        time_max,
    };
    settle_by(&session, patience, &mut Ways::new([take.intent()]), &take).await
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_only_meets_others_is_busy_when_its_patience_ends() {
    let stage = Stage::with_random(9, 0x80);
    stage.script(conflicts(2));
    stage.script([error(400, "ThrottlingException")]);
    let taken = take_with(&stage, 3, Duration::MAX).await;
    assert_eq!(taken, Err(Unsettled::Busy));
    assert_eq!(stage.sent().len(), 3);
    assert_eq!(stage.stock(), 9);

    let stage = Stage::with_random(9, 0x80);
    stage.script(conflicts(64));
    let taken = take_with(&stage, u32::MAX, Duration::from_secs(1)).await;
    assert_eq!(taken, Err(Unsettled::Busy));
    let passed = stage.milliseconds();
    assert!((900..=1_050).contains(&passed), "{passed}");
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_may_have_happened_wants_to_know_whatever_its_patience() {
    let stage = Stage::with_stock(9);
    stage.script([Accident::LoseRequest]);
    stage.script(conflicts(10));
    let taken = take_with(&stage, 3, Duration::from_millis(1)).await;
    assert_eq!(taken, Ok(super::stage::taken()));
    assert_eq!(stage.sent().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_may_have_happened_is_never_called_busy() {
    let stage = Stage::with_stock(9);
    stage.script([Accident::LoseRequest]);
    stage.script(conflicts(100));
    let taken = take_with(&stage, 3, Duration::MAX).await;
    assert_eq!(taken, Err(Unsettled::OutcomeUnknown));
}

#[tokio::test(start_paused = true)]
async fn what_had_no_capacity_is_counted_apart_from_what_met_others() {
    let stage = Stage::with_stock(9);
    stage.script([
        cancelled(&["None", "ThrottlingError"]),
        cancelled(&["TransactionConflict", "ThrottlingError"]),
        error(400, "ThrottlingException"),
    ]);
    let session = stage.session(10_000);
    assert_eq!(stage.take_within(&session, 2).await, Ok(taken()));
    let tally = session.tally();
    assert_eq!(
        (tally.transactions, tally.conflicts, tally.throttled),
        (4, 1, 2)
    );
}

/// Only whoever reads the failed condition knows whether it means that nothing was done.
#[tokio::test(start_paused = true)]
async fn attempts_of_which_one_failed_a_condition_are_not_called_busy() {
    let stage = Stage::with_stock(1);
    let session = stage.session(10_000);
    let intent = Take(2).intent();
    let actions = [
        Action::put_absent(&intent.record),
        Action::Update(&intent.effects[0]),
    ];
    let cancelled = |reasons: &[Reason]| -> Result<Option<()>, Unsettled> {
        let failed = |reason: &Reason| matches!(reason, Reason::ConditionFailed(_));
        Ok(reasons.iter().any(failed).then_some(()))
    };
    let mut pace = Pace::default();
    let failed = pace.transact(&session, &actions, || (), cancelled).await;
    assert_eq!(failed, Ok(Some(())));
    stage.script(conflicts(100));
    let over = pace.transact(&session, &actions, || (), cancelled).await;
    assert_eq!(over, Ok(None));
    assert_eq!(pace.gave_up(&session), GaveUp::Unknown);
}

/// A take of two from another product, under the same key.
fn elsewhere(pk: &str) -> Intent {
    let mut intent = Take(2).intent();
    intent.effects[0].key.insert("pk".to_owned(), text(pk));
    intent
}

fn cups(stage: &Stage) -> i64 {
    let item = stage.item("CUP", "STOCK").unwrap();
    item["stock"]["N"].as_str().unwrap().parse().unwrap()
}

fn stage_with_cups() -> Stage {
    let stage = Stage::with_random(9, 0xff);
    stage.put(&json!({"pk": {"S": "CUP"}, "sk": {"S": "STOCK"}, "stock": {"N": "5"}}));
    stage
}

#[tokio::test(start_paused = true)]
async fn after_a_conflict_a_plan_goes_elsewhere_within_eight_milliseconds() {
    let stage = stage_with_cups();
    stage.script(conflicts(1));
    let mut plan = Ways::new([Take(2).intent(), elsewhere("CUP")]);
    let session = stage.session(10_000);
    let settled = settle_by(&session, Patience::default(), &mut plan, &Take(2)).await;
    assert_eq!(settled, Ok(taken()));
    assert_eq!((stage.stock(), cups(&stage)), (9, 3));
    let tokens = stage.tokens();
    assert_ne!(tokens[0], tokens[1]);
    assert!(stage.milliseconds() <= 8);
}

#[tokio::test(start_paused = true)]
async fn a_plan_goes_nowhere_else_while_the_outcome_of_an_attempt_is_unknown() {
    let stage = stage_with_cups();
    stage.script([Accident::LoseAnswer]);
    let mut plan = Ways::new([Take(2).intent(), elsewhere("CUP")]);
    let session = stage.session(10_000);
    let settled = settle_by(&session, Patience::default(), &mut plan, &Take(2)).await;
    assert!(matches!(settled, Ok(Settled::Before(_) | Settled::Done(_))));
    assert_eq!((stage.stock(), cups(&stage)), (7, 5));
}

#[tokio::test(start_paused = true)]
async fn of_a_plan_that_went_elsewhere_only_one_intent_happens() {
    let stage = stage_with_cups();
    // The first copy is under way and meets the second one, which goes elsewhere.
    stage.script([Accident::LoseRequest]);
    stage.script(conflicts(1));
    let mut plan = Ways::new([Take(2).intent(), elsewhere("CUP")]);
    let session = stage.session(10_000);
    let settled = settle_by(&session, Patience::default(), &mut plan, &Take(2)).await;
    assert_eq!(settled, Ok(taken()));
    // Now the first copy lands.
    let late = stage.sent()[0].body.clone();
    let landed = stage.engine.call("TransactWriteItems", late).unwrap();
    assert_eq!(landed.status, 400);
    assert_eq!((stage.stock(), cups(&stage)), (9, 3));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_only_failed_conditions_and_met_others_is_busy() {
    let stage = stage_with_cups();
    let none = elsewhere("MUG");
    stage.script([Accident::First(json!({"pk": {"S": "X"}, "sk": {"S": "X"}}))]);
    stage.script(conflicts(9));
    let mut plan = Ways::new([none, elsewhere("CUP")]);
    let patience = Patience {
        tries_max: 3,
        time_max: Duration::MAX,
    };
    let session = stage.session(10_000);
    let settled = settle_by(&session, patience, &mut plan, &Take(2)).await;
    assert_eq!(settled, Err(Unsettled::Busy));
    assert_eq!((stage.sent().len(), cups(&stage)), (3, 5));
}
