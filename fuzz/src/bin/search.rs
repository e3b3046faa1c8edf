//! Lets libFuzzer call the target that the environment variable `FUZZ_TARGET` names.
#![no_main]

use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "libFuzzer has the arguments for itself, so the target comes from the environment"
)]
fn chosen() -> fn(&[u8]) {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names the target");
    fuzz::target(&name).expect("FUZZ_TARGET is the name of a target")
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET.get_or_init(chosen)(data));
