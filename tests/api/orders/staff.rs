//! What staff need: lists by day, customer and status, and cancels of any order.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::shop;
use crate::support::harness::{Answer, CUSTOMER, STAFF, Shop, line, order_of};

/// The staff who read and cancel any order, and nothing else.
const SUPPORT: &str = "orders:read orders:read:any orders:cancel:any";

async fn list(shop: &Shop, query: &str) -> Answer {
    let request = shop.get(&format!("/orders{query}"));
    request.by("support", SUPPORT).send().await
}

fn ids(page: &Value) -> Vec<String> {
    let orders = page["orders"].as_array().unwrap().iter();
    let id = |order: &Value| order["id"].as_str().unwrap().to_owned();
    orders.map(id).collect()
}

/// The ids of all pages, and how many pages there were.
async fn pages(shop: &Shop, query: &str) -> (Vec<String>, usize) {
    let mut all = Vec::new();
    let mut number = 1;
    let mut page = list(shop, query).await.assert(200).json();
    loop {
        all.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else {
            return (all, number);
        };
        page = list(shop, &format!("{query}&cursor={cursor}"))
            .await
            .assert(200)
            .json();
        number += 1;
    }
}

/// The day of an order, in UTC.
fn day_of(order: &Value) -> String {
    let (day, _) = order["created_at"]
        .as_str()
        .unwrap()
        .split_once('T')
        .unwrap();
    day.to_owned()
}

/// Puts the shop's clock forward to the first second of the next day.
fn pass_midnight(shop: &Shop, order: &Value) {
    let placed: Timestamp = order["created_at"].as_str().unwrap().parse().unwrap();
    let day = 24 * 60 * 60;
    shop.pass_seconds(day - placed.as_second() % day + 1);
}

#[tokio::test]
async fn staff_list_the_orders_of_a_day_newest_first_over_all_customers() {
    shop(async |shop| {
        shop.stock("TEA-01", 100).await;
        let yesterday = shop.place("early", "TEA-01", 1).await.json();
        pass_midnight(shop, &yesterday);
        let mut placed = Vec::new();
        for n in 0..30 {
            shop.pass_seconds(1);
            let sub = if n % 3 == 0 { "eve" } else { "demo" };
            let order = order_of(&[line("TEA-01", 1)]);
            let answer = shop.place_as(sub, &format!("key-{n}"), &order).await;
            placed.insert(0, answer.assert(201).order_id());
        }
        let today = shop.read("demo", &placed[1]).await.json();
        let day = day_of(&today);
        let page = list(shop, &format!("?day={day}&limit=100")).await.json();
        assert_eq!(ids(&page), placed);
        assert_eq!(page["next_cursor"], Value::Null);
        assert!(page["orders"].as_array().unwrap().contains(&today));
        let (paged, count) = pages(shop, &format!("?day={day}&limit=7")).await;
        assert_eq!((paged, count), (placed, 5));
        let before = list(shop, &format!("?day={}", day_of(&yesterday))).await;
        assert_eq!(ids(&before.json()), [yesterday["id"].as_str().unwrap()]);
        assert_eq!(ids(&list(shop, "?day=2020-02-29").await.json()).len(), 0);
    })
    .await;
}

#[tokio::test]
async fn pages_of_a_day_neither_repeat_nor_skip_an_order_while_others_arrive() {
    shop(async |shop| {
        shop.stock("TEA-01", 100).await;
        let first = shop.place("first", "TEA-01", 1).await.json();
        // Not near midnight.
        pass_midnight(shop, &first);
        let mut expected = BTreeSet::new();
        let mut day = String::new();
        for n in 0..20 {
            // Several orders share a millisecond.
            shop.pass_seconds(i64::from(n % 5 == 0));
            let order = shop.place(&format!("key-{n}"), "TEA-01", 1).await.json();
            day = day_of(&order);
            expected.insert(order["id"].as_str().unwrap().to_owned());
        }
        let query = format!("?day={day}&limit=3");
        let mut seen = Vec::new();
        let mut page = list(shop, &query).await.json();
        loop {
            seen.extend(ids(&page));
            shop.pass_seconds(1);
            let late = format!("late-{}", seen.len());
            shop.place(&late, "TEA-01", 1).await.assert(201);
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            page = list(shop, &format!("{query}&cursor={cursor}")).await.json();
        }
        assert_eq!(
            seen.len(),
            expected.len(),
            "no order twice, and none too late"
        );
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_list_of_one_status_may_have_short_pages_and_misses_nothing() {
    shop(async |shop| {
        shop.stock("TEA-01", 200).await;
        let first = shop.place("first", "TEA-01", 1).await.json();
        pass_midnight(shop, &first);
        let mut confirmed = Vec::new();
        let mut day = String::new();
        for n in 0..120 {
            let answer = shop.place(&format!("key-{n}"), "TEA-01", 1).await;
            day = day_of(&answer.json());
            if n % 40 == 0 {
                let id = answer.order_id();
                shop.confirm(&id, &format!("pay-{n}")).await.assert(200);
                confirmed.push(id);
            }
        }
        confirmed.sort();
        for filter in [format!("day={day}"), "customer=local%23demo".to_owned()] {
            let query = format!("?{filter}&status=confirmed&limit=2");
            let (mut found, count) = pages(shop, &query).await;
            found.sort();
            assert_eq!(found, confirmed, "{query}");
            assert!((2..=3).contains(&count), "{count} pages of {query}");
            let none = list(shop, &format!("?{filter}&status=fulfilled")).await;
            assert_eq!(ids(&none.assert(200).json()).len(), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn staff_list_the_orders_of_a_customer() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let own = shop.place("key-1", "TEA-01", 1).await.order_id();
        let order = order_of(&[line("TEA-01", 1)]);
        shop.place_as("eve", "key-1", &order).await.assert(201);
        let page = list(shop, "?customer=local%23demo").await.json();
        assert_eq!(ids(&page), [own]);
        let nobody = list(shop, "?customer=local%23nobody").await.json();
        assert_eq!(ids(&nobody).len(), 0);
    })
    .await;
}

#[tokio::test]
async fn only_staff_may_list_the_orders_of_others() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let order = shop.place("key-1", "TEA-01", 1).await.json();
        for query in [
            format!("?day={}", day_of(&order)),
            "?customer=local%23demo".to_owned(),
        ] {
            let request = shop.get(&format!("/orders{query}"));
            let answer = request.by("demo", CUSTOMER).send().await;
            answer.assert_problem(403, "scope-missing");
        }
    })
    .await;
}

#[tokio::test]
async fn a_query_that_makes_no_sense_or_has_a_foreign_cursor_is_refused() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let first = shop.place("first", "TEA-01", 1).await.json();
        pass_midnight(shop, &first);
        let mut day = String::new();
        for n in 0..3 {
            let order = shop.place(&format!("key-{n}"), "TEA-01", 1).await.json();
            day = day_of(&order);
        }
        let cursor = async |query: &str| {
            let page = list(shop, query).await.json();
            page["next_cursor"].as_str().unwrap().to_owned()
        };
        let of_day = cursor(&format!("?day={day}&limit=1")).await;
        let of_customer = cursor("?customer=local%23demo&limit=1").await;
        for bad in [
            "?status=pending".to_owned(),
            format!("?day={day}&status=rejected"),
            format!("?day={day}&customer=local%23demo"),
            "?day=2026-11-31".to_owned(),
            "?day=today".to_owned(),
            "?day=".to_owned(),
            "?customer=demo".to_owned(),
            "?customer=".to_owned(),
            format!("?customer=local%23{}", "x".repeat(2_000)),
            format!("?day={day}&cursor={of_customer}"),
            format!("?day=2020-01-01&cursor={of_day}"),
            format!("?customer=local%23demo&cursor={of_day}"),
            format!("?customer=local%23eve&cursor={of_customer}"),
            format!("?cursor={of_day}"),
            format!("?day={day}&cursor={}", "A".repeat(3_000)),
        ] {
            let answer = list(shop, &bad).await;
            answer.assert_problem(400, "invalid-request");
        }
    })
    .await;
}

#[tokio::test]
async fn staff_cancel_any_order_with_a_scope_of_their_own() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.place("key-1", "TEA-01", 2).await.order_id();
        let path = format!("/orders/{id}/cancel");
        let eve = shop.post(&path).by("eve", CUSTOMER).send().await;
        eve.assert_problem(404, "not-found");
        let reader = shop.post(&path).by("reader", "orders:read orders:read:any");
        reader.send().await.assert(403);
        let cancelled = shop.post(&path).by("support", SUPPORT).send().await;
        assert_eq!(cancelled.assert(200).json()["status"], "cancelled");
        assert_eq!(shop.available("TEA-01").await, 10);
        let again = shop.post(&path).by("staff", STAFF).send().await;
        assert!(again.assert(200).is_replay());
    })
    .await;
}
