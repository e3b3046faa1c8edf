//! The first minutes of a new stack, and the daily test of the way to Discord.

use super::stage::Stage;

#[tokio::test]
async fn a_first_deployment_sends_nothing() {
    let mut stage = Stage::deploy().await;
    for _ in 0..30 {
        stage.quiet_minute().await;
    }
    let said: Vec<&str> = stage.said().iter().map(|it| it.what.as_str()).collect();
    assert_eq!(said, [""; 0], "nothing was wrong before");
    // Not even a message without an embed, or an edit.
    assert!(stage.shop.running.discord.calls().is_empty());
    assert!(stage.watching.mails().is_empty());
    stage.stop().await;
}

/// Minutes from the stage's beginning to the daily test, at nine o'clock of the next day.
const MINUTES_TO_TEST: u32 = 22 * 60;

#[tokio::test]
async fn slow_the_daily_test_arrives_and_its_absence_is_told_by_mail() {
    let mut stage = Stage::healthy().await;
    for _ in 0..MINUTES_TO_TEST {
        stage.quiet_minute().await;
    }
    let said = |stage: &Stage| -> Vec<String> {
        let said = stage.said().iter();
        said.map(|it| format!("{}{}", it.what, if it.by_mail { " by mail" } else { "" }))
            .collect()
    };
    // The alarm on a missed test looks at more than a day, so it is evaluated once an hour.
    for _ in 0..60 {
        stage.quiet_minute().await;
    }
    // The first test misleads nobody: there is no mail.
    assert_eq!(said(&stage), ["ALARM delivery-test"]);
    assert_eq!(stage.red(), [""; 0], "the test has arrived");
    stage.forget();
    // From now on nothing arrives. The next test is missed, and after 26 hours somebody hears of it.
    stage.break_it("discord=error");
    for _ in 0..30 * 60 {
        stage.quiet_minute().await;
    }
    let missed = "INSUFFICIENT_DATA delivery-test-missed by mail".to_owned();
    assert!(said(&stage).contains(&missed), "{:?}", stage.said());
    // The test of the day before is still in the queue, and arrives when Discord works again.
    stage.forget();
    stage.mend();
    for _ in 0..3 * 60 {
        stage.quiet_minute().await;
    }
    let arrived = "ALARM delivery-test".to_owned();
    assert!(said(&stage).contains(&arrived), "{:?}", stage.said());
    let again = said(&stage)
        .iter()
        .any(|it| it.contains("delivery-test-missed"));
    assert!(!again, "{:?}", stage.said());
    stage.stop().await;
}
