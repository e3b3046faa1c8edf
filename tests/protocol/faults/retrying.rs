//! How the retry loop handles losses, conflicts, throttling and errors.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use simulator::fault::Accident;
use simulator::functions::Run;
use simulator::history::Wish;
use simulator::request::Operation::{PutItem, TransactWriteItems};
use simulator::shop::FULL;

use super::stage::*;
use crate::support::meter::Meter;

/// An order of one TEA and one CUP.
fn tea_and_cup(key: &str) -> Wish {
    let lines = json!([
        {"sku": "CUP", "quantity": 1, "unit_price": 200},
        {"sku": "TEA", "quantity": 1, "unit_price": 100},
    ]);
    Wish::Place {
        key: key.to_owned(),
        body: json!({"currency": "KRW", "lines": lines}).to_string(),
    }
}

#[test]
fn a_lost_request_is_sent_again_and_creates_the_order() {
    for reset in [true, false] {
        stage(1, |stage| {
            stage.next([goes_wrong(Accident::LoseRequest { reset })]);
            let answer = stage.ask(&tea("key-1", 1));
            assert_eq!((answer.status, answer.replayed()), (201, false));
            assert_eq!(writes(&stage.seen()), [TransactWriteItems; 2]);
            assert_eq!((stage.tea(), stage.orders()), (0, 1));
        });
    }
}

#[test]
fn after_a_lost_answer_the_same_request_is_sent_under_the_same_token() {
    stage(1, |stage| {
        stage.next([goes_wrong(Accident::LoseAnswer { reset: false })]);
        let answer = stage.ask(&tea("key-1", 1));
        assert_eq!(answer.status, 201);
        let tokens: BTreeSet<_> = stage
            .seen()
            .iter()
            .map(|it| it.token().unwrap().to_owned())
            .collect();
        assert_eq!(tokens.len(), 1, "the same request, not another one");
        let replay = stage.ask(&tea("key-1", 1));
        assert_eq!((replay.body, replay.status), (answer.body, 201));
        assert_eq!((stage.tea(), stage.orders()), (0, 1));
    });
}

#[test]
fn a_refusal_whose_write_got_no_answer_is_recorded_once() {
    for accident in [
        Accident::LoseAnswer { reset: true },
        Accident::LoseAnswer { reset: false },
        Accident::ServerError { applied: true },
    ] {
        stage(0, |stage| {
            stage.next([calm(), goes_wrong(accident)]);
            let refusal = stage.ask(&tea("key-1", 1));
            assert_eq!((refusal.status, refusal.replayed()), (409, false));
            assert_eq!(
                writes(&stage.seen()),
                [TransactWriteItems, PutItem, PutItem]
            );
            let replay = stage.ask(&tea("key-1", 1));
            assert_eq!((replay.status, replay.replayed()), (409, true));
            assert_eq!(replay.body, refusal.body);
        });
    }
}

#[test]
fn a_conflict_is_retried_under_a_new_token() {
    stage(1, |stage| {
        stage.next([
            goes_wrong(Accident::Conflict(vec![0])),
            goes_wrong(Accident::Conflict(vec![1])),
        ]);
        assert_eq!(stage.status(&tea("key-1", 1)), 201);
        let tokens: BTreeSet<_> = stage
            .seen()
            .iter()
            .filter_map(|it| Some(it.token()?.to_owned()))
            .collect();
        assert_eq!(
            tokens.len(),
            3,
            "a cancelled transaction is over: the next one needs a new token"
        );
        assert_eq!(stage.orders(), 1);
    });
}

#[test]
fn a_conflict_that_never_ends_is_reported_as_busy() {
    stage(1, |stage| {
        stage.next(vec![goes_wrong(Accident::Conflict(vec![1])); 100]);
        let answer = stage.ask(&tea("key-1", 1));
        assert_eq!(
            (answer.status, answer.kind().as_deref()),
            (503, Some("busy"))
        );
        let detail = answer.member("detail").unwrap().to_string();
        assert!(detail.contains("This try placed nothing"), "{detail}");
        let after: u32 = answer.headers["retry-after"].parse().unwrap();
        assert!((1..=4).contains(&after), "{after}");
        let elapsed = stage.shop.time.elapsed();
        assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
        assert_eq!((stage.tea(), stage.orders()), (1, 0));
    });
}

/// A partition without capacity is as crowded as an item that others hold.
#[test]
fn after_many_tries_that_were_throttled_an_order_gives_up_after_three() {
    stage(9, |stage| {
        for (key, tries) in [("key-1", 16), ("key-2", 16), ("key-3", 16), ("key-4", 3)] {
            stage.next(vec![goes_wrong(Accident::Throttle(vec![1])); 100]);
            assert_eq!(stage.status(&tea(key, 1)), 503);
            stage.next_clear();
            let sent = stage.seen().into_iter();
            let sent = sent.filter(|it| it.operation == TransactWriteItems);
            assert_eq!(sent.count(), tries, "{key}");
        }
    });
}

#[test]
fn throttling_is_retried_with_pauses() {
    stage(9, |stage| {
        stage.next(vec![goes_wrong(Accident::Throttle(vec![1, 2])); 100]);
        assert_eq!(stage.status(&tea_and_cup("key-1")), 503);
        let sent = stage.seen().len();
        assert!((5..=45).contains(&sent), "{sent} requests in ten seconds");
    });
}

#[test]
fn an_existing_record_answers_at_once_even_beside_a_conflict() {
    stage(9, |stage| {
        let placed = stage.ask(&tea("key-1", 1));
        stage.seen();
        stage.next([goes_wrong(Accident::ConflictBeside)]);
        let replay = stage.ask(&tea("key-1", 1));
        assert_eq!((replay.status, replay.body), (201, placed.body));
        assert_eq!(stage.seen().len(), 1, "no back-off, no second request");
    });
}

#[test]
fn a_transaction_in_progress_for_five_seconds_is_waited_for() {
    stage(1, |stage| {
        stage.next([goes_wrong(Accident::InProgress(Duration::from_secs(5)))]);
        let answer = stage.ask(&tea("key-1", 1));
        assert_eq!(answer.status, 201);
        assert_eq!((stage.tea(), stage.orders()), (0, 1));
    });
}

#[test]
fn nothing_is_written_while_the_order_itself_is_throttled() {
    stage(1, |stage| {
        stage.next(vec![goes_wrong(Accident::Throttle(vec![0])); 100]);
        assert_eq!(stage.status(&tea("key-1", 1)), 503);
        assert_eq!((stage.tea(), stage.orders()), (1, 0));
    });
}

#[test]
fn an_order_is_not_written_in_part_while_one_of_its_products_is_throttled() {
    stage(9, |stage| {
        // Requests that name this product are throttled. All others go through.
        let cup = ("SKU#CUP".to_owned(), "STOCK#0".to_owned());
        stage.shop.direct(
            move |request| match request.keys.iter().position(|key| *key == cup) {
                Some(place) => goes_wrong(Accident::Throttle(vec![place])),
                None => calm(),
            },
        );
        let both = tea_and_cup("key-1");
        let answer = stage.ask(&both);
        assert_eq!(
            (answer.status, answer.kind().as_deref()),
            (503, Some("busy"))
        );
        assert_eq!((stage.tea(), stage.orders()), (9, 0));
        stage.shop.calm();
        assert_eq!(stage.status(&both), 201, "the repeat places the order");
        assert_eq!((stage.tea(), stage.orders()), (8, 1));
    });
}

#[test]
fn a_token_that_was_used_for_another_body_is_replaced() {
    stage(1, |stage| {
        stage.next([goes_wrong(Accident::TokenMismatch)]);
        assert_eq!(stage.status(&tea("key-1", 1)), 201);
        let seen = stage.seen();
        assert_ne!(seen[0].token(), seen[1].token());
    });
}

#[test]
fn a_replay_is_the_same_after_eleven_minutes_and_after_a_month() {
    stage(3, |stage| {
        // There is stock for another order, in case a repeat were taken for one.
        let placed = stage.ask(&tea("key-1", 1));
        for seconds in [11 * 60, 30 * 24 * 60 * 60] {
            stage.wait(seconds);
            stage.shop.expire();
            let replay = stage.ask(&tea("key-1", 1));
            assert!(replay.replayed());
            assert_eq!((replay.status, replay.body), (201, placed.body.clone()));
        }
        assert_eq!((stage.tea(), stage.orders()), (2, 1));
    });
}

#[test]
fn nothing_is_sent_when_too_little_time_is_left() {
    stage(1, |stage| {
        let short = Run {
            limit: Duration::from_millis(510),
            ..FULL
        };
        let answer = stage.ask_within(&tea("key-1", 1), short).unwrap();
        assert_eq!(
            (answer.status, answer.kind().as_deref()),
            (503, Some("outcome-unknown"))
        );
        assert!(stage.seen().is_empty());
    });
}

#[test]
fn a_server_error_is_retried_whether_or_not_the_write_was_applied() {
    for applied in [true, false] {
        stage(1, |stage| {
            stage.next([goes_wrong(Accident::ServerError { applied })]);
            assert_eq!(stage.status(&tea("key-1", 1)), 201);
            assert_eq!((stage.tea(), stage.orders()), (0, 1));
        });
    }
}

#[test]
fn each_route_says_in_its_own_words_how_to_find_out_what_happened() {
    stage(50, |stage| {
        let held = id(&stage.ask(&tea("held", 1)));
        let describe = Wish::Describe {
            sku: "TEA".to_owned(),
            unit_price: 100,
            sellable: true,
            if_match: Some(1),
            shards: None,
        };
        let confirm = Wish::Confirm {
            id: held.clone(),
            reference: "pay-1".to_owned(),
            if_match: None,
        };
        let cancel = Wish::Cancel {
            id: held,
            if_match: None,
        };
        for (wish, word) in [
            (tea("key-1", 1), "same Idempotency-Key"),
            (Wish::stock("count", "TEA", 1), "same Idempotency-Key"),
            (confirm, "same payment_reference"),
            (cancel, "Cancel it again"),
            (describe, "same If-Match"),
        ] {
            stage.next(vec![goes_wrong(Accident::LoseAnswer { reset: false }); 9]);
            let answer = stage.ask(&wish);
            assert_eq!(answer.kind().as_deref(), Some("outcome-unknown"), "{wish}");
            assert_eq!(answer.headers["retry-after"], "1");
            let detail = answer.member("detail").unwrap().to_string();
            assert!(detail.contains(word), "{wish}: {detail}");
            let names_a_key = detail.contains("Idempotency-Key");
            let takes_a_key = matches!(wish, Wish::Place { .. } | Wish::Adjust { .. });
            assert_eq!(names_a_key, takes_a_key, "{wish}: {detail}");
            stage.next_clear();
            let found = stage.ask(&wish);
            assert!(found.status < 300, "{wish}: {found}");
        }
    });
}

#[test]
fn an_unknown_outcome_is_one_error_that_says_what_was_tried() {
    stage(1, |stage| {
        let meter = Meter::start();
        stage.next(vec![goes_wrong(Accident::LoseAnswer { reset: false }); 9]);
        let answer = stage.ask(&tea("key-1", 1));
        assert_eq!(answer.kind().as_deref(), Some("outcome-unknown"));
        let errors = meter.take_errors();
        let [error] = errors.as_slice() else {
            panic!("not one error: {errors:?}");
        };
        assert_eq!(error["message"], "the outcome of a request is not known");
        assert_eq!(error["cause"], "DynamoDB did not answer a write in time");
        assert_eq!(error["route"], "POST /orders");
        assert_eq!(error["reason"], "outcome-unknown");
        assert_eq!(error["request_id"], answer.headers["x-request-id"].as_str());
        let sent = stage.seen().len();
        assert!(1 < sent);
        assert_eq!(
            (&error["requests"], &error["unanswered"]),
            (&json!(sent), &json!(sent))
        );
        assert!(!format!("{error}").contains("key-1"), "{error}");
        stage.next_clear();
    });
}

#[test]
fn an_error_about_an_outcome_says_when_there_was_no_time_for_a_try() {
    stage(1, |stage| {
        let meter = Meter::start();
        let short = Run {
            limit: Duration::from_millis(510),
            ..FULL
        };
        stage.ask_within(&tea("key-1", 1), short).unwrap();
        let errors = meter.take_errors();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(
            errors[0]["cause"],
            "there was no time for a try, or a newer release has decided"
        );
        assert_eq!(errors[0]["unanswered"], 0);
    });
}
