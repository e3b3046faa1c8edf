//! Virtual time, and the tasks that run in it: on one thread, in an order that the seed decides.
//!
//! Nothing really waits. When no task is ready, the clock jumps to the next timer, so a fortnight
//! costs no more than a millisecond. When several tasks are ready, the seed decides which one runs.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use jiff::Timestamp;

use super::random::Random;

/// When every simulation begins: 2026-01-01T00:00:00Z, in microseconds since 1970.
const BEGINNING_MICROSECONDS: i64 = 1_767_225_600_000_000;

/// How often tasks may be polled in one run. More is an endless loop.
const STEPS_MAX: u64 = 3_000_000;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Virtual time. Clones share it.
#[derive(Clone)]
pub struct Time {
    state: Arc<Mutex<State>>,
    ready: Arc<Mutex<Vec<u64>>>,
}

struct State {
    now: u64,
    sequence: u64,
    timers: BTreeMap<(u64, u64), Waker>,
    tasks: BTreeMap<u64, Task>,
    random: Random,
    steps: u64,
    steps_max: u64,
}

/// Why a run does not end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Stuck {
    /// No task is ready, and no timer is left.
    #[error("every task waits, and no timer is left")]
    Deadlock,
    /// Tasks run for ever.
    #[error("tasks ran millions of times without an end")]
    Livelock,
}

struct Wakeup {
    task: u64,
    ready: Arc<Mutex<Vec<u64>>>,
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        let mut ready = lock(&self.ready);
        if !ready.contains(&self.task) {
            ready.push(self.task);
        }
    }
}

impl Time {
    /// Virtual time at the beginning of a run.
    pub(crate) fn new(random: Random) -> Self {
        let state = State {
            now: 0,
            sequence: 0,
            timers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            random,
            steps: 0,
            steps_max: STEPS_MAX,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            ready: Arc::default(),
        }
    }

    /// The time since the beginning.
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(lock(&self.state).now)
    }

    /// Lets tasks run so often before it counts as an endless loop.
    pub(crate) fn allow(&self, steps: u64) {
        lock(&self.state).steps_max = steps;
    }

    /// The true time.
    pub(crate) fn now(&self) -> Timestamp {
        self.now_on(0)
    }

    /// The time on a machine whose clock is ahead by this much.
    pub(crate) fn now_on(&self, ahead_milliseconds: i64) -> Timestamp {
        let elapsed = i64::try_from(lock(&self.state).now).unwrap_or(i64::MAX);
        let micros = BEGINNING_MICROSECONDS
            .saturating_add(elapsed)
            .saturating_add(ahead_milliseconds.saturating_mul(1_000));
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    /// Adds a task.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut state = lock(&self.state);
        state.sequence += 1;
        let id = state.sequence;
        state.tasks.insert(id, Box::pin(task));
        drop(state);
        lock(&self.ready).push(id);
    }

    /// Waits.
    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Sleep {
            due: lock(&self.state).now.saturating_add(micros),
            timer: None,
            state: Arc::clone(&self.state),
        }
    }

    /// Lets time pass until a future ends.
    ///
    /// # Errors
    /// The future never ends.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Stuck> {
        let slot = Arc::new(Mutex::new(None));
        let filled = Arc::clone(&slot);
        self.spawn(async move {
            let output = future.await;
            *lock(&filled) = Some(output);
        });
        loop {
            if let Some(output) = lock(&slot).take() {
                return Ok(output);
            }
            self.step()?;
        }
    }

    /// Lets time pass until no task can run any more.
    ///
    /// # Errors
    /// Tasks run for ever.
    pub fn settle(&self) -> Result<(), Stuck> {
        loop {
            match self.step() {
                Ok(()) => {}
                Err(Stuck::Deadlock) => return Ok(()),
                Err(stuck) => return Err(stuck),
            }
        }
    }

    /// Polls one task, or moves the clock if no task is ready.
    fn step(&self) -> Result<(), Stuck> {
        let Some(id) = self.choose() else {
            return self.jump();
        };
        let mut state = lock(&self.state);
        state.steps += 1;
        if state.steps_max < state.steps {
            return Err(Stuck::Livelock);
        }
        // A timer or a channel can wake a task that has ended.
        let Some(mut task) = state.tasks.remove(&id) else {
            return Ok(());
        };
        drop(state);
        let waker = Waker::from(Arc::new(Wakeup {
            task: id,
            ready: Arc::clone(&self.ready),
        }));
        let polled = task.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_pending() {
            lock(&self.state).tasks.insert(id, task);
        }
        Ok(())
    }

    fn choose(&self) -> Option<u64> {
        let mut ready = lock(&self.ready);
        if ready.is_empty() {
            return None;
        }
        let index = lock(&self.state).random.index(ready.len());
        Some(ready.remove(index))
    }

    /// Moves the clock to the next timer.
    fn jump(&self) -> Result<(), Stuck> {
        let mut state = lock(&self.state);
        let ((due, _), waker) = state.timers.pop_first().ok_or(Stuck::Deadlock)?;
        state.now = state.now.max(due);
        // All timers of this moment end together, and the seed decides which task runs first.
        let later = state.timers.split_off(&(due + 1, 0));
        let ended = std::mem::replace(&mut state.timers, later);
        drop(state);
        waker.wake();
        for waker in ended.into_values() {
            waker.wake();
        }
        Ok(())
    }

    /// Drops every task, with all that it holds.
    pub fn end(&self) {
        let tasks = std::mem::take(&mut lock(&self.state).tasks);
        drop(tasks);
        let timers = std::mem::take(&mut lock(&self.state).timers);
        drop(timers);
    }
}

impl std::fmt::Debug for Time {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("Time")
            .field(&self.elapsed())
            .finish()
    }
}

/// A future that ends when its time has come.
pub(crate) struct Sleep {
    due: u64,
    timer: Option<(u64, u64)>,
    state: Arc<Mutex<State>>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.state);
        let mut state = lock(&shared);
        if self.due <= state.now {
            return Poll::Ready(());
        }
        let timer = if let Some(timer) = self.timer {
            timer
        } else {
            state.sequence += 1;
            (self.due, state.sequence)
        };
        state.timers.insert(timer, context.waker().clone());
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            lock(&self.state).timers.remove(&timer);
        }
    }
}

/// Locks a mutex, even after another thread panicked while it held the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn a_fortnight_of_timers_passes_at_once_and_in_order() {
        let time = Time::new(Random::new(1));
        let ended = Arc::new(Mutex::new(Vec::new()));
        for days in [3, 1, 2] {
            let (time_of_task, ended) = (time.clone(), Arc::clone(&ended));
            time.spawn(async move {
                time_of_task.sleep(DAY * days).await;
                lock(&ended).push(days);
            });
        }
        time.run({
            let time = time.clone();
            async move { time.sleep(DAY * 14).await }
        })
        .unwrap();
        assert_eq!(*lock(&ended), [1, 2, 3]);
        assert_eq!(time.elapsed(), DAY * 14);
    }

    #[test]
    fn the_seed_decides_which_ready_task_runs_first() {
        let order = |seed| {
            let time = Time::new(Random::new(seed));
            let ended = Arc::new(Mutex::new(Vec::new()));
            for number in 0..8 {
                let ended = Arc::clone(&ended);
                time.spawn(async move { lock(&ended).push(number) });
            }
            time.settle().unwrap();
            lock(&ended).clone()
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn a_deadlock_is_reported() {
        let time = Time::new(Random::new(1));
        assert_eq!(time.run(std::future::pending::<()>()), Err(Stuck::Deadlock));
    }
}
