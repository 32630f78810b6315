//! Fuzzes the offline reader. From this crate's folder, with `cargo install cargo-fuzz` and a nightly
//! toolchain, for ten minutes:
//!
//! ```text
//! CARGO_TARGET_DIR=~/.cache/harness/journal-fuzz cargo +nightly fuzz run read -- -max_total_time=600 -max_len=20000
//! ```

#![no_main]

#[path = "../oracle.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(&oracle::shape(data)));
