//! Lab 2.
fn main() {}
