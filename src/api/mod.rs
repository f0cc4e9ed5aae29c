//! One table of facts per script function.
//!
//! Layer 4: imports the director and what is below. The table feeds registration (`register`),
//! `help`, the reference page (`reference`), completion, and a test per row that runs its
//! example. Names and behaviour are DESIGN's "Script API"; option names are `model::patch`'s.

pub mod call;
pub mod checks;
pub mod context;
pub mod convert;
pub mod doctor;
pub mod fact;
pub mod files;
pub mod help;
pub mod manual;
pub mod names;
pub mod options;
pub mod properties;
pub mod reference;
pub mod register;
pub mod report;
pub mod roff;
pub mod synonyms;
pub mod types;
pub mod value;
pub mod values;
pub mod view;
pub mod wait;

mod change;
mod daemons;
mod drain;
pub mod health;
mod host;
mod live;
mod maintenance;
mod marks;
mod served_vips;
mod servers;
mod services;
mod settings;
mod shift;
mod standard;
mod sysctls;
mod timeouts;
mod top;
mod views;
mod vips;

pub use context::Context;
pub use fact::{Form, Function, Group, On, Opt, Param, Property};
pub use live::LIVE_TAG;
pub use register::register;
pub use types::Type;

/// Every function, chapter by chapter.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    [
        services::FUNCTIONS,
        servers::FUNCTIONS,
        maintenance::FUNCTIONS,
        marks::FUNCTIONS,
        timeouts::FUNCTIONS,
        daemons::FUNCTIONS,
        vips::FUNCTIONS,
        served_vips::FUNCTIONS,
        sysctls::FUNCTIONS,
        change::FUNCTIONS,
        live::FUNCTIONS,
        health::FUNCTIONS,
        doctor::FUNCTIONS,
        views::FUNCTIONS,
        top::FUNCTIONS,
        drain::FUNCTIONS,
        shift::FUNCTIONS,
        host::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}
