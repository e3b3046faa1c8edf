//! What `settle` answers, whatever happens on the way.

use once::{Fingerprint, Fingerprints, Settled, Unsettled, settle};
use serde_json::json;

use super::stage::{Accident, Stage, Take, cancelled, error, taken};

#[tokio::test(start_paused = true)]
async fn an_intent_happens_once_and_its_repeat_gets_the_record() {
    let stage = Stage::with_stock(3);
    assert_eq!(stage.take(2).await, Ok(taken()));
    let record = Take(2).record("taken");
    assert_eq!(stage.take(2).await, Ok(Settled::Before(record)));
    assert_eq!(stage.stock(), 1);
    assert_eq!(stage.sent().len(), 2, "one round trip each");
}

#[tokio::test(start_paused = true)]
async fn a_repeat_of_what_took_the_last_piece_is_not_refused() {
    let stage = Stage::with_stock(2);
    assert_eq!(stage.take(2).await, Ok(taken()));
    let record = Take(2).record("taken");
    assert_eq!(stage.take(2).await, Ok(Settled::Before(record)));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_recorded_and_stays_when_stock_arrives() {
    let stage = Stage::with_stock(1);
    let refusal = Take(2).record("refused, 1 left");
    assert_eq!(stage.take(2).await, Ok(Settled::Refused(refusal.clone())));
    assert_eq!(stage.sent().len(), 2, "the decision, and its record");
    stage.put(&json!({"pk": {"S": "TEA"}, "sk": {"S": "STOCK"}, "stock": {"N": "9"}}));
    assert_eq!(stage.take(2).await, Ok(Settled::Before(refusal)));
    assert_eq!(stage.stock(), 9);
}

#[tokio::test(start_paused = true)]
async fn another_request_under_the_same_key_is_an_error_and_changes_nothing() {
    let stage = Stage::with_stock(9);
    assert_eq!(stage.take(2).await, Ok(taken()));
    assert_eq!(stage.take(3).await, Err(Unsettled::KeyReused));
    assert_eq!(stage.stock(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_newer_release_is_not_guessed_at() {
    let stage = Stage::with_stock(9);
    stage.put(&Take(2).wire_record("taken", 2));
    assert_eq!(stage.take(2).await, Err(Unsettled::Unreadable));
    assert_eq!(stage.stock(), 9);
}

/// A request of a later release, whose fingerprints have a second version.
struct Later(Take);

impl Fingerprints for Later {
    fn fingerprint(&self, version: i64) -> Option<Fingerprint> {
        match version {
            1 => self.0.fingerprint(1),
            2 => Some(Fingerprint::of([b"later".as_slice()])),
            _ => None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_release_compares_a_repeat_under_the_records_own_version() {
    let stage = Stage::with_stock(9);
    assert_eq!(stage.take(2).await, Ok(taken()));
    let intent = Take(2).intent();
    let session = stage.session(10_000);
    let repeat = settle(&session, &intent, &Later(Take(2)), |_| None).await;
    assert_eq!(repeat, Ok(Settled::Before(Take(2).record("taken"))));
    let other = settle(&session, &intent, &Later(Take(3)), |_| None).await;
    assert_eq!(other, Err(Unsettled::KeyReused));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_goes_out_again_under_the_same_token() {
    for accident in [
        Accident::LoseRequest,
        Accident::LoseAnswer,
        Accident::Break,
        error(500, "InternalServerError"),
        error(503, "ServiceUnavailable"),
        error(400, "TransactionInProgressException"),
    ] {
        let stage = Stage::with_stock(9);
        stage.script([accident]);
        assert_eq!(stage.take(2).await, Ok(taken()));
        let tokens = stage.tokens();
        assert_eq!(tokens.len(), 2);
        assert_eq!(tokens[0], tokens[1]);
        assert_eq!(stage.stock(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_ended_without_a_decision_is_repeated_under_a_new_token() {
    for accident in [
        cancelled(&["None", "TransactionConflict"]),
        cancelled(&["ThrottlingError", "None"]),
        cancelled(&["None", "ProvisionedThroughputExceeded"]),
        // A conflict outweighs a failed condition, and a lost record says nothing.
        cancelled(&["TransactionConflict", "ConditionalCheckFailed"]),
        cancelled(&["ConditionalCheckFailed", "None"]),
        error(400, "TransactionConflictException"),
        error(400, "ReplicatedWriteConflictException"),
        error(400, "ProvisionedThroughputExceededException"),
        error(400, "RequestLimitExceeded"),
        error(400, "ThrottlingException"),
        error(400, "IdempotentParameterMismatchException"),
    ] {
        let stage = Stage::with_stock(9);
        stage.script([accident]);
        assert_eq!(stage.take(2).await, Ok(taken()));
        let tokens = stage.tokens();
        assert_eq!(tokens.len(), 2);
        assert_ne!(tokens[0], tokens[1]);
        assert_eq!(tokens[0].len(), 32, "128 random bits");
        assert_eq!(stage.stock(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_request_is_sent_once_and_is_a_defect() {
    for accident in [
        error(400, "ValidationException"),
        error(400, "ResourceNotFoundException"),
        cancelled(&["None", "ValidationError"]),
    ] {
        let stage = Stage::with_stock(9);
        stage.script([accident]);
        let taken = stage.take(2).await;
        assert!(matches!(taken, Err(Unsettled::Invalid(_))), "{taken:?}");
        assert_eq!((stage.sent().len(), stage.stock()), (1, 9));
    }
}

#[tokio::test(start_paused = true)]
async fn a_defect_names_the_code_of_the_wrong_action() {
    let stage = Stage::with_stock(9);
    stage.script([cancelled(&["None", "ItemCollectionSizeLimitExceeded"])]);
    let Err(Unsettled::Invalid(cause)) = stage.take(2).await else {
        panic!("it is not a defect");
    };
    assert!(
        cause.starts_with("ItemCollectionSizeLimitExceeded"),
        "{cause}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_finds_no_reason_is_a_defect() {
    let stage = Stage::with_stock(1);
    let (take, session) = (Take(2), stage.session(10_000));
    let settled = settle(&session, &take.intent(), &take, |_| None).await;
    assert!(matches!(settled, Err(Unsettled::Invalid(_))), "{settled:?}");
    assert_eq!(stage.item("KEY#1", "RECORD"), None);
}

#[tokio::test(start_paused = true)]
async fn refuse_gets_each_failed_effect_with_its_place_and_its_item() {
    let stage = Stage::with_stock(1);
    let (take, session) = (Take(2), stage.session(10_000));
    let mut intent = take.intent();
    let mut unknown = take.effect();
    unknown.key.insert("pk".to_owned(), once::text("CUP"));
    let mut harmless = take.effect();
    harmless.key.insert("pk".to_owned(), once::text("NEW"));
    harmless.update = "SET #stock = :q";
    harmless.condition = "".into();
    intent.effects = vec![harmless, take.effect(), unknown];
    let mut found = Vec::new();
    let settled = settle(&session, &intent, &take, |failed| {
        found = failed.to_vec();
        Some(take.record("refused"))
    });
    let settled = settled.await;
    assert_eq!(settled, Ok(Settled::Refused(take.record("refused"))));
    let places: Vec<_> = found.iter().map(|failed| failed.index).collect();
    assert_eq!(places, [1, 2]);
    assert_eq!(found[0].item.as_ref().unwrap()["stock"], once::number(1));
    assert_eq!(found[1].item, None);
    assert_eq!(stage.item("NEW", "STOCK"), None, "nothing happened");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_recording_gets_no_answer_is_recorded_all_the_same() {
    for accident in [
        Accident::LoseRequest,
        Accident::LoseAnswer,
        Accident::Break,
        error(500, "InternalServerError"),
        error(400, "ThrottlingException"),
        error(400, "TransactionConflictException"),
        error(400, "ConditionalCheckFailedException"),
    ] {
        let stage = Stage::with_stock(1);
        let session = stage.session(10_000);
        stage.script([cancelled(&["None", "None"]), Accident::First(filler())]);
        // The first two requests end as they would without the accidents before them.
        stage.script([accident]);
        let refusal = Take(2).record("refused, 1 left");
        let settled = stage.take_within(&session, 2).await;
        assert_eq!(settled, Ok(Settled::Refused(refusal)));
        let stored = stage.item("KEY#1", "RECORD").unwrap();
        assert_eq!(stored, Take(2).wire_record("refused, 1 left", 1));
    }
}

/// An item that is in nobody's way.
fn filler() -> serde_json::Value {
    json!({"pk": {"S": "OTHER"}, "sk": {"S": "OTHER"}})
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_comes_before_the_refusals_record_counts() {
    let stage = Stage::with_stock(1);
    let first = Accident::First(Take(2).wire_record("taken", 1));
    stage.script([Accident::First(filler()), first]);
    let record = Take(2).record("taken");
    assert_eq!(stage.take(2).await, Ok(Settled::Before(record)));
}

#[tokio::test(start_paused = true)]
async fn another_requests_record_before_the_refusals_is_a_reused_key() {
    let stage = Stage::with_stock(1);
    let first = Accident::First(Take(3).wire_record("taken", 1));
    stage.script([Accident::First(filler()), first]);
    assert_eq!(stage.take(2).await, Err(Unsettled::KeyReused));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_request_for_the_refusals_record_is_a_defect() {
    let stage = Stage::with_stock(1);
    stage.script([Accident::First(filler()), error(400, "ValidationException")]);
    let settled = stage.take(2).await;
    assert!(matches!(settled, Err(Unsettled::Invalid(_))), "{settled:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_condition_without_its_item_is_read_before_anything_is_recorded() {
    for (stock, expected) in [
        (9, taken()),
        (1, Settled::Refused(Take(2).record("refused, 1 left"))),
    ] {
        let stage = Stage::with_stock(stock);
        stage.script([cancelled(&["None", "ConditionalCheckFailed"])]);
        assert_eq!(stage.take(2).await, Ok(expected.clone()), "{stock}");
        let sent = stage.sent();
        let strong = "/RequestItems/table/ConsistentRead";
        let reads = sent.iter().filter_map(|it| it.body.pointer(strong));
        assert_eq!(reads.collect::<Vec<_>>(), [true], "one strong read");
        assert_eq!(stage.stock(), if stock == 9 { 7 } else { 1 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_item_is_refused_as_missing_only_after_a_read_found_none() {
    let stage = Stage::with_stock(9);
    let (take, session) = (Take(2), stage.session(10_000));
    let mut intent = take.intent();
    intent.effects[0]
        .key
        .insert("pk".to_owned(), once::text("CUP"));
    stage.script([Accident::First(filler()), Accident::LoseRequest]);
    let settled = settle(&session, &intent, &take, |failed| {
        assert_eq!(failed[0].item, None);
        Some(take.record("refused, there is none"))
    });
    let refusal = take.record("refused, there is none");
    assert_eq!(settled.await, Ok(Settled::Refused(refusal)));
    assert_eq!(stage.sent().len(), 4, "the write, two reads, the refusal");
}

#[tokio::test(start_paused = true)]
async fn conflicts_and_throttling_of_any_name_are_tried_again() {
    for accident in [
        cancelled(&["None", "RequestLimitExceeded"]),
        cancelled(&["None", "ThrottlingErrorOfANewKind"]),
        cancelled(&["ReplicatedWriteConflict", "None"]),
        error(400, "RequestThrottledException"),
        error(400, "TooManyRequestsException"),
        error(429, "SomethingNew"),
        error(429, ""),
    ] {
        let stage = Stage::with_stock(9);
        stage.script([accident]);
        assert_eq!(stage.take(2).await, Ok(taken()));
        assert_eq!((stage.sent().len(), stage.stock()), (2, 7));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_neither_a_client_error_nor_a_success_says_nothing() {
    for status in [302, 408] {
        let stage = Stage::with_stock(9);
        stage.script([error(status, "SomethingNew")]);
        assert_eq!(stage.take(2).await, Ok(taken()));
        let tokens = stage.tokens();
        assert_eq!(tokens[0], tokens[1], "the same request, under its token");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_write_without_an_answer_nothing_ends_as_a_defect() {
    for accident in [
        error(400, "ExpiredTokenException"),
        error(400, "SomethingNew"),
        error(403, "AccessDeniedException"),
        cancelled(&["None", "ValidationError"]),
        cancelled(&["None", "SomethingNew"]),
    ] {
        for lost in [Accident::LoseAnswer, Accident::LoseRequest, Accident::Break] {
            let stage = Stage::with_stock(9);
            stage.script([lost]);
            stage.script([repeated(&accident)]);
            assert_eq!(stage.take(2).await, Err(Unsettled::OutcomeUnknown));
        }
    }
}

/// The same accident once more.
fn repeated(accident: &Accident) -> Accident {
    match accident {
        Accident::Answer(response) => Accident::Answer(response.clone()),
        _ => panic!("only an answer can be repeated"),
    }
}
