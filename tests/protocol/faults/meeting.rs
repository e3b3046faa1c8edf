//! Requests meet each other, or what earlier requests left behind.

use std::time::Duration;

use futures::future::join3;
use simulator::fault::{Accident, Fate};
use simulator::history::Wish;
use simulator::shop::{FULL, caller};

use super::stage::*;

#[test]
fn a_commit_that_lands_after_its_handler_died_answers_the_next_retry() {
    stage(1, |stage| {
        stage.next([delayed(20_000)]);
        assert_eq!(stage.ask_within(&tea("key-1", 1), killed_at(0)), None);
        assert_eq!(stage.orders(), 0);
        stage.wait(30);
        assert_eq!(stage.orders(), 1);
        let answer = stage.ask(&tea("key-1", 1));
        assert_eq!((answer.status, answer.replayed()), (201, true));
        assert_eq!(stage.tea(), 0);
    });
}

#[test]
fn a_retry_that_overtakes_the_first_copy_makes_the_only_order() {
    stage(5, |stage| {
        stage.next([delayed(20_000)]);
        assert_eq!(stage.ask_within(&tea("key-1", 1), killed_at(0)), None);
        let answer = stage.ask(&tea("key-1", 1));
        assert_eq!((answer.status, answer.replayed()), (201, false));
        stage.wait(30);
        assert_eq!((stage.tea(), stage.orders()), (4, 1));
    });
}

#[test]
fn a_late_duplicate_of_a_refused_order_does_not_order_after_a_restock() {
    stage(0, |stage| {
        // Beyond the ten minutes for which the database remembers the token.
        stage.next([arrives_again(20 * 60)]);
        let refusal = stage.ask(&tea("key-1", 1));
        assert_eq!(refusal.status, 409);
        assert_eq!(stage.status(&Wish::stock("restock", "TEA", 5)), 201);
        stage.wait(30 * 60);
        let replay = stage.ask(&tea("key-1", 1));
        assert_eq!((replay.status, replay.body), (409, refusal.body));
        assert_eq!((stage.tea(), stage.orders()), (5, 0));
    });
}

#[test]
fn a_late_duplicate_of_a_refused_adjustment_does_not_adjust_after_a_restock() {
    stage(1, |stage| {
        stage.next([arrives_again(20 * 60)]);
        let refusal = stage.ask(&Wish::stock("shrink", "TEA", -3));
        assert_eq!(refusal.status, 409);
        assert_eq!(stage.status(&Wish::stock("restock", "TEA", 5)), 201);
        stage.wait(30 * 60);
        assert_eq!(
            stage.ask(&Wish::stock("shrink", "TEA", -3)).body,
            refusal.body
        );
        assert_eq!(stage.tea(), 6);
    });
}

#[test]
fn a_refusal_gives_way_to_an_order_that_was_placed_under_the_same_key() {
    stage(0, |stage| {
        // The first copy travels for a second. The second copy finds no stock and sends its
        // refusal. While that travels, stock arrives, and the first copy takes it.
        stage.next([delayed(1_000), calm(), delayed(1_500)]);
        let first = stage.asking(ann(), tea("key-1", 1), FULL);
        let second = stage.asking(ann(), tea("key-1", 1), FULL);
        let restock = stage.asking(
            caller("local", "admin"),
            Wish::stock("restock", "TEA", 1),
            FULL,
        );
        let shop = stage.shop.clone();
        let later = async move |milliseconds| shop.sleep(Duration::from_millis(milliseconds)).await;
        let pause = later.clone();
        let (first, second, _) = stage
            .shop
            .run(join3(
                first,
                async move {
                    pause(100).await;
                    second.await
                },
                async move {
                    later(500).await;
                    restock.await
                },
            ))
            .unwrap();
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!((first.status, second.status), (201, 201));
        assert_eq!(first.body, second.body);
        assert_eq!((stage.tea(), stage.orders()), (0, 1));
    });
}

#[test]
fn a_retry_that_meets_the_transaction_of_a_dead_handler_makes_no_second_order() {
    stage(5, |stage| {
        stage.next([Fate {
            holds: Duration::from_secs(30),
            ..calm()
        }]);
        assert_eq!(stage.ask_within(&tea("key-1", 2), killed_at(0)), None);
        assert_eq!(stage.status(&tea("key-1", 2)), 503, "its items are held");
        stage.wait(60);
        let answer = stage.ask(&tea("key-1", 2));
        assert_eq!((answer.status, answer.replayed()), (201, true));
        assert_eq!((stage.tea(), stage.orders()), (3, 1));
    });
}

#[test]
fn a_refusal_stands_past_its_time_to_live_until_it_is_deleted() {
    stage(0, |stage| {
        let refusal = stage.ask(&tea("key-1", 1));
        assert_eq!(stage.status(&Wish::stock("restock", "TEA", 5)), 201);
        assert_eq!(stage.shop.expire(), 0);
        stage.wait(14 * 24 * 60 * 60 - 60);
        assert_eq!(stage.shop.expire(), 0, "a fortnight is not over");
        stage.wait(24 * 60 * 60);
        let replay = stage.ask(&tea("key-1", 1));
        assert_eq!((replay.status, replay.body), (409, refusal.body));
        assert_eq!(stage.shop.expire(), 1);
        assert_eq!(stage.status(&tea("key-1", 1)), 201);
    });
}

#[test]
fn a_cancel_whose_answer_was_lost_can_be_repeated_with_the_same_if_match() {
    stage(1, |stage| {
        let id = id(&stage.ask(&tea("key-1", 1)));
        let cancel = Wish::Cancel {
            id,
            if_match: Some(1),
        };
        stage.next([goes_wrong(Accident::LoseAnswer { reset: false })]);
        assert_eq!(stage.ask_within(&cancel, killed_at(3)), None);
        stage.wait(1);
        assert_eq!(stage.tea(), 1);
        let answer = stage.ask(&cancel);
        assert_eq!((answer.status, answer.replayed()), (200, true));
        assert_eq!(stage.tea(), 1);
    });
}

#[test]
fn a_confirmation_whose_answer_was_lost_is_replayed() {
    stage(1, |stage| {
        let id = id(&stage.ask(&tea("key-1", 1)));
        let confirm = |reference: &str| Wish::Confirm {
            id: id.clone(),
            reference: reference.to_owned(),
            if_match: None,
        };
        stage.next([goes_wrong(Accident::LoseAnswer { reset: true })]);
        let confirmed = stage.ask(&confirm("pay-1"));
        assert_eq!(confirmed.status, 200);
        let replay = stage.ask(&confirm("pay-1"));
        assert_eq!((replay.status, replay.replayed()), (200, true));
        assert_eq!(replay.body, confirmed.body);
        let other = stage.ask(&confirm("pay-2"));
        assert_eq!(
            (other.status, other.kind().as_deref()),
            (409, Some("already-confirmed"))
        );
    });
}

#[test]
fn a_confirmation_by_a_handler_that_died_is_replayed_to_the_retry() {
    stage(1, |stage| {
        let id = id(&stage.ask(&tea("key-1", 1)));
        let confirm = |reference: &str| Wish::Confirm {
            id: id.clone(),
            reference: reference.to_owned(),
            if_match: Some(1),
        };
        stage.next([goes_wrong(Accident::LoseAnswer { reset: false })]);
        assert_eq!(stage.ask_within(&confirm("pay-1"), killed_at(3)), None);
        stage.wait(1);
        let replay = stage.ask(&confirm("pay-1"));
        assert_eq!((replay.status, replay.replayed()), (200, true));
        assert_eq!(stage.status(&confirm("pay-2")), 409);
    });
}
