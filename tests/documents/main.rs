//! The pages (*.md) are true: links and anchors lead somewhere, commands and options exist, scripts
//! pass a check, what stands below a command is what it says (on the simulator; the recipes'
//! hosts are in `tests/kernel/guide.rs`), and what the program can say is explained.
//!
//! `IPVSH_UPDATE_DOCUMENTS=1 cargo test --test documents` writes what commands say into the pages:
//! read the difference.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test

mod commands;
mod explained;
mod lab;
mod links;
mod migrating;
mod outputs;
mod tour;

#[path = "../common/pages.rs"]
#[allow(dead_code)] // tests/kernel/guide.rs uses the rest of it
mod pages;

use pages::{Page, root};

/// Fails with everything that is wrong.
#[track_caller]
fn nothing_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn page(name: &str) -> Page {
    Page::read(&root().join(name))
}

/// What stands between backquotes in a line.
fn codes(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// Says whether commands' outputs are written into the pages.
fn updates() -> bool {
    std::env::var_os("IPVSH_UPDATE_DOCUMENTS").is_some()
}
