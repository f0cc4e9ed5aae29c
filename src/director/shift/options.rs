//! How a shift goes.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::Options;
use crate::model::patch::{check_names, wrong};

/// The options of a shift; `check`, a function, is the script's own affair.
pub const SHIFT_OPTIONS: [&str; 3] = ["steps", "pause", "check"];

/// The longest pause: a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How a shift goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftOptions {
    /// The shares of the new servers in percent, rising.
    pub steps: Vec<u32>,
    /// How long it waits after a step.
    pub pause: Duration,
}

impl Default for ShiftOptions {
    fn default() -> ShiftOptions {
        ShiftOptions {
            steps: vec![10, 50, 100],
            pause: Duration::from_secs(60),
        }
    }
}

impl ShiftOptions {
    /// Reads an option map.
    ///
    /// # Errors
    /// `invalid` for unknown names and values out of range.
    pub fn parse(options: &Options) -> Result<ShiftOptions> {
        check_names(options, &SHIFT_OPTIONS, "shift")?;
        let mut shift = ShiftOptions::default();
        if let Some(value) = options.get("steps") {
            let list = value.as_array();
            let list = list.ok_or_else(|| wrong("steps", "an array of whole numbers", value))?;
            let percent = |value: &serde_json::Value| {
                let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
                number.filter(|number| (1..=100).contains(number))
            };
            let steps: Option<Vec<u32>> = list.iter().map(percent).collect();
            shift.steps = ShiftOptions::rising(steps.unwrap_or_default())?;
        }
        if let Some(value) = options.get("pause") {
            let seconds = value.as_f64();
            let seconds = seconds.ok_or_else(|| wrong("pause", "a number", value))?;
            shift.pause = ShiftOptions::pause_of(seconds)?;
        }
        Ok(shift)
    }

    /// Checks the shares of the steps in percent.
    ///
    /// # Errors
    /// `invalid` where there are none, or they do not rise from 1 to 100.
    pub fn rising(steps: Vec<u32>) -> Result<Vec<u32>> {
        let is_fine = steps.is_sorted_by(|one, next| one < next)
            && steps.iter().all(|step| (1..=100).contains(step));
        match is_fine && !steps.is_empty() {
            true => Ok(steps),
            false => Err(
                Error::invalid("steps must rise, each from 1 to 100 percent")
                    .about("steps")
                    .hint("like steps: [10, 50, 100] (--steps 10,50,100)"),
            ),
        }
    }

    /// A pause in seconds.
    ///
    /// # Errors
    /// `invalid` outside 0 to a day.
    pub fn pause_of(seconds: f64) -> Result<Duration> {
        let pause = Duration::try_from_secs_f64(seconds).ok();
        pause.filter(|pause| *pause <= LONGEST).ok_or_else(|| {
            Error::invalid(format!("pause {seconds} is out of range"))
                .about("pause")
                .hint("pause is 0 to 86400 seconds")
        })
    }
}
