//! Owns what a function may not take for itself: the time, randomness and waiting.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time, randomness and waiting, passed in so that a test or a simulation owns them.
///
/// Cloning is cheap and the clones share the same sources.
#[derive(Clone)]
pub struct World {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    random: Arc<dyn Fn(&mut [u8]) + Send + Sync>,
    sleep: Arc<dyn Fn(Duration) -> Waiting + Send + Sync>,
}

impl World {
    /// A world of the given sources.
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        random: impl Fn(&mut [u8]) + Send + Sync + 'static,
        sleep: impl Fn(Duration) -> Waiting + Send + Sync + 'static,
    ) -> Self {
        Self {
            now: Arc::new(now),
            random: Arc::new(random),
            sleep: Arc::new(sleep),
        }
    }

    /// The machine's clock, the operating system's randomness, tokio's timer.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the real clock and timer come in"
    )]
    pub fn real() -> Self {
        Self::new(
            Timestamp::now,
            // A process without randomness would reuse request tokens: it must not go on.
            |bytes| getrandom::fill(bytes).unwrap_or_else(|_| std::process::abort()),
            |duration| Box::pin(tokio::time::sleep(duration)),
        )
    }

    /// This world with its clock replaced.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.now = Arc::new(now);
        self
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Fills a buffer with random bytes.
    pub fn fill(&self, bytes: &mut [u8]) {
        (self.random)(bytes);
    }

    /// A duration from zero up to `most`, every length equally likely: full jitter.
    ///
    /// Source: "Exponential Backoff and Jitter", AWS Architecture Blog.
    pub fn uniform(&self, most: Duration) -> Duration {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        most.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        (self.sleep)(duration).await;
    }
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("World")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world_of_bytes(byte: u8) -> World {
        World::new(
            || Timestamp::UNIX_EPOCH,
            move |bytes| bytes.fill(byte),
            |_| Box::pin(async {}),
        )
    }

    #[test]
    fn jitter_reaches_from_nothing_to_the_whole_duration() {
        let most = Duration::from_millis(800);
        assert_eq!(world_of_bytes(0x00).uniform(most), Duration::ZERO);
        assert_eq!(world_of_bytes(0xff).uniform(most), most);
    }
}
