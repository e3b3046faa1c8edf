//! What functions do that crash, are slow, are refused or are not called.

use crate::watch::load::Load;
use crate::watch::scenario::Scenario;

pub(super) const ALL: &[Scenario] = &[
    ORDERS_CRASH,
    ORDERS_CRASH_BRIEFLY,
    ORDERS_SLOW,
    ORDERS_THROTTLED,
    SWEEPER_CRASHES,
    SWEEPER_SLOW,
    AUDITOR_CRASHES,
    SCHEDULES_STOP,
    CORS_CRASHES,
    CORS_SLOW,
    AUTHORIZER_CRASHES,
    AUTHORIZER_SLOW,
];

const ORDERS_CRASH: Scenario = Scenario {
    name: "orders-crash",
    faults: &["orders=error"],
    load: Load::Orders(22),
    minutes: 8,
    fires: &[
        "api-server-errors-high",
        "orders-error-rate",
        "orders-errors",
        "user-impact",
    ],
    says: &["user-impact"],
    recovery_minutes: 500,
};

#[tokio::test]
async fn slow_orders_that_crash_are_user_impact() {
    ORDERS_CRASH.play().await;
}

const ORDERS_CRASH_BRIEFLY: Scenario = Scenario {
    name: "orders-crash-briefly",
    faults: &["orders=error"],
    load: Load::Orders(22),
    minutes: 1,
    fires: &["orders-errors", "service-degraded"],
    says: &["service-degraded"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_one_minute_of_crashes_is_a_warning() {
    ORDERS_CRASH_BRIEFLY.play().await;
}

const ORDERS_SLOW: Scenario = Scenario {
    name: "orders-slow",
    faults: &["orders=slow:9s"],
    load: Load::Orders(22),
    minutes: 9,
    fires: &["api-latency", "orders-duration", "service-degraded"],
    says: &["service-degraded"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_slow_orders_are_a_warning() {
    ORDERS_SLOW.play().await;
}

const ORDERS_THROTTLED: Scenario = Scenario {
    name: "orders-throttled",
    faults: &["orders=throttle"],
    load: Load::Orders(22),
    minutes: 8,
    fires: &[
        "api-server-errors-high",
        "function-throttles",
        "user-impact",
    ],
    says: &["user-impact"],
    recovery_minutes: 500,
};

#[tokio::test]
async fn slow_throttled_orders_are_user_impact() {
    ORDERS_THROTTLED.play().await;
}

const SWEEPER_CRASHES: Scenario = Scenario {
    name: "sweeper-crashes",
    faults: &["orders-sweeper=error"],
    load: Load::Orders(5),
    minutes: 12,
    fires: &[
        "service-degraded",
        "sweeper-errors",
        "sweeper-missing",
        "sweeper-stopped",
    ],
    says: &["service-degraded", "sweeper-stopped"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_a_sweeper_that_crashes_stops() {
    SWEEPER_CRASHES.play().await;
}

const SWEEPER_SLOW: Scenario = Scenario {
    name: "sweeper-slow",
    faults: &["orders-sweeper=slow:45s"],
    load: Load::Orders(5),
    minutes: 10,
    fires: &["service-degraded", "sweeper-duration"],
    says: &["service-degraded"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_a_slow_sweeper_is_a_warning() {
    SWEEPER_SLOW.play().await;
}

const AUDITOR_CRASHES: Scenario = Scenario {
    name: "auditor-crashes",
    faults: &["orders-auditor=error"],
    load: Load::Audit,
    minutes: 6,
    fires: &["auditor-errors", "service-degraded"],
    says: &["service-degraded"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_an_auditor_that_crashes_is_a_warning() {
    AUDITOR_CRASHES.play().await;
}

const SCHEDULES_STOP: Scenario = Scenario {
    name: "schedules-stop",
    faults: &["schedules=error"],
    load: Load::Orders(5),
    minutes: 12,
    fires: &["sweeper-missing", "sweeper-stopped"],
    says: &["sweeper-stopped"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_a_schedule_that_stops_is_noticed() {
    SCHEDULES_STOP.play().await;
}

const CORS_CRASHES: Scenario = Scenario {
    name: "cors-crashes",
    faults: &["cors=error"],
    load: Load::Preflights(22),
    minutes: 8,
    fires: &["cors-error-rate", "cors-errors", "user-impact"],
    says: &["user-impact"],
    recovery_minutes: 500,
};

#[tokio::test]
async fn slow_a_cors_function_that_crashes_is_user_impact() {
    CORS_CRASHES.play().await;
}

const CORS_SLOW: Scenario = Scenario {
    name: "cors-slow",
    faults: &["cors=slow:2500ms"],
    load: Load::Preflights(5),
    minutes: 10,
    fires: &["cors-duration", "service-degraded"],
    says: &["service-degraded"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_slow_preflights_are_a_warning() {
    CORS_SLOW.play().await;
}

const AUTHORIZER_CRASHES: Scenario = Scenario {
    name: "authorizer-crashes",
    faults: &["authorizer=error"],
    load: Load::Orders(22),
    minutes: 8,
    fires: &["authorizer-error-rate", "authorizer-errors", "user-impact"],
    says: &["user-impact"],
    recovery_minutes: 500,
};

#[tokio::test]
async fn slow_an_authorizer_that_crashes_is_user_impact() {
    AUTHORIZER_CRASHES.play().await;
}

const AUTHORIZER_SLOW: Scenario = Scenario {
    name: "authorizer-slow",
    faults: &["authorizer=slow:4500ms"],
    load: Load::Orders(5),
    minutes: 10,
    fires: &["authorizer-duration", "service-degraded"],
    says: &["service-degraded"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_a_slow_authorizer_is_a_warning() {
    AUTHORIZER_SLOW.play().await;
}
