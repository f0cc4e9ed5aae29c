//! What must change to bring a kernel to what is wanted. Pure: no input, no output.

mod step;

pub use step::Step;
