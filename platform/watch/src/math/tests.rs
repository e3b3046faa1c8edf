//! Expressions and their values, over three periods.

use std::collections::BTreeMap;

use super::*;

fn known() -> BTreeMap<String, Series> {
    [
        ("e", vec![Some(1.0), None, Some(3.0)]),
        ("n", vec![Some(10.0), Some(20.0), Some(0.0)]),
        ("z", vec![None, None, None]),
    ]
    .map(|(id, series)| (id.to_owned(), series))
    .into()
}

fn value(text: &str) -> Result<Series, MathError> {
    let metrics = ["e", "n", "z"].map(str::to_owned);
    calculate(&parse(text)?, &known(), &metrics, 3)
}

#[track_caller]
fn check(text: &str, expected: [Option<f64>; 3]) {
    assert_eq!(value(text).unwrap(), expected, "{text}");
}

#[test]
fn arithmetic_binds_as_usual() {
    check("1 + 2 * 3", [Some(7.0); 3]);
    check("(1 + 2) * 3", [Some(9.0); 3]);
    check("-2 - -3", [Some(1.0); 3]);
    check("10 / 4 / 2", [Some(1.25); 3]);
    check("2 * 3 ^ 2", [Some(18.0); 3]);
    check("100 * e / n", [Some(10.0), None, None]);
    check("e + n", [Some(11.0), None, Some(3.0)]);
}

#[test]
fn comparisons_and_logic_are_one_or_zero() {
    check("n >= 10", [Some(1.0), Some(1.0), Some(0.0)]);
    check("n > 10 OR n == 0", [Some(0.0), Some(1.0), Some(1.0)]);
    check("n > 5 AND n < 15", [Some(1.0), Some(0.0), Some(0.0)]);
    check("n != 20 && n <= 10 || 0", [Some(1.0), Some(0.0), Some(1.0)]);
    check("1 OR 0 AND 0", [Some(1.0); 3]);
    check("1 + 1 == 2", [Some(1.0); 3]);
}

#[test]
fn what_is_missing_stays_missing_until_it_is_filled() {
    check("z", [None; 3]);
    check("z * 0", [None; 3]);
    check("FILL(z, 0)", [Some(0.0); 3]);
    check("FILL(e, 7)", [Some(1.0), Some(7.0), Some(3.0)]);
    check("FILL(e, REPEAT)", [Some(1.0), Some(1.0), Some(3.0)]);
    check("FILL(e, n)", [Some(1.0), Some(20.0), Some(3.0)]);
}

#[test]
fn a_rate_counts_only_with_enough_requests() {
    let rate = "IF(FILL(n, 0) >= 10 AND FILL(e, 0) >= 1, FILL(e, 0) / n, 0)";
    check(rate, [Some(0.1), Some(0.0), Some(0.0)]);
    check("IF(z, 1, 0)", [None; 3]);
}

#[test]
fn a_list_is_added_period_by_period() {
    check("SUM([e, n])", [Some(11.0), Some(20.0), Some(3.0)]);
    check("MAX([e, n])", [Some(10.0), Some(20.0), Some(3.0)]);
    check("MIN([e, n, z])", [Some(1.0), Some(20.0), Some(0.0)]);
    check("AVG(METRICS())", [Some(5.5), Some(20.0), Some(1.5)]);
    check("SUM(METRICS(\"n\"))", [Some(10.0), Some(20.0), Some(0.0)]);
    check("SUM([z])", [None; 3]);
    check("SUM(e)", [Some(4.0); 3]);
    check(
        "CEIL(n / 8) + FLOOR(0.5) + ABS(-1)",
        [Some(3.0), Some(4.0), Some(1.0)],
    );
}

#[test]
fn a_mistake_is_named() {
    for (text, part) in [
        (
            "ANOMALY_DETECTION_BAND(e, 2)",
            "`ANOMALY_DETECTION_BAND` is not evaluated",
        ),
        ("rate(e)", "`RATE` is not evaluated"),
        ("missing + 1", "id `missing`"),
        ("e +", "ends too early"),
        ("(e", "`)` is missing"),
        ("e n", "`n` was not expected"),
        ("e ? n", "`?`"),
        ("1.2.3", "`1.2.3` is not a number"),
        ("IF(e)", "`IF` does not take 1 arguments"),
        ("[e, n]", "one value for each period"),
        ("* e", "`*` stands where a value is needed"),
        ("\"open", "not closed"),
        ("E", "`E` stands where a value is needed"),
    ] {
        let error = value(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    let deep = format!("{}e{}", "(".repeat(500), ")".repeat(500));
    assert!(value(&deep).unwrap_err().to_string().contains("too deep"));
}
