//! The prompt in a pseudo-terminal, as its user meets it.

#![allow(clippy::unwrap_used)] // a test may give up

mod answers;
mod completion;
mod demo;
mod lab;
mod questions;
mod state;
mod typing;
mod verbs;
mod welcome;
