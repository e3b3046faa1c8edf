//! Descriptions of a product whose answers get lost, while others describe it too.

use std::time::Duration;

use futures::future::join;
use simulator::fault::Accident;
use simulator::functions::Answer;
use simulator::history::Wish;
use simulator::shop::FULL;

use super::stage::*;

fn describe(unit_price: i64, if_match: Option<i64>) -> Wish {
    Wish::Describe {
        sku: "TEA".to_owned(),
        unit_price,
        sellable: true,
        if_match,
        shards: None,
    }
}

/// One client describes TEA at 200, and the answer is lost. Before it is sent again, another client
/// describes TEA at 300. Both get their answers.
fn both(stage: &Stage, first: Wish, second: Wish) -> (Answer, Answer) {
    stage.next([goes_wrong(Accident::LoseAnswer { reset: false })]);
    let first = stage.asking(ann(), first, FULL);
    let second = stage.asking(ann(), second, FULL);
    let shop = stage.shop.clone();
    let later = async move {
        shop.sleep(Duration::from_millis(500)).await;
        second.await
    };
    let (first, second) = stage.shop.run(join(first, later)).unwrap();
    (first.unwrap(), second.unwrap())
}

fn price(stage: &Stage) -> i64 {
    let read = stage.ask(&Wish::ReadProduct {
        sku: "TEA".to_owned(),
    });
    read.member("unit_price").unwrap().as_i64().unwrap()
}

#[test]
fn a_description_whose_answer_was_lost_does_not_undo_a_later_one() {
    for if_match in [None, Some(1)] {
        stage(1, |stage| {
            let (first, second) = both(stage, describe(200, if_match), describe(300, Some(2)));
            assert_eq!(second.status, 200, "{second}");
            assert_eq!(price(stage), 300, "the later description stands");
            assert_eq!(
                (first.status, first.kind().as_deref()),
                (503, Some("outcome-unknown")),
                "{first}"
            );
            // A blind repeat would undo the later description after all.
            assert!(!first.headers.contains_key("retry-after"), "{first}");
            let detail = first.member("detail").unwrap().to_string();
            assert!(detail.contains("Read the product first"), "{detail}");
        });
    }
}

#[test]
fn a_description_whose_answer_was_lost_is_recognised_one_version_on() {
    for if_match in [None, Some(1)] {
        stage(1, |stage| {
            stage.next([goes_wrong(Accident::LoseAnswer { reset: true })]);
            let answer = stage.ask(&describe(200, if_match));
            assert_eq!(answer.status, 200, "{answer}");
            assert_eq!(answer.headers["etag"], "\"2\"");
        });
    }
}

#[test]
fn a_description_that_never_gets_an_answer_is_not_to_be_repeated_blindly() {
    stage(1, |stage| {
        stage.next(vec![goes_wrong(Accident::LoseRequest { reset: false }); 9]);
        let answer = stage.ask(&describe(200, None));
        assert_eq!(answer.kind().as_deref(), Some("outcome-unknown"));
        assert!(!answer.headers.contains_key("retry-after"), "{answer}");
    });
}

#[test]
fn descriptions_that_only_meet_each_other_are_written_one_after_the_other() {
    stage(1, |stage| {
        // Both read version 1. The first write to arrive changes it, and the other one follows.
        let first = stage.asking(ann(), describe(200, None), FULL);
        let second = stage.asking(ann(), describe(300, None), FULL);
        let (first, second) = stage.shop.run(join(first, second)).unwrap();
        assert_eq!((first.unwrap().status, second.unwrap().status), (200, 200));
    });
}
