//! Sweepers that die, whose clocks differ, or that meet a payment.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join3};
use simulator::fault::Fate;
use simulator::functions::Run;
use simulator::history::Wish;
use simulator::shop::{FULL, FULL_SWEEP};

use super::stage::*;

#[test]
fn two_sweepers_whose_clocks_differ_release_a_hold_once_and_never_after_a_confirmation() {
    stage(4, |stage| {
        let held = id(&stage.ask(&tea("key-1", 1)));
        let paid = id(&stage.ask(&tea("key-2", 3)));
        stage.wait(11 * 60);
        // The clock of `early` is five minutes ahead: by that clock, the holds are over.
        let (early, right) = (
            stage.shop.machine(300_000).unwrap(),
            stage.shop.machine(0).unwrap(),
        );
        let confirm = |id: &str| Wish::Confirm {
            id: id.to_owned(),
            reference: format!("pay-{id}"),
            if_match: None,
        };
        let payment = stage.asking(ann(), confirm(&paid), FULL);
        let (one, two) = (stage.shop.clone(), stage.shop.clone());
        let (_, _, payment) = stage
            .shop
            .run(join3(
                async move { one.sweep(&early, FULL_SWEEP).await },
                async move { two.sweep(&right, FULL_SWEEP).await },
                payment,
            ))
            .unwrap();
        let payment = payment.unwrap();
        assert_eq!(stage.status(&confirm(&held)), 410);
        assert_eq!(
            stage.status(&confirm(&paid)),
            payment.status,
            "the answer stays"
        );
        assert!([200, 410].contains(&payment.status), "{payment}");
        stage.wait(3_600);
        assert_eq!(stage.sweep(0)["expired"], 0);
        assert_eq!(stage.tea(), if payment.status == 200 { 1 } else { 4 });
    });
}

#[test]
fn an_overdue_hold_is_confirmed_whatever_the_machines_clock_says() {
    stage(2, |stage| {
        // A hold of a quarter of an hour, before and after its end, by clocks five minutes apart.
        for (key, minutes) in [("key-1", 11), ("key-2", 16)] {
            let id = id(&stage.ask(&tea(key, 1)));
            stage.wait(minutes * 60);
            let confirm = Wish::Confirm {
                reference: format!("pay-{id}"),
                id,
                if_match: None,
            };
            for ahead in [300_000, 0] {
                let (shop, wish) = (stage.shop.clone(), confirm.clone());
                let machine = shop.machine(ahead).unwrap();
                let asked = async move { shop.ask(&machine, &ann(), &wish, FULL).await };
                let answer = stage.shop.run(asked).unwrap().unwrap();
                assert_eq!(answer.status, 200, "no sweep has released it: {answer}");
            }
        }
        stage.wait(3_600);
        assert_eq!(stage.sweep(0)["expired"], 0);
        assert_eq!(stage.tea(), 0);
    });
}

#[test]
fn of_two_sweepers_on_the_same_order_one_releases_it() {
    stage(2, |stage| {
        stage.ask(&tea("key-1", 2));
        stage.wait(3_600);
        let (one, two) = (stage.shop.clone(), stage.shop.clone());
        let machines = [0, 300_000].map(|ahead| Arc::new(stage.shop.machine(ahead).unwrap()));
        let [first, second] = machines;
        // Both read the order before either writes.
        stage.next([delayed(200), delayed(200)]);
        let both = join(
            async move { one.sweep(&first, FULL_SWEEP).await },
            async move { two.sweep(&second, FULL_SWEEP).await },
        );
        let (first, second) = stage.shop.run(both).unwrap();
        let expired = |swept: Option<Result<serde_json::Value, String>>| {
            swept.unwrap().unwrap()["expired"].as_i64().unwrap()
        };
        assert_eq!(expired(first) + expired(second), 1);
        assert_eq!(stage.tea(), 2);
    });
}

#[test]
fn a_sweeper_killed_at_any_wait_leaves_only_work_for_the_next() {
    for wait in 0..200 {
        let mut ended = false;
        stage(9, |stage| {
            for number in 0..5 {
                stage.ask(&tea(&format!("key-{number}"), 1));
            }
            stage.wait(3_600);
            let killed = Run {
                killed_at_wait: Some(wait),
                ..FULL_SWEEP
            };
            ended = stage.sweep_within(0, killed).is_some();
            stage.wait(60);
            stage.sweep(0);
            assert_eq!(stage.tea(), 9, "killed at wait {wait}");
        });
        if ended {
            assert!(9 < wait, "it waited only {wait} times");
            return;
        }
    }
    panic!("the sweeper never ended");
}

#[test]
fn a_confirmed_order_is_not_released_when_the_index_still_lists_it() {
    stage(1, |stage| {
        let id = id(&stage.ask(&tea("key-1", 1)));
        stage.wait(3_600);
        let lag = Duration::from_mins(10);
        stage.next([Fate { lag, ..calm() }]);
        let confirm = Wish::Confirm {
            id,
            reference: "pay-1".to_owned(),
            if_match: None,
        };
        assert_eq!(
            stage.status(&confirm),
            200,
            "late, but its stock is still held"
        );
        let swept = stage.sweep(0);
        assert_eq!(
            (&swept["expired"], &swept["settled"]),
            (&0.into(), &1.into())
        );
        assert_eq!(stage.tea(), 0);
    });
}

#[test]
fn the_replay_of_an_order_that_has_expired_is_the_first_answer() {
    stage(1, |stage| {
        let placed = stage.ask(&tea("key-1", 1));
        stage.wait(3_600);
        assert_eq!(stage.sweep(0)["expired"], 1);
        let replay = stage.ask(&tea("key-1", 1));
        assert_eq!((replay.status, &replay.body), (201, &placed.body));
        assert_eq!(replay.headers["order-status"], "expired");
        assert_eq!(stage.tea(), 1);
    });
}

#[test]
fn a_sweep_without_enough_time_releases_the_longest_overdue_and_counts_the_rest() {
    const ORDERS: usize = 40;
    stage(100, |stage| {
        let mut orders = Vec::new();
        for number in 0..ORDERS {
            orders.push(id(&stage.ask(&tea(&format!("key-{number}"), 1))));
            stage.wait(1);
        }
        stage.wait(3_600);
        // Eight releases at a time, 250 ms each, in 700 ms.
        stage.next(vec![delayed(250); 200]);
        let short = Run {
            limit: Duration::from_millis(1_200),
            ..FULL_SWEEP
        };
        let swept = stage.sweep_within(0, short).unwrap();
        stage.next_clear();
        // What was under way arrives.
        stage.wait(1);
        let status = |id: &String| {
            let read = stage.ask(&Wish::ReadOrder { id: id.clone() });
            read.member("status").unwrap().as_str().unwrap().to_owned()
        };
        let statuses: Vec<_> = orders.iter().map(status).collect();
        let expired = statuses.iter().filter(|it| *it == "expired").count();
        assert!((8..ORDERS).contains(&expired), "{swept}");
        // A release that met another one comes a little later than the next seven.
        let kept_waiting = statuses.iter().position(|it| it == "pending");
        let kept_waiting = kept_waiting.expect("a sweep that does not end in time");
        assert!(expired <= kept_waiting + 7, "{statuses:?}");
        // The releases under way at the end may have happened, and count as left.
        let told = usize::try_from(swept["expired"].as_u64().unwrap()).unwrap();
        assert!((expired - 8..=expired).contains(&told), "{swept}");
        assert_eq!(swept["left"], ORDERS - told, "{swept}");
        let overdue = swept["oldest_overdue_seconds"].as_i64().unwrap();
        assert!((2_700..2_800).contains(&overdue), "{swept}");
        assert_eq!(stage.sweep(0)["expired"], ORDERS - expired);
        assert_eq!(stage.tea(), 100);
    });
}

#[test]
fn a_backlog_of_more_than_a_page_is_counted_and_released_oldest_first() {
    stage(1_000, |stage| {
        for number in 0..250 {
            stage.ask(&tea(&format!("key-{number}"), 1));
        }
        stage.wait(3_600);
        let swept = stage.sweep(0);
        assert_eq!(
            (&swept["expired"], &swept["left"]),
            (&250.into(), &0.into())
        );
        assert_eq!(stage.tea(), 1_000);
    });
}
