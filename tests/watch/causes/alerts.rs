//! What hinders the alerts themselves, so that an e-mail tells it.

use crate::watch::load::Load;
use crate::watch::scenario::Scenario;

pub(super) const ALL: &[Scenario] = &[
    FORWARDER_CRASHES,
    FORWARDER_THROTTLED,
    FORWARDER_SLOW,
    DISCORD_FAILS,
    DISCORD_REFUSES,
    WEBHOOK_GONE,
    TOPIC_FAILS,
];

const FORWARDER_CRASHES: Scenario = Scenario {
    name: "forwarder-crashes",
    faults: &["alert-forwarder=error", "schedules=error"],
    load: Load::Orders(1),
    minutes: 20,
    fires: &["alert-forwarder-errors", "alerts-wait"],
    says: &["alert-forwarder-errors", "alerts-wait", "sweeper-stopped"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_a_forwarder_that_crashes_is_told_by_mail() {
    FORWARDER_CRASHES.play().await;
}

const FORWARDER_THROTTLED: Scenario = Scenario {
    name: "forwarder-throttled",
    faults: &["alert-forwarder=throttle", "schedules=error"],
    load: Load::Orders(1),
    minutes: 20,
    fires: &["alert-forwarder-throttles", "alerts-wait"],
    says: &[
        "alert-forwarder-throttles",
        "alerts-wait",
        "sweeper-stopped",
    ],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_a_throttled_forwarder_is_told_by_mail() {
    FORWARDER_THROTTLED.play().await;
}

const FORWARDER_SLOW: Scenario = Scenario {
    name: "forwarder-slow",
    faults: &[
        "alert-forwarder=slow:17s",
        "discord=error",
        "schedules=error",
    ],
    load: Load::Orders(1),
    minutes: 16,
    fires: &["alert-forwarder-duration"],
    says: &[
        "alert-forwarder-duration",
        "alerts-undelivered",
        "alerts-wait",
        "sweeper-stopped",
    ],
    recovery_minutes: 400,
};

#[tokio::test]
async fn slow_a_slow_forwarder_is_told_by_mail() {
    FORWARDER_SLOW.play().await;
}

const DISCORD_FAILS: Scenario = Scenario {
    name: "discord-fails",
    faults: &["discord=error", "schedules=error"],
    load: Load::Orders(1),
    minutes: 24,
    fires: &["alerts-undelivered", "alerts-wait"],
    says: &["alerts-undelivered", "alerts-wait", "sweeper-stopped"],
    recovery_minutes: 400,
};

#[tokio::test]
async fn slow_an_outage_of_discord_is_told_by_mail() {
    DISCORD_FAILS.play().await;
}

const DISCORD_REFUSES: Scenario = Scenario {
    name: "discord-refuses",
    faults: &["discord=refuse", "schedules=error"],
    load: Load::Orders(1),
    minutes: 20,
    fires: &["alerts-dead-letters"],
    says: &["alerts-dead-letters"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_an_alert_that_discord_refuses_is_told_by_mail() {
    DISCORD_REFUSES.play().await;
}

const WEBHOOK_GONE: Scenario = Scenario {
    name: "webhook-gone",
    faults: &["discord=gone", "schedules=error"],
    load: Load::Orders(1),
    minutes: 20,
    fires: &["alert-route-circuit"],
    // When Discord works again, the alarm that waited is over: one note says so, not an alarm.
    says: &["alert-route-circuit", "alerts-undelivered", "alerts-wait"],
    recovery_minutes: 400,
};

#[tokio::test]
async fn slow_a_deleted_webhook_is_told_by_mail() {
    WEBHOOK_GONE.play().await;
}

const TOPIC_FAILS: Scenario = Scenario {
    name: "topic-fails",
    faults: &["sns=error", "schedules=error"],
    load: Load::Orders(1),
    minutes: 20,
    fires: &["alerts-topic-failed"],
    says: &["alerts-topic-failed"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_a_topic_that_fails_is_told_by_mail() {
    TOPIC_FAILS.play().await;
}
