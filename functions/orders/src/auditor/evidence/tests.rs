//! Items that fit together, and items that do not.

use once::text;

use super::*;
use crate::goods::Goods;
use crate::ledger::Entry;
use crate::order::tests::{NOW, order};
use crate::order::{Allocation, OrderLine};
use crate::record::item_of;
use crate::status::Status;

const SKU: &str = "TEA-01";

/// The stock of [`SKU`]: available, taken, shipped and received.
fn stock(numbers: [i64; 4]) -> Item {
    let [available, taken, shipped, received] = numbers;
    let product = Product {
        pk: format!("SKU#{SKU}"),
        name: "Tea".to_owned(),
        unit_price: 1,
        currency: "KRW".parse().unwrap(),
        sellable: true,
        quantity_max: None,
        details_version: 1,
        available,
        taken,
        shipped,
        received,
        version: 9,
        shards: 1,
        expiry_shard: None,
        created_at: NOW,
    };
    let mut item = item_of(&product).unwrap();
    item.insert("sk".to_owned(), text("STOCK#0"));
    item
}

/// An order of so many of [`SKU`], of which this many came back.
fn order_of(status: Status, quantity: i64, back: i64) -> Order {
    let line = OrderLine {
        sku: SKU.parse().unwrap(),
        quantity,
        unit_price: 1,
        allocations: vec![Allocation { shard: 0, quantity }],
    };
    Order {
        status,
        lines: vec![line],
        returned: if back == 0 {
            Vec::new()
        } else {
            vec![goods(back)]
        },
        ..order()
    }
}

fn goods(quantity: i64) -> Goods {
    Goods {
        sku: SKU.parse().unwrap(),
        quantity,
    }
}

fn adjusted(name: &str, delta: i64) -> Item {
    item_of(&Entry {
        pk: format!("SKU#{SKU}"),
        sk: format!("ADJ#{name}"),
        delta,
        reason: "x".parse().unwrap(),
        by: "staff".to_owned(),
        at: NOW,
        answer_version: 1,
        fingerprint: String::new(),
        fingerprint_version: 1,
    })
    .unwrap()
}

/// A return of the order of [`order_of`].
fn returned(quantity: i64, restock: bool) -> Item {
    item_of(&Return {
        pk: order().pk,
        sk: "RET#1".to_owned(),
        lines: vec![goods(quantity)],
        restock,
        by: "staff".to_owned(),
        at: NOW,
        answer_version: 1,
        fingerprint: String::new(),
        fingerprint_version: 1,
    })
    .unwrap()
}

fn paid(reference: &str, order_id: &str) -> Item {
    Item::from([
        (
            "pk".to_owned(),
            text(format!("PAY#{}", value_digest(reference))),
        ),
        ("sk".to_owned(), text("PAYMENT")),
        ("order_id".to_owned(), text(order_id)),
    ])
}

fn evidence(items: impl IntoIterator<Item = Item>) -> Evidence {
    let mut evidence = Evidence::default();
    for item in items {
        evidence.add(item);
    }
    evidence
}

/// What is wrong: the subject, the kind, what was expected, and what was found.
fn wrong(items: impl IntoIterator<Item = Item>) -> Vec<(Subject, Kind, i64, i64)> {
    let evidence = evidence(items);
    assert_eq!(evidence.unreadable, [""; 0]);
    let wrong = evidence.wrong().into_iter();
    wrong
        .flat_map(|(subject, found)| {
            let findings = found.findings.into_iter();
            findings.map(move |it| (subject.clone(), it.kind, it.expected, it.found))
        })
        .collect()
}

fn tea() -> Subject {
    Subject::Product(SKU.to_owned())
}

fn ours() -> Subject {
    Subject::Order(order().id().to_owned())
}

/// Items that fit together: 20 came in and 3 were written off; 4 are held, and 5 of 9 sent are not back.
fn sound() -> Vec<Item> {
    let held = Order {
        pk: "ORD#held".to_owned(),
        ..order_of(Status::Pending, 4, 0)
    };
    vec![
        stock([8, 4, 5, 17]),
        item_of(&held).unwrap(),
        item_of(&Order {
            payment_reference: Some("pay_1".to_owned()),
            ..order_of(Status::Fulfilled, 9, 4)
        })
        .unwrap(),
        adjusted("a", 25),
        adjusted("b", -5),
        returned(3, false),
        // The rest of what came back is on sale again.
        {
            let mut item = returned(1, true);
            item.insert("sk".to_owned(), text("RET#2"));
            item
        },
        paid("pay_1", order().id()),
    ]
}

#[test]
fn items_that_fit_together_are_counted_and_accuse_nobody() {
    assert_eq!(wrong(sound()), []);
    let evidence = evidence(sound());
    assert_eq!(
        (evidence.items, evidence.orders, evidence.products()),
        (8, 2, 1)
    );
    assert_eq!(evidence.unreadable_count, 0);
    assert_eq!(Evidence::default().products(), 0);
}

/// Replaces the item at this place in the sound items, or leaves it out.
#[track_caller]
fn check(place: usize, item: Option<Item>, expected: &[(Subject, Kind, i64, i64)]) {
    let mut items = sound();
    items.remove(place);
    items.extend(item);
    assert_eq!(wrong(items), expected);
}

#[test]
fn each_number_of_the_stock_is_compared_with_the_records() {
    check(
        0,
        Some(stock([9, 4, 5, 17])),
        &[(tea(), Kind::StockDoesNotAddUp, 17, 18)],
    );
    check(
        0,
        Some(stock([7, 5, 5, 17])),
        &[(tea(), Kind::TakenDiffers, 4, 5)],
    );
    check(
        0,
        Some(stock([7, 4, 6, 17])),
        &[(tea(), Kind::ShippedDiffers, 5, 6)],
    );
    check(
        0,
        Some(stock([9, 4, 5, 18])),
        &[(tea(), Kind::ReceivedDiffers, 17, 18)],
    );
    check(
        0,
        Some(stock([14, -2, 5, 17])),
        &[
            (tea(), Kind::StockIsNegative, 0, -2),
            (tea(), Kind::TakenDiffers, 4, -2),
        ],
    );
}

#[test]
fn a_lost_record_is_found_by_what_it_had_to_agree_with() {
    check(0, None, &[(tea(), Kind::ProductIsMissing, 1, 0)]);
    check(1, None, &[(tea(), Kind::TakenDiffers, 0, 4)]);
    check(4, None, &[(tea(), Kind::ReceivedDiffers, 22, 17)]);
    check(
        5,
        None,
        &[
            (tea(), Kind::ReceivedDiffers, 20, 17),
            (ours(), Kind::ReturnWithoutRecord, 0, 3),
        ],
    );
    check(7, None, &[(ours(), Kind::OrderWithoutPayment, 0, 1)]);
    let elsewhere = Subject::Order("ord_2".to_owned());
    let mut moved = sound();
    moved[7] = paid("pay_1", "ord_2");
    let moved = wrong(moved);
    assert_eq!(moved.len(), 2);
    assert!(
        moved.contains(&(ours(), Kind::OrderWithoutPayment, 0, 1)),
        "{moved:?}"
    );
    assert!(
        moved.contains(&(elsewhere, Kind::PaymentWithoutOrder, 0, 1)),
        "{moved:?}"
    );
    check(
        2,
        None,
        &[
            (tea(), Kind::ShippedDiffers, 0, 5),
            (ours(), Kind::PaymentWithoutOrder, 0, 1),
            (ours(), Kind::ReturnWithoutOrder, 0, 4),
        ],
    );
}

#[test]
fn adjustments_as_large_as_the_difference_are_named_up_to_five() {
    let named = |count: usize| {
        let differences = BTreeMap::from([(SKU.to_owned(), 2)]);
        let mut evidence = Evidence::looking_for(differences);
        evidence.add(stock([1, 0, 0, 1]));
        evidence.add(adjusted("other", 3));
        for name in 0..count {
            evidence.add(adjusted(&name.to_string(), 2));
        }
        evidence.wrong()[&tea()].alike.clone()
    };
    assert_eq!(named(2), ["ADJ#0", "ADJ#1"]);
    assert_eq!(named(5).len(), 5);
    assert_eq!(named(6).len(), 5);
}

#[test]
fn an_item_that_cannot_be_read_is_named_up_to_twenty() {
    let unknown = |number: usize| {
        Item::from([
            ("pk".to_owned(), text(format!("X#{number}"))),
            ("sk".to_owned(), text("Y")),
        ])
    };
    let all = evidence((0..25).map(unknown));
    assert_eq!((all.unreadable.len(), all.unreadable_count), (20, 25));
    assert_eq!((all.unreadable[0].as_str(), all.items), ("X#0 Y", 25));
    let mut without_order = paid("pay_1", "ord_1");
    without_order.remove("order_id");
    let mut strange_status = item_of(&order_of(Status::Pending, 1, 0)).unwrap();
    strange_status.insert("status".to_owned(), text("lost"));
    // A number so large that a sum could overflow is no number of a sound item.
    for item in [
        without_order,
        strange_status,
        stock([NUMBER_MAX + 1, 0, 0, 0]),
        stock([0, -NUMBER_MAX - 1, 0, 0]),
        adjusted("a", NUMBER_MAX + 1),
        returned(NUMBER_MAX + 1, true),
        item_of(&order_of(Status::Pending, NUMBER_MAX + 1, 0)).unwrap(),
    ] {
        assert_eq!(evidence([item.clone()]).unreadable_count, 1, "{item:?}");
    }
    for item in [
        stock([NUMBER_MAX, -NUMBER_MAX, 0, 0]),
        adjusted("a", NUMBER_MAX),
    ] {
        assert_eq!(evidence([item]).unreadable_count, 0);
    }
}

#[test]
fn a_stock_item_of_another_shard_is_not_read_as_the_stock() {
    let mut item = stock([1, 0, 0, 1]);
    item.insert("sk".to_owned(), text("STOCK#1"));
    assert_eq!(evidence([item]).unreadable, ["SKU#TEA-01 STOCK#1"]);
}

#[test]
fn what_is_wrong_with_a_product_comes_with_its_numbers_and_its_version() {
    let mut items = sound();
    items[0] = stock([7, 5, 5, 17]);
    let wrong = evidence(items).wrong();
    let found = &wrong[&tea()];
    assert_eq!(found.version, Some(9));
    let books = found.books.unwrap();
    assert_eq!(
        (books.taken, books.held, books.sent, books.written_off),
        (5, 4, 5, 3)
    );
    assert!(evidence([adjusted("a", 1)]).wrong()[&tea()].books.is_none());
}
