//! Options that several verbs share.

use std::path::PathBuf;

use clap::Args;

use crate::director::ChangeOptions;
use crate::error::Error;
use crate::model::Grace;
use crate::output::{ColorWhen, Verbosity};

/// Options of every verb, before or behind it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// The database's directory (IPVSH_DB) [default: /var/lib/ipvsh; not root: ~/.local/state/ipvsh]
    #[arg(long, global = true, value_name = "DIR")]
    pub db: Option<PathBuf>,
    /// A simulated kernel with a database of its own: nothing of this host is touched
    #[arg(long, global = true)]
    pub sim: bool,
    /// Results as JSON; the error that ends a command too, on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours (NO_COLOR is obeyed)
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: ColorWhen,
    /// No pager for long results (also: IPVSH_PAGER=)
    #[arg(long, global = true)]
    pub no_pager: bool,
    /// Results and errors only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Timings and counts too
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

impl Global {
    /// How much is said.
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }

    /// These options for a command typed at a prompt that has them: what it says of its own result
    /// goes first, kernel and database stay.
    pub fn overridden_by(&self, given: &Global) -> Global {
        let says_how_much = given.quiet || given.verbose;
        let of = |own: bool, given: bool| if says_how_much { given } else { own };
        Global {
            db: self.db.clone(),
            sim: self.sim,
            json: self.json || given.json,
            color: match given.color {
                ColorWhen::Auto => self.color,
                given => given,
            },
            no_pager: self.no_pager || given.no_pager,
            quiet: of(self.quiet, given.quiet),
            verbose: of(self.verbose, given.verbose),
        }
    }
}

/// Options of verbs that change something.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of a change")]
pub(super) struct ChangeArgs {
    /// Only print what would be done
    #[arg(long)]
    pub plan: bool,
    /// The snapshot's message [default: made from the change]
    #[arg(short, long, value_name = "MESSAGE")]
    message: Option<String>,
    /// Roll back by itself unless `ipvsh confirm` comes within SECONDS
    #[arg(long, value_name = "SECONDS", value_parser = Grace::parse)]
    confirm: Option<Grace>,
    /// Take over what somebody else made and this declares differently
    #[arg(long)]
    adopt: bool,
    /// Look at everything, and remove what ipvsh does not manage
    #[arg(long)]
    exact: bool,
    /// Allow the removal of more than half of ten or more services, of all of three or more, and of
    /// what was there before ipvsh managed it
    #[arg(long)]
    allow_removals: bool,
    /// Answer yes where a terminal would ask; never instead of --allow-removals
    #[arg(short, long)]
    pub yes: bool,
}

impl ChangeArgs {
    /// The same for the director.
    pub fn options(&self) -> ChangeOptions {
        ChangeOptions {
            message: self.message.clone(),
            adopt: self.adopt,
            exact: self.exact,
            allow_removals: self.allow_removals,
            keep_weights: false,
            keep_serving: false,
            confirm: self.confirm,
            plan_only: self.plan,
        }
    }

    /// The same with a message, where none was given.
    pub fn with_message(&self, message: &str) -> ChangeArgs {
        ChangeArgs {
            message: Some(self.message.clone().unwrap_or_else(|| message.to_owned())),
            ..self.clone()
        }
    }

    /// The same, only printing what would be done.
    pub fn planning(&self) -> ChangeArgs {
        ChangeArgs {
            plan: true,
            ..self.clone()
        }
    }

    /// Says whether any of them was given.
    pub fn is_given(&self) -> bool {
        self.yes || self.options() != ChangeOptions::default()
    }
}

/// Options of verbs that bring the kernel to a snapshot.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct KeepArgs {
    /// Leave a real server at weight 0 where the kernel has it there: a health checker did that
    #[arg(long)]
    pub keep_weights: bool,
}

/// Options of verbs that compare.
#[derive(Debug, Clone, Args)]
pub(super) struct CompareArgs {
    /// Exit with status 10 where there are differences
    #[arg(long)]
    exit_code: bool,
}

/// The status that says "there are differences", with `--exit-code`.
pub(super) const DIFFERENT: u8 = 10;

impl CompareArgs {
    /// The exit status where nothing could be compared.
    pub fn unknown(&self, error: &Error) -> u8 {
        match self.exit_code {
            true => error.kind().exit_status(),
            false => 0,
        }
    }

    /// The exit status of a comparison.
    pub fn status(&self, differs: bool) -> u8 {
        match self.exit_code && differs {
            true => DIFFERENT,
            false => 0,
        }
    }
}

/// Reads how many of something are shown: one at least.
///
/// # Errors
/// Words for 0 and for what is no number.
pub(super) fn some(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it shows 1 or more".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("it is a number, 1 or more".to_owned()),
    }
}
