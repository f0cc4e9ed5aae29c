//! Everything that needs a real IPVS kernel and root: one binary, so that one boot of the
//! emulated machine serves all of it (`scripts/runner`). Each test has network namespaces of its
//! own. They fail, never skip, where the kernel is missing.

// clippy.toml's exceptions for tests do not reach the helpers of integration tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod answers;
#[path = "../common/certificates.rs"]
mod certificates;
mod checks;
mod confirm;
mod conformance;
mod daemons;
mod differential;
mod director;
mod doctor;
mod doctor_host;
mod drain;
mod everyday;
mod faults;
mod guide;
mod health;
mod history;
mod host;
mod host_faults;
mod import;
mod ipvs;
mod marks;
mod modules;
mod netlink;
mod netns;
mod notes;
mod others;
mod owners;
mod packets;
#[path = "../common/pages.rs"]
#[allow(dead_code)] // tests/documents uses the rest of it
mod pages;
mod promises;
mod real_server;
mod shift;
mod source_nat;
mod top;
mod trial;
mod views;
