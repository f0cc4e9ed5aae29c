//! Why a command line of ipvsadm is not carried out.

/// Says why a command line is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The program ends: a value or a combination is refused.
    Fail(String),
    /// The program ends: no command was understood.
    NoCommand,
    /// This line ends, `-R` goes on with the next: an option that does not exist, a missing value.
    Line(String),
    /// Nothing is wrong: help was asked for.
    Help,
    /// Nothing is wrong: the version was asked for.
    Version,
}

impl Refusal {
    pub(super) fn fail(message: impl Into<String>) -> Refusal {
        Refusal::Fail(message.into())
    }
}
