//! The report as people read it.

use super::*;

fn report(outcome: &str, violations: &Value) -> Value {
    json!({
        "outcome": outcome, "inconclusive": null, "passes": 2, "segments": 16, "segments_of": 16,
        "items": 40, "orders": 12, "products": 3, "violation_count": 1,
        "violations": violations, "suspects": [], "unreadable": [], "read_units": 18.5,
    })
}

#[test]
fn a_report_names_what_is_wrong_and_the_adjustment_only_if_asked() {
    let finding = json!([{
        "kind": "taken-differs", "says": "an order is lost", "product": "TEA-01", "order_id": null,
        "about": null, "expected": 5, "found": 6, "version": 14, "alike": [],
        "repair": {"available": 11, "taken": 5, "shipped": 2, "received": 18},
    }]);
    let report = report("violated", &finding);
    let page = written(&report, false);
    assert!(
        page.starts_with("product TEA-01: taken-differs\n"),
        "{page}"
    );
    assert!(page.contains("expected 5, found 6"), "{page}");
    assert!(
        page.contains("Findings: 1. Read 40 items in 2 passes"),
        "{page}"
    );
    assert!(!page.contains("repair"), "{page}");
    let page = written(&report, true);
    assert!(
        page.contains("set the stock to available 11 taken 5 shipped 2 received 18"),
        "{page}"
    );
    assert!(page.contains("its version is still 14"), "{page}");
    assert!(page.contains(r#"":version":{"N":"14"}"#), "{page}");
    assert!(verdict(&report).is_err());
}

#[test]
fn a_finding_about_a_product_of_several_shards_names_them_and_no_adjustment() {
    let finding = json!([{
        "kind": "terms-differ", "says": "a shard has other terms", "product": "TEA-01",
        "order_id": null, "about": "3, 5", "expected": 2, "found": 1, "version": 14, "shards": 8,
        "alike": [], "repair": null,
    }]);
    let page = written(&report("violated", &finding), true);
    assert!(page.contains("about shard 3, 5\n"), "{page}");
    assert!(page.contains("the product has several shards"), "{page}");
}

#[test]
fn what_no_adjustment_can_repair_is_said() {
    let finding = json!([{
        "kind": "payment-without-order", "says": "a payment is for no order", "product": null,
        "order_id": "ord_1", "about": "digest", "expected": 0, "found": 1, "version": null,
        "alike": [], "repair": null,
    }]);
    let page = written(&report("violated", &finding), true);
    assert!(
        page.starts_with("order ord_1: payment-without-order\n"),
        "{page}"
    );
    assert!(
        page.contains("no adjustment of the stock can be right"),
        "{page}"
    );
}

#[test]
fn an_audit_that_cannot_say_more_is_a_failure_that_says_why() {
    let mut report = report("inconclusive", &json!([]));
    report["inconclusive"] = json!("the time was over");
    report["segments"] = json!(9);
    let page = written(&report, true);
    assert!(
        page.contains("The last pass finished 9 of 16 parts"),
        "{page}"
    );
    assert!(verdict(&report).unwrap_err().ends_with("the time was over"));
    assert_eq!(verdict(&json!({"outcome": "sound"})), Ok(()));
}

#[test]
fn one_of_a_thing_is_named_in_the_singular() {
    let mut report = report("sound", &json!([]));
    report["violation_count"] = json!(0);
    for member in ["items", "passes", "products", "orders"] {
        report[member] = json!(1);
    }
    assert_eq!(
        written(&report, false),
        "The books are right. Read 1 item in 1 pass: 1 product and 1 order, for 18.5 read units.\n"
    );
    report["orders"] = json!(0);
    let page = written(&report, false);
    assert!(page.contains("1 product and 0 orders,"), "{page}");
}
