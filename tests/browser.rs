//! Tests in a real browser: headless Chromium, controlled through WebDriver.
//!
//! They show what a page of an allowed origin can do and what a page of another origin cannot do.
//! The browser takes seconds to start, so the names of these tests begin with `slow_`.

mod channel;
mod chromium;
mod front_end;
mod interrupted;
mod keyboard;
mod local_pages;
mod pages;
mod preflights;
mod stage;
mod throttle;
