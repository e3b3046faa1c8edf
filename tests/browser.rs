//! Owns the tests in a real browser: headless Chromium, driven through WebDriver.
//!
//! Case 12 of the capability: what a page of an allowed origin can do, and a foreign one cannot.
//! Every test's name begins with `slow_`, since the browser takes seconds to start.

mod chromium;
mod front_end;
mod pages;
mod preflights;
mod stage;
