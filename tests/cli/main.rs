//! What users of the command line see: standard output, standard error and exit status of every
//! verb in one snapshot, on the simulator with a database of its own.

#![allow(clippy::unwrap_used)] // a test may give up

mod changes;
mod confirm;
mod database;
mod doctor;
mod drain;
mod dropin;
mod edit;
mod everyday;
mod health;
mod history;
mod host;
mod import;
mod json;
mod lab;
mod looks;
mod maintenance;
mod migration;
mod real_server;
mod refusals;
mod scripts;
mod simulated;
mod source_nat;
mod statuses;
mod texts;
mod trial;
mod unwritten;
mod views;
mod waiting;
