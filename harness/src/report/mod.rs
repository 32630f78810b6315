//! What people, other programs and CI are told about runs. Everything here is pure but [`live`], which
//! draws on standard error: data goes in, text comes out, and one place elsewhere writes it.

mod bar;
pub mod compare;
pub mod document;
pub mod event;
pub mod explain;
pub mod history;
pub mod junit;
pub mod list;
pub mod live;
pub mod markdown;
mod measured;
pub mod page;
pub mod run_report;
pub mod sentence;
pub mod summary;
pub mod table;
pub mod terminal;
pub mod views;
pub mod words;

#[cfg(test)]
pub mod samples;
