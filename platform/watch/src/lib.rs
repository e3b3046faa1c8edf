//! Evaluates a template's alarms as CloudWatch does: metrics in, changes of state out.
//!
//! Read [`Watch::evaluate`] first. [`mod@judge`] decides one alarm's state from its data points, [`math`]
//! evaluates expressions, and [`Change::message`] is what an alarm sends to a topic.

mod alarm;
mod composite;
mod describe;
mod emf;
mod error;
mod judge;
pub mod math;
mod message;
mod metric;
mod pace;
mod reason;
mod region;
mod series;
mod statistic;
mod store;
mod suppress;
mod trigger;
mod watch;
mod widget;

pub use alarm::{Actions, Alarm, Body, MetricAlarm};
pub use composite::{Composite, Rule, Suppressor};
pub use describe::Described;
pub use error::WatchError;
pub use judge::{Missing, Point, State, Verdict, judge};
pub use message::Change;
pub use metric::Metric;
pub use pace::Pace;
pub use statistic::Statistic;
pub use store::Store;
pub use watch::{Row, Watch};
pub use widget::{Drawing, Line, Mark, Widget};
