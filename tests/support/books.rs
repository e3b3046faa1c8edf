//! Reads the items of an orders table, and checks that they agree with each other.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use orders::Books;

pub(crate) type Item = BTreeMap<String, AttributeValue>;

/// All items of a table.
pub(crate) async fn items(client: Client, table: &str) -> Vec<Item> {
    let mut pages = client
        .scan()
        .table_name(table)
        .consistent_read(true)
        .into_paginator()
        .items()
        .send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.unwrap().into_iter().collect());
    }
    items
}

/// Whether an item is an order, and not the refusal of one.
pub(crate) fn is_order(item: &Item) -> bool {
    text(item, "sk") == "ORDER" && text(item, "status") != "rejected"
}

/// Checks for each product that its stock agrees with its orders, adjustments and returns.
pub(crate) fn assert_sound(items: &[Item]) {
    let mut books: BTreeMap<String, Books> = BTreeMap::new();
    let mut add = |sku: &str, more: Books| {
        let sum = books.entry(sku.to_owned()).or_default();
        *sum = *sum + more;
    };
    for item in items {
        let (pk, sk) = (text(item, "pk"), text(item, "sk"));
        if text(item, "status") == "rejected" {
            continue;
        }
        if let Some(sku) = Books::product_of(pk) {
            if sk.starts_with("STOCK#") {
                let stock = stock_of(item);
                for (holds, what) in stock.laws_of_shard() {
                    assert!(holds, "{pk}: {what}: {stock:?}");
                }
                add(sku, stock);
            } else {
                add(sku, Books::of_adjustment(integer(item, "delta")));
            }
        } else if sk == "ORDER" {
            let returned = goods(item, "returned");
            for (sku, quantity) in goods(item, "lines") {
                let back = returned.get(&sku).copied().unwrap_or_default();
                let line = Books::of_line(text(item, "status"), quantity, back);
                add(&sku, line.unwrap());
            }
        } else if sk.starts_with("RET#") {
            let restock = *item["restock"].as_bool().unwrap();
            for (sku, quantity) in goods(item, "lines") {
                add(&sku, Books::of_return(quantity, restock));
            }
        }
    }
    for (sku, books) in books {
        for (holds, what) in books.laws() {
            assert!(holds, "{sku}: {what}: {books:?}");
        }
    }
}

pub(crate) fn text<'item>(item: &'item Item, name: &str) -> &'item str {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map_or("", String::as_str)
}

pub(crate) fn integer(item: &Item, name: &str) -> i64 {
    item[name].as_n().unwrap().parse().unwrap()
}

/// What a stock item says.
fn stock_of(item: &Item) -> Books {
    let number = |name: &str| item.contains_key(name).then(|| integer(item, name));
    Books::of_stock(number).unwrap()
}

/// The quantities in a list of an item, by product.
fn goods(item: &Item, name: &str) -> BTreeMap<String, i64> {
    let Some(list) = item.get(name) else {
        return BTreeMap::new();
    };
    let goods = |line: &AttributeValue| {
        let line = line.as_m().unwrap().clone().into_iter().collect();
        (text(&line, "sku").to_owned(), integer(&line, "quantity"))
    };
    list.as_l().unwrap().iter().map(goods).collect()
}
