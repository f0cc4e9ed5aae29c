//! Lines of ipvsadm typed at the prompt: answered with the same thing in our language.

use crate::error::{Error, Result};
use crate::format::{Translated, translate};

/// The letters that are commands of ipvsadm.
const COMMANDS: &[char] = &['A', 'E', 'D', 'C', 'R', 'S', 'a', 'e', 'd', 'L', 'l', 'Z'];

/// What to do about a line of ipvsadm.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Offer this line, ready to run.
    Offer(String),
    /// Run this line: it only shows.
    Run(String),
    /// Say this.
    Say(&'static str),
}

/// Says whether a line is one for ipvsadm; `-a` alone may be a variable with a sign.
pub(super) fn is_line(line: &str) -> bool {
    let line = line.trim();
    let mut words = line.split_whitespace();
    let first = match words.next() {
        Some("sudo") => words.next(),
        first => first,
    };
    match first {
        Some(word) if word.rsplit('/').next() == Some("ipvsadm") => true,
        Some(word) => is_command(word),
        None => false,
    }
}

fn is_command(word: &str) -> bool {
    if let Some(name) = word.strip_prefix("--") {
        return name.starts_with(|c: char| c.is_ascii_alphabetic());
    }
    let Some(letters) = word.strip_prefix('-') else {
        return false;
    };
    letters.starts_with(COMMANDS) && letters.chars().all(char::is_alphabetic)
}

/// What to do about it: one line, or several that were pasted together.
///
/// # Errors
/// `invalid` for what ipvsadm would not understand either.
pub(super) fn answer(text: &str) -> Result<Answer> {
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.len() < 2 {
        return of_line(text);
    }
    let mut code = Vec::with_capacity(lines.len());
    for line in lines {
        match of_line(line).map_err(|error| error.object(line))? {
            Answer::Offer(one) => code.push(one),
            Answer::Run(_) | Answer::Say(_) => {
                let why = "among several lines only those that change something are understood";
                return Err(Error::invalid(why).object(line));
            }
        }
    }
    Ok(Answer::Offer(code.join(";\n")))
}

fn of_line(line: &str) -> Result<Answer> {
    let translated = translate(line).map_err(|error: Error| {
        error.hint("ipvsadm itself is there too, outside of this prompt: ipvsh ipvsadm ...")
    })?;
    Ok(match translated {
        Translated::Change(code) => Answer::Offer(code),
        Translated::View(code) => Answer::Run(code),
        Translated::Save => Answer::Say(
            "every commit is saved (history). To a file: ipvsh export, or save(\"FILE\")",
        ),
        Translated::Restore => Answer::Say(
            "a file that ipvsadm -S wrote: load(\"FILE\"). What was committed last: restore()",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_become_several() {
        let text = "-A -t 192.0.2.1:80 -s rr\n\n# web\n-a -t 192.0.2.1:80 -r 10.0.0.1 -m\n";
        let code = "tcp(\"192.0.2.1:80\", #{ scheduler: \"rr\" });\n\
                    find(\"tcp 192.0.2.1:80\").server(\"10.0.0.1:80\", #{ forward: \"masq\" })";
        assert_eq!(answer(text).unwrap(), Answer::Offer(code.to_owned()));
        for (text, object) in [("-C\n-S", "-S"), ("-C\n-A -t 192.0.2.1:80 -Q", "-A -t")] {
            let error = answer(text).unwrap_err();
            assert!(error.object_name().unwrap().starts_with(object), "{error}");
        }
    }

    #[test]
    fn lines_of_ipvsadm_are_known() {
        for line in [
            "-A -t x",
            "ipvsadm",
            "sudo ipvsadm -Ln",
            "-Ln",
            "--set 1 2 3",
            " -C",
        ] {
            assert!(is_line(line), "{line}");
        }
        for line in [
            "-1 + 2",
            "-x",
            "",
            "- A",
            "ipvsadmin",
            "--1",
            "-(1)",
            "-abs(1)",
        ] {
            assert!(!is_line(line), "{line}");
        }
    }
}
