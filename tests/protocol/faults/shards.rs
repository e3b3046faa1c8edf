//! A product of several shards, while requests meet each other, get lost, or are seen half; and the
//! mistakes with shards that the random worlds must notice.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use simulator::fault::Accident;
use simulator::functions::Answer;
use simulator::history::Wish;
use simulator::request::{Operation, Request};
use simulator::shop::{FULL, Shop};

use super::sabotage::*;
use super::stage::*;

pub(super) fn describe(unit_price: i64, shards: u32) -> Wish {
    Wish::Describe {
        sku: "TEA".to_owned(),
        unit_price,
        sellable: true,
        if_match: None,
        shards: Some(shards),
    }
}

/// A stage whose TEA has so many shards and pieces.
pub(super) fn spread(shards: u32, pieces: i64, test: impl FnOnce(&Stage)) {
    stage(0, |stage| {
        assert_eq!(stage.status(&describe(100, shards)), 200);
        if 0 < pieces {
            assert_eq!(stage.status(&Wish::stock("opening", "TEA", pieces)), 201);
        }
        stage.seen();
        test(stage);
    });
}

/// The operations that were sent, and the partition that each names last.
pub(super) fn sent(stage: &Stage) -> Vec<(Operation, String)> {
    let last = |request: Request| {
        let (pk, _) = request.keys.last().cloned().unwrap_or_default();
        (request.operation, pk)
    };
    stage.seen().into_iter().map(last).collect()
}

/// Another write holds the stock of the first line.
pub(super) fn conflict() -> simulator::fault::Fate {
    goes_wrong(Accident::Conflict(vec![1]))
}

#[test]
fn an_order_that_meets_another_learns_of_the_shards_and_goes_elsewhere() {
    // The machine knows nothing: the opening was at another one.
    spread(3, 9, |stage| {
        let mut stage_of_cold = stage.shop.clone();
        stage_of_cold.remember_sold_out(0);
        let cold = std::sync::Arc::new(stage_of_cold.machine(0).unwrap());
        stage.next([conflict()]);
        let (shop, wish) = (stage.shop.clone(), tea("key-1", 1));
        let asked = async move { shop.ask(&cold, &ann(), &wish, FULL).await };
        assert_eq!(stage.shop.run(asked).unwrap().unwrap().status, 201);
        let sent = sent(stage);
        assert_eq!(sent.len(), 3, "{sent:?}");
        assert_eq!(
            sent[0],
            (Operation::TransactWriteItems, "SKU#TEA".to_owned())
        );
        assert_eq!(sent[1], (Operation::BatchGetItem, "SKU#TEA".to_owned()));
        assert_eq!(sent[2].0, Operation::TransactWriteItems);
        assert_ne!(sent[2].1, "SKU#TEA", "it is tried at another shard");
    });
}

#[test]
fn an_order_that_meets_others_again_and_again_takes_another_shard_each_time() {
    spread(5, 50, |stage| {
        let cold = std::sync::Arc::new(stage.shop.machine(0).unwrap());
        stage.next(vec![conflict(); 5]);
        let (shop, wish) = (stage.shop.clone(), tea("key-1", 1));
        let asked = async move { shop.ask(&cold, &ann(), &wish, FULL).await };
        assert_eq!(stage.shop.run(asked).unwrap().unwrap().status, 201);
        let mut sent = sent(stage);
        sent.retain(|(operation, _)| *operation == Operation::TransactWriteItems);
        let shards: Vec<&str> = sent.iter().map(|(_, shard)| shard.as_str()).collect();
        assert_eq!((shards.len(), shards[0]), (6, "SKU#TEA"));
        assert!(shards.windows(2).all(|two| two[0] != two[1]), "{shards:?}");
    });
}

#[test]
fn a_product_of_one_shard_is_asked_about_its_shards_once_and_stays_where_it_is() {
    stage(9, |stage| {
        stage.seen();
        for key in ["key-1", "key-2"] {
            stage.next([conflict()]);
            assert_eq!(stage.status(&tea(key, 1)), 201);
        }
        let operations: Vec<Operation> = sent(stage).into_iter().map(|(it, _)| it).collect();
        let transact = Operation::TransactWriteItems;
        let read = Operation::BatchGetItem;
        assert_eq!(operations, [transact, read, transact, transact, transact]);
    });
}

#[test]
fn an_order_that_can_not_look_at_the_shards_for_lack_of_capacity_is_busy() {
    spread(3, 9, |stage| {
        // No shard has four, so the order has to look at all of them.
        let four = tea("key-1", 4);
        stage.shop.direct(|request| {
            let throttled = request.operation == Operation::BatchGetItem && 1 < request.keys.len();
            if throttled {
                goes_wrong(Accident::Throttle((0..request.keys.len()).collect()))
            } else {
                calm()
            }
        });
        let answer = stage.ask(&four);
        assert_eq!(
            (answer.status, answer.kind().as_deref()),
            (503, Some("busy"))
        );
        stage.shop.calm();
        assert_eq!(stage.status(&four), 201);
        assert_eq!((stage.orders(), stage.tea()), (1, 5));
    });
}

#[test]
fn an_environment_that_knows_of_fewer_shards_spreads_a_delivery_over_all() {
    spread(2, 2, |stage| {
        // It meets another order, and so learns of two shards.
        stage.next([conflict()]);
        assert_eq!(stage.status(&tea("key-1", 1)), 201);
        let other = std::sync::Arc::new(stage.shop.machine(0).unwrap());
        let shop = stage.shop.clone();
        let grown = async move { shop.ask(&other, &ann(), &describe(100, 4), FULL).await };
        assert_eq!(stage.shop.run(grown).unwrap().unwrap().status, 200);
        stage.seen();
        assert_eq!(stage.status(&Wish::stock("more", "TEA", 7)), 201);
        let moves = stage.seen().into_iter().flat_map(|request| {
            let moves = request.operation == Operation::TransactWriteItems;
            request.keys.into_iter().filter(move |_| moves)
        });
        let moved: std::collections::BTreeSet<String> = moves.map(|(pk, _)| pk).collect();
        let all = ["SKU#TEA", "SKU#TEA#1", "SKU#TEA#2", "SKU#TEA#3"];
        assert_eq!(moved, all.map(str::to_owned).into());
        assert_eq!(stage.status(&tea("key-2", 8)), 201);
        assert_eq!(stage.tea(), 0);
    });
}

#[test]
fn the_last_pieces_are_sold_whoever_meets_whom() {
    spread(4, 11, |stage| {
        let orders = (0..16).map(|key| stage.asking(ann(), tea(&format!("key-{key}"), 1), FULL));
        let answers = stage
            .shop
            .run(join_all(orders.collect::<Vec<_>>()))
            .unwrap();
        let status = |answer: &Option<Answer>| answer.as_ref().unwrap().status;
        let placed = answers
            .iter()
            .filter(|answer| status(answer) == 201)
            .count();
        let refused = answers
            .iter()
            .filter(|answer| status(answer) == 409)
            .count();
        // Some may be busy, but nobody is refused while there is a piece.
        assert!(
            placed <= 11 && refused <= 5,
            "{placed} placed, {refused} refused"
        );
        for key in 0..16 {
            let status = stage.status(&tea(&format!("key-{key}"), 1));
            assert!(status == 201 || status == 409, "{status}");
        }
        assert_eq!((stage.orders(), stage.tea()), (11, 0));
    });
}

#[test]
fn a_description_that_dies_half_way_is_finished_by_its_repeat_or_by_the_sweeper() {
    for wait in 0..12 {
        for swept in [false, true] {
            spread(4, 8, |stage| {
                let answer = stage.ask_within(&describe(300, 6), killed_at(wait));
                if answer.is_none() && swept {
                    stage.wait(120);
                    stage.sweep(0);
                } else {
                    assert_eq!(stage.status(&describe(300, 6)), 200);
                }
                // If it was stored, it is everywhere: no shard sells at the old price.
                let read = stage.ask(&Wish::ReadProduct {
                    sku: "TEA".to_owned(),
                });
                let price = read.member("unit_price").unwrap().as_i64().unwrap();
                for key in 0..8 {
                    let status = stage.status(&tea(&format!("key-{key}"), 1));
                    assert_eq!(status, if price == 300 { 409 } else { 201 }, "wait {wait}");
                }
            });
        }
    }
}

#[test]
fn a_description_that_cannot_reach_a_shard_in_time_says_so() {
    spread(3, 0, |stage| {
        // The shards are there, and shard 0 gets the description.
        stage.next([calm(), calm(), calm()]);
        stage.next(vec![conflict(); 400]);
        let answer = stage.ask(&describe(300, 3));
        assert_eq!(
            (answer.status, answer.kind().as_deref()),
            (503, Some("product-rolling"))
        );
        assert!(answer.headers.contains_key("retry-after"));
        stage.next_clear();
        let again = stage.ask(&describe(300, 3));
        assert_eq!(
            (again.status, again.headers["etag"].as_str()),
            (200, "\"3\"")
        );
    });
}

/// Asks one machine, and returns the status and how many requests that took.
fn cost(
    shop: &Shop,
    machine: &std::sync::Arc<simulator::functions::Machine>,
    wish: Wish,
) -> (u16, usize) {
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&count);
    shop.direct(move |_| {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        calm()
    });
    let (asking, machine) = (shop.clone(), std::sync::Arc::clone(machine));
    let asked = async move { asking.ask(&machine, &ann(), &wish, FULL).await };
    let status = shop.run(asked).unwrap().unwrap().status;
    (status, count.load(std::sync::atomic::Ordering::Relaxed))
}

#[test]
fn a_product_that_was_proved_sold_out_is_refused_for_a_second_by_one_write() {
    let mut shop = Shop::open(3, false, None).unwrap();
    shop.remember_sold_out(1_000);
    let machine = std::sync::Arc::new(shop.machine(0).unwrap());
    let ask = |wish: Wish| cost(&shop, &machine, wish);
    let wait = |milliseconds| {
        let waiting = shop.clone();
        let sleep = async move { waiting.sleep(Duration::from_millis(milliseconds)).await };
        shop.run(sleep).unwrap();
    };
    assert_eq!(ask(describe(100, 2)).0, 201);
    assert_eq!(ask(Wish::stock("opening", "TEA", 2)).0, 201);
    assert_eq!(ask(tea("key-1", 2)).0, 201);
    let (status, requests) = ask(tea("key-2", 1));
    assert!(
        status == 409 && requests == 4,
        "a try, two reads, a record: {requests}"
    );
    assert_eq!(ask(tea("key-3", 1)), (409, 1));
    // What was decided before is answered as ever.
    assert_eq!(ask(tea("key-1", 2)), (201, 1));
    // Other terms are not what was proved.
    assert!(1 < ask(Wish::order("key-4", "TEA", 1, 200)).1);
    // The only staleness: a refusal may follow a restock by this second.
    assert_eq!(ask(Wish::stock("more", "TEA", 4)).0, 201);
    assert_eq!(ask(tea("key-5", 1)), (409, 1));
    wait(1_000);
    assert_eq!(ask(tea("key-6", 1)).0, 201);
    shop.time.end();
}

/// Changes the update of every write.
fn change_updates(part: &'static str, instead: &'static str) -> impl simulator::Sabotage {
    change_writes(move |write: &mut Value| {
        if let Some(update) = write["UpdateExpression"].as_str() {
            write["UpdateExpression"] = update.replace(part, instead).into();
        }
    })
}

#[test]
fn stock_that_moves_without_being_counted_is_caught() {
    let part = "levelled = if_not_exists(levelled, :zero) - :x";
    let instead = "levelled = if_not_exists(levelled, :zero) - :zero";
    assert_caught(change_updates(part, instead), "is not received + levelled");
}

#[test]
fn a_shard_that_gives_more_than_it_has_is_caught() {
    let instead = "(available >= :x OR available < :x)";
    assert_caught(forget("available >= :x", instead), "is negative");
}

#[test]
fn a_shard_that_goes_back_to_older_terms_is_caught() {
    let instead = "(details_version < :new OR details_version >= :new)";
    assert_caught(forget("details_version < :new", instead), "older terms");
}

#[test]
fn slow_a_description_that_is_answered_before_all_shards_follow_is_caught() {
    // The last shard answers that it is done, and is not.
    let skipped = OfRequests(|request: &mut Request| {
        let follows = request.body["ConditionExpression"] == "details_version < :new";
        let last = request
            .keys
            .first()
            .is_some_and(|(pk, _)| pk.ends_with("#1"));
        (follows && last).then(|| database::Response::ok(json!({})))
    });
    assert_caught(skipped, "under older terms");
}

#[test]
fn a_refusal_while_another_shard_has_stock_is_caught() {
    // Every read of several shards shows them empty, twice alike.
    let empty = OfAnswers(|request: &Request, response: &mut database::Response| {
        let several = request.operation == Operation::BatchGetItem
            && request.keys.len() > 1
            && request.keys.iter().all(|(_, sk)| sk.starts_with("STOCK#"));
        if !several {
            return;
        }
        let Some(tables) = response
            .body
            .pointer_mut("/Responses")
            .and_then(Value::as_object_mut)
        else {
            return;
        };
        for item in tables
            .values_mut()
            .filter_map(Value::as_array_mut)
            .flatten()
        {
            item["available"] = json!({"N": "0"});
            item["received"] = item["taken"].clone();
            item["shipped"] = json!({"N": "0"});
        }
    });
    assert_caught(empty, "always enough");
}
