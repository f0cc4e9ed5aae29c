//! What to do when something went wrong: the words that help, errors and status share.

/// A trouble, and the one thing that helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedy {
    /// What went wrong.
    pub trouble: &'static str,
    /// What to type at a shell.
    pub command: &'static str,
    /// The same at the prompt and in scripts.
    pub call: &'static str,
}

/// The kernel does not hold what it should.
pub const RESTORE: Remedy = Remedy {
    trouble: "the kernel lost its rules",
    command: "ipvsh restore",
    call: "restore()",
};

/// The unit of systemd that restores at boot.
pub const BOOT_UNIT: &str = "ipvsh-restore.service";

/// The unit of systemd that runs the checks.
pub const DAEMON_UNIT: &str = "ipvsh-daemon.service";

/// The newest snapshot is wrong.
pub const ROLLBACK: Remedy = Remedy {
    trouble: "the last change was bad",
    command: "ipvsh rollback",
    call: "rollback()",
};

/// A snapshot is wrong, and those after it are right.
pub const REVERT: Remedy = Remedy {
    trouble: "one older change was bad",
    command: "ipvsh revert N",
    call: "revert(N)",
};

/// The candidate is wrong.
pub const DISCARD: Remedy = Remedy {
    trouble: "not committed yet",
    command: "discard() at the prompt",
    call: "discard()",
};

/// All of them, in the order in which to think of them.
pub const ALL: [Remedy; 4] = [RESTORE, ROLLBACK, REVERT, DISCARD];

/// A line for each, with what to type.
pub fn lines(typed: impl Fn(&Remedy) -> &'static str) -> String {
    let line = |remedy: &Remedy| format!("  {:<27}{}", remedy.trouble, typed(remedy));
    ALL.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_align() {
        let text = lines(|remedy| remedy.command);
        assert_eq!(text.lines().count(), ALL.len());
        assert!(
            text.starts_with("  the kernel lost its rules  ipvsh restore\n"),
            "{text}"
        );
    }
}
