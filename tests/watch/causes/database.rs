//! What a database does that fails, throttles, conflicts, is slow or refuses.

use crate::watch::load::Load;
use crate::watch::scenario::Scenario;

pub(super) const ALL: &[Scenario] = &[
    DATABASE_REFUSES,
    DATABASE_FAILS,
    DATABASE_THROTTLES,
    DATABASE_CONFLICTS,
    DATABASE_SLOW,
    FEW_FAIL,
    VERY_FEW_FAIL,
];

const DATABASE_REFUSES: Scenario = Scenario {
    name: "database-refuses",
    faults: &["dynamodb=refuse"],
    load: Load::Orders(2),
    minutes: 8,
    fires: &[
        "api-server-errors",
        "internal-errors",
        "service-degraded",
        "sweeper-errors",
    ],
    says: &["service-degraded"],
    recovery_minutes: 500,
};

#[tokio::test]
async fn slow_a_database_that_refuses_is_an_internal_error() {
    DATABASE_REFUSES.play().await;
}

const DATABASE_FAILS: Scenario = Scenario {
    name: "database-fails",
    faults: &["dynamodb=error"],
    load: Load::Orders(22),
    minutes: 8,
    fires: &[
        "api-latency",
        "api-server-errors",
        "api-server-errors-high",
        "orders-duration",
        "outcome-unknown",
        "service-degraded",
        "table-system-errors",
        "user-impact",
    ],
    says: &["user-impact"],
    recovery_minutes: 500,
};

#[tokio::test]
async fn slow_a_database_that_fails_stops_orders() {
    DATABASE_FAILS.play().await;
}

const DATABASE_THROTTLES: Scenario = Scenario {
    name: "database-throttles",
    faults: &["dynamodb=throttle:5m"],
    load: Load::Orders(2),
    minutes: 8,
    fires: &["service-degraded", "table-throttles"],
    says: &["service-degraded"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_a_database_that_throttles_is_at_a_limit() {
    DATABASE_THROTTLES.play().await;
}

const DATABASE_CONFLICTS: Scenario = Scenario {
    name: "database-conflicts",
    faults: &["dynamodb=conflict"],
    load: Load::Orders(1),
    minutes: 40,
    fires: &["overdue-holds", "service-degraded", "table-conflicts"],
    says: &["overdue-holds", "service-degraded"],
    recovery_minutes: 80,
};

#[tokio::test]
async fn slow_writes_that_conflict_leave_overdue_orders() {
    DATABASE_CONFLICTS.play().await;
}

const DATABASE_SLOW: Scenario = Scenario {
    name: "database-slow",
    faults: &["dynamodb=slow:1500ms"],
    load: Load::Orders(5),
    minutes: 10,
    fires: &["api-latency", "service-degraded"],
    says: &["service-degraded"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_a_database_that_is_slow_makes_answers_slow() {
    DATABASE_SLOW.play().await;
}

const FEW_FAIL: Scenario = Scenario {
    name: "few-fail",
    faults: &[],
    load: Load::OneBroken(50),
    minutes: 16,
    fires: &[
        "slo-30-minutes",
        "slo-5-minutes",
        "slo-6-hours",
        "slo-burn",
        "slo-hour",
    ],
    says: &["service-degraded", "slo-burn"],
    recovery_minutes: 800,
};

#[tokio::test]
async fn slow_one_failure_in_fifty_burns_the_budget() {
    FEW_FAIL.play().await;
}

const VERY_FEW_FAIL: Scenario = Scenario {
    name: "very-few-fail",
    faults: &[],
    load: Load::OneBroken(200),
    minutes: 21,
    fires: &["slo-3-days", "slo-budget", "slo-last-6-hours"],
    says: &["service-degraded", "slo-budget"],
    recovery_minutes: 900,
};

#[tokio::test]
async fn slow_one_failure_in_two_hundred_uses_the_budget_up() {
    VERY_FEW_FAIL.play().await;
}
