//! The fix of a note, and its forms: for the shell of the operator, and for the prompt.

use std::fmt;

use crate::model::shell_word;

/// What ends a matter or shows more of it. It harms nothing where all is as it should be; what only
/// the operator knows is a word in capitals (`ADDRESS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// A line of a script, for the prompt or for `ipvsh -e`.
    Script(String),
    /// A verb of ipvsh, with the program's name: `ipvsh show marks`.
    Verb(String),
    /// A command of another program, for a shell.
    Shell(String),
}

/// What only the operator knows, as fixes have it.
const PLACEHOLDERS: [&str; 3] = ["ADDRESS", "PORT", "METHOD"];

impl Fix {
    /// Returns true if nothing in it is left for the operator to fill in.
    pub fn is_complete(&self) -> bool {
        let is_end = |c: char| !(c.is_alphanumeric() || c == '_');
        let mut words = self.at_prompt().split(is_end);
        !words.any(|word| PLACEHOLDERS.contains(&word))
    }

    /// Returns the name of the kind, as JSON has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Fix::Script(_) => "script",
            Fix::Verb(_) => "verb",
            Fix::Shell(_) => "shell",
        }
    }

    /// Returns the line of a script, where the fix is one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Fix::Script(code) => Some(code),
            Fix::Verb(_) | Fix::Shell(_) => None,
        }
    }

    /// Returns the text to type at a prompt or in a script; where the fix is no line of a script,
    /// the command.
    pub fn at_prompt(&self) -> &str {
        match self {
            Fix::Script(text) | Fix::Verb(text) | Fix::Shell(text) => text,
        }
    }
}

/// The command to paste into a shell.
impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fix::Script(code) => write!(f, "ipvsh -e {}", shell_word(code)),
            Fix::Verb(command) | Fix::Shell(command) => f.write_str(command),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_with_a_word_for_the_operator_is_not_complete() {
        let is_complete = |code: &str| Fix::Script(code.to_owned()).is_complete();
        assert!(is_complete("sysctl(\"net.ipv4.ip_forward\", 1)"));
        assert!(!is_complete(
            "find(\"tcp 192.0.2.1:80\").server(\"ADDRESS:80\")"
        ));
        assert!(!is_complete("set(#{ forward: \"METHOD\" })"));
        assert!(is_complete("disable(\"MYPORT\")"));
    }

    #[test]
    fn a_line_of_a_script_is_quoted_for_the_shell() {
        let code = "find(\"it's\").set(#{ weight: 1 })";
        let fix = Fix::Script(code.to_owned());
        assert_eq!(
            fix.to_string(),
            r#"ipvsh -e 'find("it'\''s").set(#{ weight: 1 })'"#
        );
        assert_eq!((fix.at_prompt(), fix.code()), (code, Some(code)));
        for fix in [
            Fix::Verb("ipvsh show marks".to_owned()),
            Fix::Shell("sysctl -w net.ipv4.ip_forward=1; true".to_owned()),
        ] {
            assert_eq!(fix.to_string(), fix.at_prompt());
            assert_eq!(fix.code(), None);
        }
    }
}
