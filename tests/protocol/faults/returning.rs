//! Fulfilments and returns meet each other, or what earlier requests left behind.

use std::time::Duration;

use futures::future::join;
use simulator::fault::Accident;
use simulator::history::Wish;
use simulator::shop::FULL;

use super::stage::*;

/// The status and the kind of problem of the answer.
fn said(stage: &Stage, wish: &Wish) -> (u16, String) {
    let answer = stage.ask(wish);
    (answer.status, answer.kind().unwrap_or_default())
}

#[test]
fn a_fulfilment_whose_answer_was_lost_is_replayed() {
    stage(3, |stage| {
        let id = stage.paid(2);
        stage.next([goes_wrong(Accident::LoseAnswer { reset: false })]);
        let ship = fulfil(&id, "parcel 7");
        assert_eq!(stage.ask_within(&ship, killed_at(3)), None);
        stage.wait(1);
        let replay = stage.ask(&ship);
        assert_eq!((replay.status, replay.replayed()), (200, true));
        assert_eq!(replay.headers["order-status"], "fulfilled");
        let other = fulfil(&id, "parcel 8");
        assert_eq!(said(stage, &other), (409, "already-fulfilled".to_owned()));
        assert_eq!(stage.tea(), 1);
    });
}

#[test]
fn a_payment_that_was_taken_is_known_after_the_order_is_fulfilled_or_cancelled() {
    stage(9, |stage| {
        let shipped = stage.shipped(2);
        let id = id(&stage.ask(&tea("key-2", 1)));
        assert_eq!(stage.status(&confirm(&id, "pay-2")), 200);
        let cancel = Wish::Cancel {
            id: id.clone(),
            if_match: None,
        };
        assert_eq!(stage.status(&cancel), 200);
        for (id, reference, now) in [
            (&shipped, "pay-1", "fulfilled"),
            (&id, "pay-2", "cancelled"),
        ] {
            let replay = stage.ask(&confirm(id, reference));
            assert_eq!((replay.status, replay.replayed()), (200, true));
            assert_eq!(replay.headers["order-status"], now);
            let other = said(stage, &confirm(id, "pay-3"));
            assert_eq!(other, (409, "already-confirmed".to_owned()));
        }
    });
}

#[test]
fn a_return_that_was_refused_stays_refused_when_its_first_copy_arrives() {
    stage(5, |stage| {
        let id = stage.shipped(3);
        let first = tea_back(&id, "first", 2, true);
        stage.next([delayed(20_000)]);
        assert_eq!(stage.ask_within(&first, killed_at(1)), None);
        assert_eq!(stage.status(&tea_back(&id, "other", 2, true)), 201);
        let refusal = stage.ask(&first);
        assert_eq!(refusal.kind().as_deref(), Some("exceeds-shipped"));
        stage.wait(30);
        let replay = stage.ask(&first);
        assert_eq!((replay.status, replay.body), (409, refusal.body));
        assert_eq!(stage.tea(), 4);
    });
}

#[test]
fn a_return_before_the_fulfilment_is_refused_for_ever() {
    stage(5, |stage| {
        let id = stage.paid(3);
        let early = tea_back(&id, "early", 1, true);
        let refusal = stage.ask(&early);
        assert_eq!(refusal.kind().as_deref(), Some("order-not-fulfilled"));
        assert_eq!(stage.status(&fulfil(&id, "parcel 7")), 200);
        let replay = stage.ask(&early);
        assert_eq!((replay.status, replay.body), (409, refusal.body));
        assert_eq!(stage.status(&tea_back(&id, "late", 1, true)), 201);
        assert_eq!(stage.tea(), 3);
    });
}

#[test]
fn of_two_returns_that_read_the_same_order_the_second_judges_it_again() {
    for (second, status, tea) in [(1, 201, 3), (2, 409, 2)] {
        stage(3, |stage| {
            let id = stage.shipped(3);
            // Both read the order before either writes.
            stage.next([delayed(200), delayed(400)]);
            let one = stage.asking(ann(), tea_back(&id, "one", 2, true), FULL);
            let two = stage.asking(ann(), tea_back(&id, "two", second, true), FULL);
            let shop = stage.shop.clone();
            let later = async move {
                shop.sleep(Duration::from_millis(50)).await;
                two.await
            };
            let (one, two) = stage.shop.run(join(one, later)).unwrap();
            assert_eq!(one.unwrap().status, 201);
            assert_eq!(two.unwrap().status, status);
            assert_eq!(stage.tea(), tea);
        });
    }
}

#[test]
fn a_late_duplicate_of_a_return_takes_nothing_back_again() {
    stage(9, |stage| {
        let id = stage.shipped(6);
        // Beyond the ten minutes for which the database remembers the token.
        stage.next([arrives_again(20 * 60)]);
        let back = tea_back(&id, "back", 2, true);
        let first = stage.ask(&back);
        stage.wait(30 * 60);
        let replay = stage.ask(&back);
        assert_eq!((replay.status, replay.body), (201, first.body));
        assert_eq!(stage.tea(), 5);
    });
}

#[test]
fn an_order_has_at_most_twenty_returns() {
    stage(30, |stage| {
        let id = stage.shipped(30);
        for number in 0..20 {
            let back = tea_back(&id, &format!("back-{number}"), 1, number % 2 == 0);
            assert_eq!(stage.status(&back), 201);
        }
        let more = tea_back(&id, "one-more", 1, true);
        assert_eq!(said(stage, &more), (409, "too-many-returns".to_owned()));
        assert_eq!(stage.tea(), 10);
    });
}
