//! A healthy shop raises nothing.

use super::load::Load;
use super::stage::Stage;

#[tokio::test]
async fn slow_a_healthy_hour_of_mixed_requests_raises_nothing() {
    let mut stage = Stage::healthy().await;
    let known = stage.red();
    for _ in 0..60 {
        stage.minute(Load::Mixed).await;
        assert_eq!(stage.red(), known, "minute {}", stage.now());
    }
    assert!(stage.said().is_empty(), "{:?}", stage.said());
    stage.stop().await;
}
