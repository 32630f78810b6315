//! The worker kit.
