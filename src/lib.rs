//! ipvsh, the shell of Linux's layer-4 load balancer (LVS/IPVS), as a library.
//!
//! Layers, lowest first; a file imports only from its own layer or a lower one (a test,
//! `tests/layers.rs`, enforces it):
//!
//! | layer | place | owns |
//! |---|---|---|
//! | 0 | [`error`], [`model`], [`signals`] | plain data with validation; who ends us and when |
//! | 1 | [`candidate`], [`plan`], [`mod@format`] | pure decisions: what was asked for, what must change; rulesets as text |
//! | 2 | [`ipvs`], [`marks`], [`kernel`], [`store`] | the outside world behind small traits |
//! | 3 | [`director`] | the use cases |
//! | 4 | `api` | one table of facts per script function |

pub mod candidate;
pub mod director;
pub mod error;
pub mod format;
pub mod ipvs;
pub mod kernel;
pub mod marks;
pub mod model;
pub mod plan;
pub mod signals;
pub mod store;
