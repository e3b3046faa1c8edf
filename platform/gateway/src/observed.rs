//! What the gateway says about each request, for metrics.

use std::sync::Arc;

use jiff::Timestamp;

/// Hears of each answer.
pub type Observe = Arc<dyn Fn(&Observed) + Send + Sync>;

/// A request that was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// When it arrived.
    pub begun: Timestamp,
    /// The status of the answer.
    pub status: u16,
    /// How long the answer took.
    pub milliseconds: f64,
    /// How long the function took, if one was invoked.
    pub integration_milliseconds: Option<f64>,
}
