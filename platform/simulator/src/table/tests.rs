//! The comparison of the table with what was committed to it.

use super::*;
use crate::functions::orders_table;
use crate::random::Random;

/// A table with 300 items of 5,000 bytes each: more than one answer of a scan has.
fn large() -> Table {
    let time = Time::new(Random::new(1));
    let mut table = Table::new(orders_table().unwrap(), &time).unwrap();
    for number in 0..300 {
        let item = json!({
            "pk": {"S": format!("ORD#{number}")}, "sk": {"S": "ORDER"}, "note": {"S": "x".repeat(5_000)},
        });
        let put = json!({"TableName": table.spec.name, "Item": item});
        assert_eq!(table.engine.call("PutItem", put).unwrap().status, 200);
        table.items.insert(key(&item).unwrap(), item);
    }
    table
}

#[test]
fn a_table_of_more_than_a_megabyte_is_compared_whole() {
    let mut table = large();
    table.compare();
    assert_eq!(table.journal.violations, [""; 0]);
}

#[test]
fn an_item_that_was_never_committed_is_a_violation_wherever_it_is() {
    for number in [0, 150, 299] {
        let mut table = large();
        let place = (format!("ORD#{number}"), "ORDER".to_owned());
        assert!(table.items.remove(&place).is_some());
        table.compare();
        assert_eq!(table.journal.violations.len(), 1, "{number}");
    }
}
