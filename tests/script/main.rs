//! Scripts on the simulator: the contract of the script API, its errors, its table.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod callbacks;
mod contract;
mod corpus;
mod errors;
mod foreign;
mod host;
mod imports;
mod interface;
mod lab;
mod refusals;
mod table;
mod views;
mod waits;
