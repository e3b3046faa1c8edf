//! The protocol that makes an effect happen once: modelled, simulated, raced, and compared with a
//! plain specification.

mod auditing;
mod faults;
mod history;
mod model;
mod races;
mod rush;
mod specification;
mod spread;
mod your_own;
