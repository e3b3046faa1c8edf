//! Time, randomness and waiting. Code takes them from a [`World`], never from the system.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The sources of time, randomness and waiting. A test or a simulation passes in its own.
///
/// A clone is cheap and shares the sources.
#[derive(Clone)]
pub struct World {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    machine: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    random: Arc<dyn Fn(&mut [u8]) + Send + Sync>,
    sleep: Arc<dyn Fn(Duration) -> Waiting + Send + Sync>,
}

impl World {
    /// A world with these sources: the time, a function that fills a buffer with
    /// random bytes, and a timer.
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        random: impl Fn(&mut [u8]) + Send + Sync + 'static,
        sleep: impl Fn(Duration) -> Waiting + Send + Sync + 'static,
    ) -> Self {
        let now: Arc<dyn Fn() -> Timestamp + Send + Sync> = Arc::new(now);
        Self {
            machine: Arc::clone(&now),
            now,
            random: Arc::new(random),
            sleep: Arc::new(sleep),
        }
    }

    /// The machine's clock, the operating system's randomness, tokio's timer.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the only place that takes the real clock and timer"
    )]
    pub fn real() -> Self {
        Self::new(
            Timestamp::now,
            // Without randomness, request tokens would repeat. The process must stop.
            |bytes| getrandom::fill(bytes).unwrap_or_else(|_| std::process::abort()),
            |duration| Box::pin(tokio::time::sleep(duration)),
        )
    }

    /// This world with its clock replaced. The machine's clock, which deadlines are
    /// measured by, stays: a clock that is stopped on purpose must not give an
    /// invocation endless time.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.now = Arc::new(now);
        self
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// The time by the machine's clock. Only deadlines and durations are measured by
    /// it.
    pub fn machine_now(&self) -> Timestamp {
        (self.machine)()
    }

    /// Fills a buffer with random bytes.
    pub fn fill(&self, bytes: &mut [u8]) {
        (self.random)(bytes);
    }

    /// A random duration from zero to `most`, evenly distributed ("full jitter").
    ///
    /// Source: "Exponential Backoff and Jitter", AWS Architecture Blog.
    pub fn uniform(&self, most: Duration) -> Duration {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        most.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
    }

    /// Waits for `duration`.
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
    fn a_replaced_clock_leaves_the_machines_clock_as_it_is() {
        let world = world_of_bytes(0).with_clock(|| Timestamp::MAX);
        assert_eq!(world.now(), Timestamp::MAX);
        assert_eq!(world.machine_now(), Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn jitter_ranges_from_zero_to_the_whole_duration() {
        let most = Duration::from_millis(800);
        assert_eq!(world_of_bytes(0x00).uniform(most), Duration::ZERO);
        assert_eq!(world_of_bytes(0xff).uniform(most), most);
    }
}
