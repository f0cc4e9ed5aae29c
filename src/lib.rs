//! ipvsh, the shell of Linux's layer-4 load balancer (LVS/IPVS), as a library.
//!
//! Layers, lowest first; a file imports only from its own layer or a lower one (a test,
//! `tests/layers.rs`, enforces it):
//!
//! | layer | place | owns |
//! |---|---|---|
//! | 0 | [`error`], [`model`], [`clock`], [`signals`], [`threads`] | plain data with validation; the time; who ends us and when; two things at once |
//! | 1 | [`candidate`], [`plan`], [`health`], [`notes`], [`mod@format`], [`views`] | pure decisions: what was asked for, what must change, which servers are up, what may be regretted; rulesets as text; live state as rows |
//! | 2 | [`netlink`], [`ipvs`], [`marks`], [`kernel`], [`probe`], [`store`], [`runtime`], [`background`] | the outside world behind small traits |
//! | 3 | [`director`], [`doctor`], [`daemon`], [`ipvsadm`], [`dropin`], [`trial`] | the use cases; what is misconfigured here; the long-running process; the drop-in for ipvsadm, and its place; who answers a client |
//! | 4 | [`api`] | one table of facts per script function |
//! | 5 | [`script`] | the Rhai engine |
//! | 6 | [`shell`], [`output`], [`top`] | the prompt; tables, JSON, colour; the full screen |
//! | 7 | [`commands`] | one file per verb |

pub mod api;
pub mod background;
pub mod candidate;
pub mod clock;
pub mod commands;
pub mod daemon;
pub mod director;
pub mod doctor;
pub mod dropin;
pub mod error;
pub mod format;
pub mod health;
pub mod ipvs;
pub mod ipvsadm;
pub mod kernel;
pub mod marks;
pub mod model;
pub mod netlink;
pub mod notes;
pub mod output;
pub mod plan;
pub mod probe;
pub mod runtime;
pub mod script;
pub mod shell;
pub mod signals;
pub mod store;
pub mod threads;
pub mod top;
pub mod trial;
pub mod views;
