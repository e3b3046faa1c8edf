//! Reports on special days of the calendar.

use super::stage::{Report, Stage, shop};

/// The report of a small shop on a day.
async fn on(today: &str) -> Report {
    let stage = Stage::set(shop(today)).await;
    let report = stage.report().await;
    stage.end().await;
    report
}

#[tokio::test]
async fn on_the_first_day_of_a_month_two_whole_months_are_compared() {
    let report = on("2026-12-01").await;
    let month = report.fact("Month");
    assert!(month.starts_with("November: "), "{month}");
    assert!(month.contains("\nOctober: "), "{month}");
    assert!(
        report.text("title").contains(" in November, "),
        "{report:?}"
    );
    assert!(
        report.text("title").ends_with(" forecast for December"),
        "{report:?}"
    );
    // 31 days of the forecast, and nothing of December yet.
    report.says("Forecast for December", "164.61 USD");
    assert!(report.fact("Budget").contains("0 % spent"), "{report:?}");
    assert!(
        report.text("summary").starts_with("29 November cost "),
        "{report:?}"
    );
}

#[tokio::test]
async fn on_the_last_day_of_a_month_the_forecast_adds_one_day() {
    let report = on("2026-11-30").await;
    assert!(
        report.fact("Month").starts_with("1–29 November: "),
        "{report:?}"
    );
    report.says("Forecast for November", "5.31 USD of it from today on");
}

#[tokio::test]
async fn in_a_leap_year_february_has_a_29th() {
    let report = on("2028-02-29").await;
    assert!(
        report.fact("Month").starts_with("1–28 February: "),
        "{report:?}"
    );
    report.says("Forecast for February", "5.31 USD of it from today on");
    let report = on("2028-03-01").await;
    assert!(report.fact("Month").starts_with("February: "), "{report:?}");
    // The day before yesterday.
    assert!(
        report.text("summary").starts_with("28 February cost "),
        "{report:?}"
    );
    assert!(
        report.text("summary").contains("\n29 February: "),
        "{report:?}"
    );
    // A month of 31 days is compared with all of the shorter one.
    let report = on("2028-03-31").await;
    assert!(report.fact("Month").contains("\nFebruary: "), "{report:?}");
}

#[tokio::test]
async fn yesterday_is_shown_as_not_complete() {
    let report = on("2026-11-26").await;
    let summary = report.text("summary");
    assert!(summary.starts_with("24 November cost "), "{summary}");
    assert!(
        summary.contains(" the mean of the 7 days before ("),
        "{summary}"
    );
    let yesterday = summary.lines().nth(1).unwrap();
    assert!(yesterday.starts_with("25 November: "), "{summary}");
    assert!(yesterday.ends_with(", not complete yet."), "{summary}");
}
