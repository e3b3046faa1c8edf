//! Which requests a product of several shards takes: where its pieces are looked for, and how often.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use database::Response;
use futures::future::join;
use serde_json::{Value, json};
use simulator::functions::Answer;
use simulator::history::Wish;
use simulator::request::{Operation, Request};
use simulator::shop::FULL;

use super::sabotage::*;
use super::shards::{conflict, describe, sent, spread};
use super::stage::*;

/// Asks an environment that knows nothing yet. It tries shard 0 first.
fn ask_cold(stage: &Stage, wish: &Wish) -> Answer {
    let machine = stage.shop.machine(0).unwrap();
    let (shop, wish) = (stage.shop.clone(), wish.clone());
    let asked = async move { shop.ask(&machine, &ann(), &wish, FULL).await };
    stage.shop.run(asked).unwrap().unwrap()
}

/// How many actions each transaction has that was sent since the last look.
fn transactions(stage: &Stage) -> Vec<usize> {
    let mut seen = stage.seen();
    seen.retain(|request| request.operation == Operation::TransactWriteItems);
    seen.iter().map(|request| request.keys.len()).collect()
}

fn operations(stage: &Stage) -> Vec<Operation> {
    stage.seen().iter().map(|it| it.operation).collect()
}

/// How long something takes in the stage's time.
fn time_of(stage: &Stage, act: impl FnOnce()) -> Duration {
    let began = stage.shop.time.elapsed();
    act();
    stage.shop.time.elapsed().saturating_sub(began)
}

#[test]
fn orders_that_find_the_same_shards_do_not_all_choose_the_same() {
    spread(4, 40, |stage| {
        assert_eq!(ask_cold(stage, &tea("all-of-shard-0", 10)).status, 201);
        let mut chosen = BTreeSet::new();
        for key in 0..12 {
            let answer = ask_cold(stage, &tea(&format!("key-{key}"), 1));
            assert_eq!(answer.status, 201);
            let (_, shard) = sent(stage).pop().unwrap();
            chosen.insert(shard);
            let (id, if_match) = (id(&answer), None);
            assert_eq!(stage.status(&Wish::Cancel { id, if_match }), 200);
            stage.seen();
        }
        assert!(!chosen.contains("SKU#TEA"), "{chosen:?}");
        assert!(1 < chosen.len(), "{chosen:?}");
    });
}

#[test]
fn a_line_that_is_gone_from_several_shards_is_refused_once() {
    spread(2, 6, |stage| {
        // It looks at both shards, and takes four from them. Before that arrives, another order has all.
        stage.next([calm(), delayed(1_000)]);
        let first = stage.asking(ann(), tea("key-1", 4), FULL);
        let other = stage.asking(ann(), tea("key-2", 6), FULL);
        let shop = stage.shop.clone();
        let later = async move {
            shop.sleep(Duration::from_millis(500)).await;
            other.await
        };
        let (first, other) = stage.shop.run(join(first, later)).unwrap();
        assert_eq!(other.unwrap().status, 201);
        let first = first.unwrap();
        assert_eq!(first.kind().as_deref(), Some("out-of-stock"));
        let lines = first.member("lines").unwrap();
        assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
        assert_eq!(lines[0]["available"], 0);
    });
}

#[test]
fn a_shard_that_was_short_for_a_refused_order_is_left_alone_for_a_moment() {
    spread(2, 40, |stage| {
        let line = |sku: &str, quantity: i64, unit_price: i64| json!({"sku": sku, "quantity": quantity, "unit_price": unit_price});
        let lines = [line("TEA", 30, 100), line("CUP", 99, 200)];
        let refused = stage.ask(&Wish::Place {
            key: "both".to_owned(),
            body: json!({"currency": "KRW", "lines": lines}).to_string(),
        });
        assert_eq!(refused.kind().as_deref(), Some("out-of-stock"));
        let (_, short) = sent(stage).remove(0);
        for key in 0..10 {
            assert_eq!(stage.status(&tea(&format!("key-{key}"), 1)), 201);
            let (_, shard) = sent(stage).remove(0);
            assert_ne!(shard, short);
        }
    });
}

#[test]
fn stock_is_moved_apart_from_the_order_only_if_a_transaction_cannot_hold_all() {
    // A record, and 64 shards of TEA: there is place for 35 shards of another product.
    for (shards, expected) in [(35, vec![3, 100]), (36, vec![3, 64, 38])] {
        spread(64, 64, |stage| {
            let cups = Wish::Describe {
                sku: "CUPS".to_owned(),
                unit_price: 100,
                sellable: true,
                if_match: None,
                shards: Some(shards),
            };
            assert_eq!(stage.status(&cups), 201);
            let delivery = Wish::stock("cups", "CUPS", i64::from(shards));
            assert_eq!(stage.status(&delivery), 201);
            stage.seen();
            let line = |sku: &str, quantity: u32| json!({"sku": sku, "quantity": quantity, "unit_price": 100});
            let order = Wish::Place {
                key: "all".to_owned(),
                body: json!({"currency": "KRW", "lines": [line("CUPS", shards), line("TEA", 64)]})
                    .to_string(),
            };
            assert_eq!(stage.status(&order), 201);
            assert_eq!(transactions(stage), expected);
        });
    }
}

#[test]
fn a_product_whose_shards_move_all_the_time_is_busy_and_not_sold_out() {
    let version = AtomicU64::new(100);
    let moving = OfAnswers(move |_: &Request, response: &mut Response| {
        let tables = response.body.pointer_mut("/Responses");
        let tables = tables.and_then(Value::as_object_mut).into_iter();
        let items = tables.flat_map(|tables| tables.values_mut());
        for item in items.filter_map(Value::as_array_mut).flatten() {
            let next = version.fetch_add(1, Ordering::Relaxed);
            item["version"] = json!({"N": next.to_string()});
        }
    });
    stage_with(0, Some(Arc::new(moving)), |stage| {
        assert_eq!(stage.status(&describe(100, 2)), 200);
        stage.seen();
        let answer = stage.ask(&tea("key-1", 1));
        assert_eq!(
            (answer.status, answer.kind().as_deref()),
            (503, Some("busy"))
        );
        let reads = operations(stage);
        let reads = reads.iter().filter(|it| **it == Operation::BatchGetItem);
        // One may have been of shard 0 alone.
        assert!((12..=13).contains(&reads.count()));
    });
}

#[test]
fn each_delivery_goes_to_another_shard_first() {
    spread(4, 40, |stage| {
        let mut first = BTreeSet::new();
        for key in 0..8 {
            assert_eq!(
                stage.status(&Wish::stock(&format!("more-{key}"), "TEA", 1)),
                201
            );
            first.insert(sent(stage).remove(0).1);
        }
        assert!(2 < first.len(), "{first:?}");
    });
}

#[test]
fn an_adjustment_with_nothing_to_spread_is_one_write() {
    let transact = Operation::TransactWriteItems;
    stage(5, |stage| {
        stage.seen();
        for (key, delta) in [("more", 3), ("lost", -8)] {
            assert_eq!(stage.status(&Wish::stock(key, "TEA", delta)), 201);
            assert_eq!(operations(stage), [transact], "{key}");
        }
    });
    spread(3, 30, |stage| {
        assert_eq!(stage.status(&Wish::stock("lost", "TEA", -4)), 201);
        assert_eq!(operations(stage), [transact]);
        // One that knows nothing learns of the shards from what failed.
        assert_eq!(ask_cold(stage, &Wish::stock("gone", "TEA", -4)).status, 201);
        assert_eq!(operations(stage), [transact, transact]);
    });
}

#[test]
fn a_loss_of_a_product_without_stock_is_refused() {
    stage(0, |stage| {
        let refused = stage.ask(&Wish::stock("lost", "TEA", -1));
        assert_eq!(refused.kind().as_deref(), Some("stock-would-be-negative"));
        assert_eq!(refused.member("available"), Some(json!(0)));
    });
}

/// It has only one item to go to.
#[test]
fn an_adjustment_that_meets_others_waits_longer_each_time() {
    stage(5, |stage| {
        let took = time_of(stage, || {
            for key in 0..10 {
                stage.next(vec![conflict(); 4]);
                assert_eq!(
                    stage.status(&Wish::stock(&format!("more-{key}"), "TEA", 1)),
                    201
                );
            }
        });
        // A tenth is for requests. An order of several shards waits half of the rest.
        assert!(Duration::from_millis(450) < took, "{took:?}");
    });
}

#[test]
fn a_description_writes_every_shard_once_and_the_first_without_a_pause() {
    spread(2, 0, |stage| {
        let took = time_of(stage, || {
            assert_eq!(stage.status(&describe(300, 2)), 200);
        });
        let mut sent = sent(stage);
        let all = u32::try_from(sent.len()).unwrap();
        assert_eq!(took, Duration::from_millis(2) * all, "{sent:?}");
        sent.retain(|(operation, _)| operation.writes());
        let written: Vec<&str> = sent.iter().map(|(_, shard)| shard.as_str()).collect();
        // It makes the missing shards, describes the product, then its shard, and removes the mark.
        assert_eq!(written, ["SKU#TEA#1", "SKU#TEA", "SKU#TEA#1", "SKU#TEA"]);
    });
}

#[test]
fn a_description_has_ten_seconds_before_the_sweeper_finishes_it() {
    let mut finished = 0;
    for wait in 0..12 {
        spread(4, 8, |stage| {
            if stage
                .ask_within(&describe(300, 6), killed_at(wait))
                .is_some()
            {
                return;
            }
            stage.wait(5);
            assert_eq!(stage.sweep(0)["rolled"], 0, "wait {wait}");
            stage.wait(6);
            finished += stage.sweep(0)["rolled"].as_i64().unwrap();
        });
    }
    assert!(0 < finished);
}

#[test]
fn a_product_is_read_with_each_of_its_other_shards_once() {
    spread(3, 9, |stage| {
        assert_eq!(stage.tea(), 9);
        let mut seen = stage.seen();
        let batch = seen.pop().unwrap();
        assert_eq!(batch.operation, Operation::BatchGetItem);
        let read: BTreeSet<&str> = batch.keys.iter().map(|(pk, _)| pk.as_str()).collect();
        assert_eq!(read, ["SKU#TEA#1", "SKU#TEA#2"].into());
    });
}

/// Only sums of several shards are remembered for a second.
#[test]
fn a_product_of_one_shard_is_shown_as_it_is_now() {
    stage(9, |stage| {
        let mut shop = stage.shop.clone();
        shop.remember_sold_out(1_000);
        let machine = Arc::new(shop.machine(0).unwrap());
        let read = || {
            let (shop, machine) = (shop.clone(), Arc::clone(&machine));
            let sku = "TEA".to_owned();
            let asked = async move {
                shop.ask(&machine, &ann(), &Wish::ReadProduct { sku }, FULL)
                    .await
            };
            let answer = stage.shop.run(asked).unwrap().unwrap();
            answer.member("available").unwrap()
        };
        assert_eq!(read(), 9);
        assert_eq!(stage.status(&tea("key-1", 4)), 201);
        assert_eq!(read(), 5);
    });
}
