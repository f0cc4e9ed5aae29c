//! The tests that stand in the build script.

#![allow(clippy::unwrap_used)] // a test may give up

#[allow(dead_code)] // its main is cargo's to call
#[path = "../build.rs"]
mod build;
