//! No key set or secret makes its reader panic.
#![no_main]

use authorizer::KeySet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = KeySet::from_jwks(bytes);
    let _ = KeySet::from_secret(&String::from_utf8_lossy(bytes), 32);
});
