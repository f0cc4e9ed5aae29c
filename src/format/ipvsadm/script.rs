//! A shell script as the commands that are run, one after the other: variables that are set to
//! plain values, commands in one line, output that goes elsewhere.
//!
//! Nothing here is a shell. What a line's signs mean beyond that is left to [`super::shell`], which
//! refuses the line where it matters.

use super::branches::{Branches, Step};
use super::programs::FUNCTIONS;
use super::shell;
use super::words::is_assignment;
use super::words::{Line, Trouble, Variables, split_with};

/// Commands that may set the variables that they name.
const SETTING: [&str; 13] = [
    "read",
    "unset",
    "let",
    "declare",
    "typeset",
    "local",
    "getopts",
    "mapfile",
    "readarray",
    "printf",
    "for",
    "select",
    "eval",
];

/// A script while it is read.
#[derive(Debug, Default)]
pub(super) struct Script {
    variables: Variables,
    pub(super) branches: Branches,
}

impl Script {
    /// The commands of a line that are run.
    pub(super) fn commands(&mut self, line: Line) -> Vec<Line> {
        let number = line.number;
        let (text, column) = match self.branches.step(number, &line.text) {
            Step::Outside => (line.text, 0),
            Step::Skipped => return Vec::new(),
            Step::Run(text, column) => (text, column),
            Step::Refused(trouble) => {
                return vec![Line {
                    words: Err(trouble),
                    ..line
                }];
            }
        };
        let whole = |words| Line {
            number,
            text: text.clone(),
            words,
        };
        let pieces = match pieces(&text) {
            Ok(pieces) => pieces,
            Err(sign) => {
                let words = match sign {
                    Some((c, at)) => Err(Trouble::shell(c, at)),
                    None => split_with(&text, &self.variables),
                };
                return self.command(whole(words), column).into_iter().collect();
            }
        };
        let mut commands = Vec::new();
        for piece in pieces {
            let command = Line {
                number,
                words: split_with(&piece.bare, &self.variables),
                text: piece.text,
            };
            // Whether the next command runs depends on a command whose outcome is not known here.
            if let Some(at) = piece.and
                && !command.words.as_deref().is_ok_and(shell::does_something)
            {
                let words = Err(Trouble::shell('&', at));
                return self.command(whole(words), column).into_iter().collect();
            }
            commands.extend(self.command(command, column + piece.column));
        }
        commands
    }

    /// Keeps what a command does to variables; gives the command where it does anything else.
    fn command(&mut self, mut line: Line, column: usize) -> Option<Line> {
        match &mut line.words {
            Ok(words) if words.is_empty() => return None,
            Ok(words) if words.iter().all(|word| is_assignment(word)) => {
                words.iter().for_each(|word| self.assign(word));
                return None;
            }
            Ok(words) => match words.split_first() {
                Some((first, rest)) if ["export", "readonly"].contains(&first.as_str()) => {
                    rest.iter().for_each(|word| self.assign(word));
                }
                Some((first, [file, ..])) if [".", "source"].contains(&first.as_str()) => {
                    if !FUNCTIONS.contains(&file.as_str()) {
                        self.variables.clear();
                    }
                }
                _ => self.forget(&line.text),
            },
            Err(trouble) => {
                if trouble.column > 0 {
                    trouble.column += column;
                }
                self.forget(&line.text);
            }
        }
        Some(line)
    }

    fn assign(&mut self, word: &str) {
        if let Some((name, value)) = word.split_once('=')
            && is_assignment(word)
        {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Forgets the variables that a command may set.
    fn forget(&mut self, text: &str) {
        let words = || text.split(|c: char| c.is_whitespace() || c == ';');
        if words().any(|word| [".", "source", "eval"].contains(&word)) {
            self.variables.clear();
        }
        let may_set_any = words().any(|word| SETTING.contains(&word));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let may_be_set = |name: &String| {
            text.match_indices(name.as_str()).any(|(at, _)| {
                let before = text.get(..at).and_then(|text| text.chars().next_back());
                let after = text
                    .get(at + name.len()..)
                    .and_then(|text| text.chars().next());
                let is_whole = !before.is_some_and(|c| is_name(c) || c == '$' || c == '{')
                    && !after.is_some_and(is_name);
                is_whole
                    && (may_set_any || after.is_some_and(|c| ['=', '+', '-', '['].contains(&c)))
            })
        };
        self.variables.retain(|name, _| !may_be_set(name));
    }
}

/// One of several commands in a line.
struct Piece {
    /// As it stands there.
    text: String,
    /// The same without where its output goes; columns stay.
    bare: String,
    /// The column of its beginning, counted from 0.
    column: usize,
    /// The column of the `&&` behind it.
    and: Option<usize>,
}

/// The commands of a line.
///
/// # Errors
/// The first sign of a shell that does more than part commands or lead output elsewhere, and its
/// place; none where a quote is not closed, or a target is missing.
fn pieces(line: &str) -> Result<Vec<Piece>, Option<(char, usize)>> {
    let chars: Vec<char> = line.chars().collect();
    let at = |place: usize| chars.get(place).copied();
    let mut bare = chars.clone();
    let mut ends: Vec<(usize, usize, Option<usize>)> = Vec::new();
    let mut place = 0;
    let mut in_word = false;
    while let Some(c) = at(place) {
        let began = place;
        match c {
            '#' if !in_word => break,
            '\'' | '"' => place = closing(&chars, place).ok_or(None)?,
            '\\' => place += 1,
            '$' if at(place + 1) == Some('(') => return Err(Some((c, place))),
            '`' | '(' | ')' | '|' | '<' => return Err(Some((c, place))),
            ';' if at(place + 1) == Some(';') => return Err(Some((c, place))),
            ';' => ends.push((place, place + 1, None)),
            '&' if at(place + 1) == Some('&') => {
                ends.push((place, place + 2, Some(place)));
                place += 1;
            }
            '&' if at(place + 1) == Some('>') => {
                place = redirection(&chars, place + 1).ok_or(None)?;
                blank(&mut bare, began, place);
            }
            '&' => return Err(Some((c, place))),
            '>' => {
                let digits = |from: usize| at(from).is_some_and(|c| c.is_ascii_digit());
                let mut from = place;
                while from > 0 && digits(from - 1) {
                    from -= 1;
                }
                // `a2>x` writes the output of `a2`.
                let is_number = from == 0 || at(from - 1).is_some_and(char::is_whitespace);
                place = redirection(&chars, place).ok_or(None)?;
                blank(&mut bare, if is_number { from } else { began }, place);
            }
            _ => {}
        }
        in_word = !c.is_whitespace() && !matches!(c, ';' | '&' | '>');
        place += 1;
    }
    let mut pieces = Vec::new();
    let mut from = 0;
    let text = |chars: &[char], from, to| -> String {
        chars.get(from..to).unwrap_or_default().iter().collect()
    };
    for (end, next, and) in ends.into_iter().chain([(chars.len(), chars.len(), None)]) {
        pieces.push(Piece {
            text: text(&chars, from, end),
            bare: text(&bare, from, end),
            column: from,
            and,
        });
        from = next;
    }
    Ok(pieces)
}

/// The place of the quote that closes the one at `from`.
fn closing(chars: &[char], from: usize) -> Option<usize> {
    let quote = *chars.get(from)?;
    let mut place = from + 1;
    loop {
        match *chars.get(place)? {
            c if c == quote => return Some(place),
            '\\' if quote == '"' => place += 2,
            _ => place += 1,
        }
    }
}

/// The last place of a redirection of output whose `>` is at `from`: `>x`, `>> x`, `>&1`.
fn redirection(chars: &[char], from: usize) -> Option<usize> {
    let at = |place: usize| chars.get(place).copied();
    let mut place = from + 1;
    if at(place).is_some_and(|c| ['>', '|', '&'].contains(&c)) {
        place += 1;
    }
    while at(place).is_some_and(|c| c == ' ' || c == '\t') {
        place += 1;
    }
    let target = place;
    while let Some(c) = at(place) {
        match c {
            '\'' | '"' => place = closing(chars, place)?,
            '`' | '(' | ')' | '<' => return None,
            ';' | '&' | '|' | '>' => break,
            c if c.is_whitespace() => break,
            _ => {}
        }
        place += 1;
    }
    (place > target).then_some(place - 1)
}

fn blank(chars: &mut [char], from: usize, to: usize) {
    if let Some(part) = chars.get_mut(from..=to) {
        part.fill(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::lines;
    use super::*;

    fn commands(text: &str) -> Vec<String> {
        let mut script = Script::default();
        let commands = lines(text)
            .into_iter()
            .flat_map(|line| script.commands(line));
        commands
            .map(|line| match line.words {
                Ok(words) => words.join("|"),
                Err(trouble) => format!("{}@{}", trouble.error.message(), trouble.column),
            })
            .collect()
    }

    #[test]
    fn commands_of_one_line_are_parted() {
        for (text, wanted) in [
            ("a b; c;", vec!["a|b", "c"]),
            ("-A -t x && -a -t x -r y", vec!["-A|-t|x", "-a|-t|x|-r|y"]),
            ("ipvsadm -C >/dev/null 2>&1", vec!["ipvsadm|-C"]),
            ("ipvsadm -C &> /dev/null; x", vec!["ipvsadm|-C", "x"]),
            ("ipvsadm -Sn > '/etc/a; b'", vec!["ipvsadm|-Sn"]),
            ("a2>x b", vec!["a2|b"]),
            ("a 'b; c' \"d && e\" # ; f", vec!["a|b; c|d && e"]),
            ("a \\; b", vec!["a|;|b"]),
        ] {
            assert_eq!(commands(text), wanted, "{text}");
        }
        // The sign that is to blame is named.
        assert_eq!(
            commands("a > b || c"),
            ["\"|\" is for a shell, and this is none@7"]
        );
        for text in [
            "a | b",
            "a || b",
            "a &",
            "a < b",
            "a; (b)",
            "a ;; b",
            "a `b; c`",
            "a >",
            "test -f x && ipvsadm -C",
            "[ -f x ] && VIP=1",
        ] {
            let said = commands(text);
            assert_eq!(said.len(), 1, "{text}: {said:?}");
            assert!(said[0].contains("is for a shell"), "{text}: {said:?}");
        }
    }

    #[test]
    fn plain_variables_have_their_values() {
        for (text, wanted) in [
            ("A=1 B='x y'\na $A ${B} \"$B\" '$A'", vec!["a|1|x|y|x y|$A"]),
            ("A=1; a $A:80", vec!["a|1:80"]),
            ("A=1\nB=$A.2\na $B", vec!["a|1.2"]),
            ("A=\na $A \"$A\" b", vec!["a||b"]),
            (
                "A=1\n. /etc/init.d/functions\na $A",
                vec![".|/etc/init.d/functions", "a|1"],
            ),
        ] {
            assert_eq!(commands(text), wanted, "{text}");
        }
        // What may have changed a variable makes it unknown.
        for change in [
            "A=$(x)",
            "A+=2",
            "read A",
            "unset A",
            ". /etc/lvs.conf",
            "[ -f x ] && . ./y",
            "test -z \"$1\" || A=2",
            "for A in 1 2; do",
        ] {
            let text = format!("A=1\n{change}\na $A");
            let said = commands(&text);
            assert_eq!(
                said.last().unwrap(),
                "\"$\" is for a shell, and this is none@3",
                "{text}"
            );
        }
        for text in ["a $B", "A=1\na ${A:-2}", "A=1\na ${A", "a $1"] {
            assert!(commands(text)[0].contains("is for a shell"), "{text}");
        }
    }
}
