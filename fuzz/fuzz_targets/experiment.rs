//! See `properties::experiment`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::experiment(data));
