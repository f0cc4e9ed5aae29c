//! A command line as changes to make together: for `--atomic` and `--record`, which are ours.

use std::io::Read;

use super::kind::Command;
use super::line::Line;
use super::refusal::Refusal;
use super::session;
use crate::error::{Error, Kind, Place, Result};
use crate::ipvs::Request;

/// A change, and the line of standard input that asks for it, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the kernel is to do.
    pub request: Request,
    /// Where it was asked for; none for a command line.
    pub place: Option<Place>,
    /// The words that ask for it, with the program: `ipvsadm -D -t 192.0.2.1:80`.
    pub words: String,
}

impl Change {
    /// Puts the line that asked for it into an error.
    pub(super) fn blame(&self, error: Error) -> Error {
        match &self.place {
            Some(place) => error.at(place.clone()),
            None => error,
        }
    }
}

/// Says whether a command line changes the table, and all that it changes stands in it: it neither
/// lists nor reads standard input.
pub fn is_one_change(words: &[String]) -> bool {
    let line = Line::parse(words.to_vec());
    line.is_ok_and(|line| {
        !matches!(
            line.command,
            Command::List | Command::Save | Command::Restore
        )
    })
}

/// Understands a command line; `-R` reads all of standard input, where blank lines and lines that
/// begin with `#` are left out.
///
/// # Errors
/// `usage` where one line is not understood, or is no change.
pub fn changes(words: Vec<String>) -> Result<Vec<Change>> {
    let text = session::command_line(&words);
    let line = Line::parse(words).map_err(refused)?;
    if line.command != Command::Restore {
        let request = change(&line)?;
        return Ok(vec![Change {
            request,
            place: None,
            words: text,
        }]);
    }
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|e| Error::system("cannot read standard input", &e))?;
    of_text(&text)
}

fn of_text(text: &str) -> Result<Vec<Change>> {
    let mut all = Vec::new();
    for (index, source) in text.lines().enumerate() {
        let words: Vec<String> = source
            .split_whitespace()
            .filter(|word| *word != "ipvsadm")
            .map(str::to_owned)
            .collect();
        if words.is_empty() || source.trim_start().starts_with('#') {
            continue;
        }
        let place = Place {
            file: "<stdin>".to_owned(),
            line: index + 1,
            column: 0,
            source: source.to_owned(),
        };
        let text = session::command_line(&words);
        let request = Line::parse(words)
            .map_err(refused)
            .and_then(|line| change(&line))
            .map_err(|error| error.at(place.clone()))?;
        all.push(Change {
            request,
            place: Some(place),
            words: text,
        });
    }
    Ok(all)
}

fn change(line: &Line) -> Result<Request> {
    session::request(line).ok_or_else(|| {
        let name = line.command.name();
        Error::new(
            Kind::Usage,
            format!("\"{name}\" has no place among changes that are made together"),
        )
    })
}

fn refused(refusal: Refusal) -> Error {
    let why = match refusal {
        Refusal::Fail(why) | Refusal::Line(why) => why,
        Refusal::NoCommand => "a line begins with a command, like -A".to_owned(),
        Refusal::Help | Refusal::Version => "this is no change".to_owned(),
    };
    Error::new(Kind::Usage, why.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_comments_left_out() {
        let text = "# web\n\n-A -t 192.0.2.1:80\nipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1 -m\n";
        let all = of_text(text).unwrap();
        let lines: Vec<_> = all
            .iter()
            .filter_map(|c| c.place.as_ref())
            .map(|p| p.line)
            .collect();
        assert_eq!(lines, [3, 4]);
        for (text, line, why) in [
            (
                "-C\n-L\n",
                2,
                "\"list\" has no place among changes that are made together",
            ),
            (
                "\n-A\n",
                2,
                "You need to supply the 'service-address' option for the 'add-service' command",
            ),
            ("-A -q\n", 1, "-q: unknown option"),
            ("x\n", 1, "a line begins with a command, like -A"),
        ] {
            let error = of_text(text).unwrap_err();
            assert_eq!(error.place().map(|place| place.line), Some(line));
            assert_eq!(error.message(), why);
        }
    }
}
