//! What people write by habit from other languages and tools, found in the text of a script that
//! failed to parse. Each slip is certain: what is written means nothing in a script.

use super::scan::scan;
use super::token::KEYWORDS;
use crate::api::{functions, synonyms};
use crate::model::origin::cut;

/// What was written, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub struct Slip {
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub hint: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

/// Full-width signs, as input methods type them, and those that a script has.
const FULL_WIDTH: [(char, &str); 24] = [
    ('（', "("),
    ('）', ")"),
    ('，', ","),
    ('；', ";"),
    ('：', ":"),
    ('“', "\""),
    ('”', "\""),
    ('„', "\""),
    ('＂', "\""),
    ('‘', "\""),
    ('’', "\""),
    ('＇', "\""),
    ('。', "."),
    ('．', "."),
    ('、', ","),
    ('｛', "{"),
    ('｝', "}"),
    ('［', "["),
    ('］', "]"),
    ('【', "["),
    ('】', "]"),
    ('＃', "#"),
    ('＝', "="),
    ('\u{3000}', " "),
];

/// The most characters of a hint: a line may be megabytes.
const HINT_CHARS: usize = 240;

/// How many lines before the one that the parser stopped at are looked at.
const BEFORE: usize = 20;

/// The first slip of a line or, where that has none, of the next one before it: the parser may have
/// noticed it only later.
pub fn find(text: &str, line: usize) -> Option<Slip> {
    let look = Look::at(text);
    let mut starts = vec![0];
    let ends = look.text.iter().enumerate().filter(|(_, c)| **c == '\n');
    starts.extend(ends.map(|(at, _)| at + 1).take(line));
    let last = line.min(starts.len());
    (last.saturating_sub(BEFORE)..last).rev().find_map(|index| {
        let start = *starts.get(index)?;
        let end = starts.get(index + 1).copied().unwrap_or(look.text.len());
        (start..end).find_map(|at| look.slip(at))
    })
}

/// The bracket that is not closed where a parser stopped: at a `;`, or at the end of the text.
pub fn unclosed(text: &str, line: usize, column: usize) -> Option<Slip> {
    let look = Look::at(text);
    let start = match line.checked_sub(2) {
        None => 0,
        Some(ends) => {
            let mut all = look.text.iter().enumerate().filter(|(_, c)| **c == '\n');
            all.nth(ends)?.0 + 1
        }
    };
    let at = start + column.saturating_sub(1);
    let is_end = look.next(at).is_none();
    let open = look.open_bracket(at)?;
    let sign = look.code(open);
    let is_block = sign == '{' && !look.opens_map(open);
    if !is_end && (is_block || look.code(at) != ';') {
        return None;
    }
    let (close, begin) = match sign {
        '(' => (')', "("),
        '[' => (']', "["),
        _ if is_block => ('}', "{"),
        _ => ('}', "#{"),
    };
    let place = if is_end { "at the end" } else { "before the ;" };
    look.made(
        open + 1 - begin.len(),
        format!("\"{begin}\" is not closed"),
        format!("write \"{close}\" {place}, or where it belongs"),
    )
}

/// A text, and which of its characters are code.
struct Look {
    text: Vec<char>,
    /// The same, with blanks for what is not code.
    code: Vec<char>,
}

impl Look {
    fn at(text: &str) -> Look {
        Look {
            text: text.chars().collect(),
            code: scan(text).code.chars().collect(),
        }
    }

    fn code(&self, at: usize) -> char {
        self.code.get(at).copied().unwrap_or('\n')
    }

    fn text(&self, from: usize, to: usize) -> String {
        let part = self.text.get(from..to.min(self.text.len()));
        part.unwrap_or_default().iter().collect()
    }

    fn slip(&self, at: usize) -> Option<Slip> {
        self.full_width(at)
            .or_else(|| self.comment(at))
            .or_else(|| self.address(at))
            .or_else(|| self.map(at))
            .or_else(|| self.entry(at))
            .or_else(|| self.formatted(at))
            .or_else(|| self.named(at))
            .or_else(|| self.call(at))
    }

    fn made(&self, at: usize, cause: impl Into<String>, hint: impl Into<String>) -> Option<Slip> {
        let before = self.text.get(..at)?;
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
        Some(Slip {
            cause: cause.into(),
            hint: cut(&hint.into(), HINT_CHARS),
            line,
            column,
        })
    }

    /// The end of the line that a character is in.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())
    }

    fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before
            .iter()
            .rposition(|c| *c == '\n')
            .map_or(0, |at| at + 1)
    }

    /// The next character of code at or behind a place that is no blank; texts count.
    fn next(&self, from: usize) -> Option<usize> {
        (from..self.text.len()).find(|at| !self.text.get(*at).is_some_and(|c| c.is_whitespace()))
    }

    fn previous(&self, before: usize) -> Option<char> {
        let before = self.text.get(..before)?;
        before.iter().rev().find(|c| !c.is_whitespace()).copied()
    }

    /// The end of the word that begins at a place.
    fn word_end(&self, at: usize) -> usize {
        let is_name = |at: &usize| self.code(*at).is_alphanumeric() || self.code(*at) == '_';
        (at..)
            .take_while(is_name)
            .last()
            .map_or(at, |last| last + 1)
    }

    fn begins_word(&self, at: usize) -> bool {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let first = self.code(at);
        (first.is_alphabetic() || first == '_')
            && !at
                .checked_sub(1)
                .is_some_and(|before| is_name(self.code(before)))
    }

    /// `（`, `，`, `“`.
    fn full_width(&self, at: usize) -> Option<Slip> {
        let sign = self.code(at);
        let plain = |c: char| {
            FULL_WIDTH
                .iter()
                .find(|(wide, _)| *wide == c)
                .map(|(_, plain)| *plain)
        };
        let instead = plain(sign).filter(|instead| *instead != " ")?;
        let (start, end) = (self.line_start(at), self.line_end(at));
        let line: String = (start..end)
            .map(|at| match plain(self.code(at)) {
                Some(plain) => plain.to_owned(),
                None => self.text(at, at + 1),
            })
            .collect();
        let instead = instead.replace('"', "plain double quotes");
        self.made(
            at,
            format!("{sign} is a full-width sign: a script has {instead}"),
            format!("write {}", line.trim()),
        )
    }

    /// `# a comment`.
    fn comment(&self, at: usize) -> Option<Slip> {
        if self.code(at) != '#' || matches!(self.code(at + 1), '{' | '"' | '#') {
            return None;
        }
        let rest = self.text(at + 1, self.line_end(at));
        let hint = format!("write // {}", rest.trim());
        self.made(at, "\"#\" begins no comment here", hint)
    }

    /// `192.0.2.10:80` or `[2001:db8::10]:80` without quotes.
    fn address(&self, at: usize) -> Option<Slip> {
        let is_part = |c: char| c.is_ascii_hexdigit() || c == '.' || c == ':';
        let begins = match self.code(at) {
            '[' => true,
            first => first.is_ascii_digit(),
        };
        let before = at.checked_sub(1).map(|before| self.code(before));
        if !begins || before.is_some_and(|c| c.is_alphanumeric() || "_.['".contains(c)) {
            return None;
        }
        let is_bracketed = self.code(at) == '[';
        let inner = at + usize::from(is_bracketed);
        let mut end = (inner..).take_while(|at| is_part(self.code(*at))).last()? + 1;
        if is_bracketed {
            let held = self.text(inner, end);
            if self.code(end) != ']' || held.parse::<std::net::Ipv6Addr>().is_err() {
                return None;
            }
            end += 1;
            if self.code(end) == ':' {
                end = (end + 1..)
                    .take_while(|at| self.code(*at).is_ascii_digit())
                    .last()
                    .map_or(end, |last| last + 1);
            }
        } else {
            let host = self.text(at, end);
            let host = host.split(':').next().unwrap_or_default();
            host.parse::<std::net::Ipv4Addr>().ok()?;
        }
        let address = self.text(at, end);
        let address = address.trim_end_matches([':', '.']);
        self.made(
            at,
            "an address stands in quotes",
            format!("write \"{address}\""),
        )
    }

    /// `{ scheduler: "rr" }` where a value is.
    fn map(&self, at: usize) -> Option<Slip> {
        if self.code(at) != '{' || !matches!(self.previous(at)?, '(' | ',' | '[' | ':' | '=') {
            return None;
        }
        let key = self.next(at + 1)?;
        let end = match self.text.get(key)? {
            '"' => key + 2 + self.text.get(key + 1..)?.iter().position(|c| *c == '"')?,
            _ if self.begins_word(key) => self.word_end(key),
            _ => return None,
        };
        let colon = self.next(end)?;
        if self.code(colon) != ':' || self.code(colon + 1) == ':' {
            return None;
        }
        let close = (at..self.line_end(at)).find(|at| self.code(*at) == '}');
        let map = close.map_or_else(
            || format!("#{{ {}: ... }}", self.text(key, end)),
            |close| format!("#{}", self.text(at, close + 1)),
        );
        self.made(at, "a map begins with #{", format!("write {map}"))
    }

    /// `scheduler = "rr"` or `scheduler => "rr"` in a map.
    fn entry(&self, at: usize) -> Option<Slip> {
        if !self.begins_word(at) || !matches!(self.previous(at)?, '{' | ',') {
            return None;
        }
        let name = self.word_end(at);
        let equals = self.next(name)?;
        let value = match (self.code(equals), self.code(equals + 1)) {
            ('=', '=') => return None,
            ('=', '>') => equals + 2,
            ('=', _) => equals + 1,
            _ => return None,
        };
        let open = self.open_bracket(at)?;
        if !self.opens_map(open) {
            return None;
        }
        let end = self.close_of(open).unwrap_or_else(|| self.line_end(at));
        let value = self.arguments(value, end).into_iter().next()?;
        self.made(
            equals,
            "in a map a colon stands between a name and its value",
            format!("write {}: {}", self.text(at, name), value.trim()),
        )
    }

    /// Returns true for the bracket of a map; one without `#` begins a block.
    fn opens_map(&self, open: usize) -> bool {
        let before = open.checked_sub(1).map(|before| self.code(before));
        self.code(open) == '{' && before == Some('#')
    }

    /// `f"weight {w}"`.
    fn formatted(&self, at: usize) -> Option<Slip> {
        let quote = at + 1;
        if self.code(at) != 'f' || !self.begins_word(at) || self.text.get(quote) != Some(&'"') {
            return None;
        }
        let inner = self.text(quote + 1, self.line_end(at));
        let (inner, _) = inner.split_once('"')?;
        let text = inner.replace('{', "${");
        self.made(
            at,
            "text with values in it stands in backticks",
            format!("write `{text}`"),
        )
    }

    /// `scheduler="rr"` or `scheduler: "rr"` among the arguments of a call.
    fn named(&self, at: usize) -> Option<Slip> {
        if !self.begins_word(at) || !matches!(self.previous(at)?, '(' | ',') {
            return None;
        }
        let name = self.word_end(at);
        let equals = self.next(name)?;
        match (self.code(equals), self.code(equals + 1)) {
            ('=', '=' | '>') | (':', ':') => return None,
            ('=' | ':', _) => {}
            _ => return None,
        }
        // Within a map or an array it is something else.
        let open = self.open_bracket(at)?;
        if self.code(open) != '(' {
            return None;
        }
        let end = self.close_of(open).unwrap_or_else(|| self.line_end(at));
        let mut fields = Vec::new();
        for argument in self.arguments(at, end) {
            let (key, value) = argument.split_once(['=', ':'])?;
            fields.push(format!("{}: {}", key.trim(), value.trim()));
        }
        self.made(
            at,
            "options are given in a map",
            format!("write #{{ {} }}", fields.join(", ")),
        )
    }

    /// `tcp "192.0.2.10:80"`.
    fn call(&self, at: usize) -> Option<Slip> {
        if !self.begins_word(at) || self.previous(at) == Some('.') {
            return None;
        }
        let end = self.word_end(at);
        let name = self.text(at, end);
        let value = self.next(end).filter(|value| *value > end)?;
        if self.text.get(end..value)?.contains(&'\n') {
            return None;
        }
        let is_text = matches!(self.text.get(value)?, '"' | '`') && self.code(value) == ' ';
        if let Some(ours) = self.meant(at, &name) {
            return self.renamed(at, (end, value), ours, is_text);
        }
        let is_number =
            self.code(value).is_ascii_digit() && functions().any(|function| function.name == name);
        if KEYWORDS.contains(&name.as_str()) || !(is_text || is_number) {
            return None;
        }
        let stop = (value..self.line_end(at))
            .find(|at| matches!(self.code(*at), ';' | '}' | '.'))
            .unwrap_or_else(|| self.line_end(at));
        let arguments = match self.address(value) {
            Some(address) => address.hint.trim_start_matches("write ").to_owned(),
            None => self.text(value, stop),
        };
        self.made(
            at,
            "what a function is given stands in brackets",
            format!("write {name}({})", arguments.trim()),
        )
    }

    /// The function that other languages call like the word that a statement begins with; none where
    /// the script has one of its own.
    fn meant(&self, at: usize, name: &str) -> Option<&'static str> {
        let begins = matches!(self.previous(at), None | Some(';' | '{' | '}'));
        if !begins || KEYWORDS.contains(&name) {
            return None;
        }
        let ours = synonyms::function_meant(name)?;
        let code: String = self.code.iter().collect();
        (!code.contains(&format!("fn {name}"))).then_some(ours)
    }

    /// `echo "x"` and `echo hello`: the function that prints is called print.
    fn renamed(
        &self,
        at: usize,
        (end, value): (usize, usize),
        ours: &str,
        is_text: bool,
    ) -> Option<Slip> {
        let stop = (value..self.line_end(at))
            .find(|at| matches!(self.code(*at), ';' | '}'))
            .unwrap_or_else(|| self.line_end(at));
        let arguments = self.text(value, stop);
        let arguments = match is_text {
            true => arguments.trim().to_owned(),
            false if ours == "print" && self.begins_word(value) => {
                format!("\"{}\"", arguments.trim())
            }
            false => return None,
        };
        self.made(
            at,
            format!("{} is called {ours} here", self.text(at, end)),
            format!("write {ours}({arguments})"),
        )
    }

    /// The innermost bracket that is open before a place.
    fn open_bracket(&self, before: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in (0..before).rev() {
            match self.code(at) {
                ')' | ']' | '}' => depth += 1,
                '(' | '[' | '{' if depth == 0 => return Some(at),
                '(' | '[' | '{' => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// The bracket that closes the one at a place.
    fn close_of(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in open..self.code.len() {
            match self.code(at) {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 1 => return Some(at),
                ')' | ']' | '}' => depth = depth.checked_sub(1)?,
                _ => {}
            }
        }
        None
    }

    /// The arguments in a range, split at the commas between them.
    fn arguments(&self, from: usize, to: usize) -> Vec<String> {
        let mut all = Vec::new();
        let (mut start, mut depth) = (from, 0i32);
        for at in from..to {
            match self.code(at) {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => {
                    all.push(self.text(start, at));
                    start = at + 1;
                }
                _ => {}
            }
        }
        all.push(self.text(start, to));
        all.retain(|argument| !argument.trim().is_empty());
        all
    }
}

#[cfg(test)]
mod tests {
    use rustix::time::{ClockId, clock_gettime};

    use super::*;

    #[test]
    fn slips_are_answered_with_what_to_write() {
        for (text, column, hint) in [
            ("tcp(192.168.60.200:80)", 5, "write \"192.168.60.200:80\""),
            ("tcp([2001:db8::1]:443);", 5, "write \"[2001:db8::1]:443\""),
            (
                "tcp(\"192.0.2.1:80\", { scheduler: \"rr\" })",
                21,
                "write #{ scheduler: \"rr\" }",
            ),
            ("let o = { \"weight\": 1 };", 9, "write #{ \"weight\": 1 }"),
            (
                "tcp(\"192.0.2.1:80\", scheduler=\"rr\", persistent = 60)",
                21,
                "write #{ scheduler: \"rr\", persistent: 60 }",
            ),
            (
                "tcp(\"192.0.2.1:80\", scheduler: \"rr\", persistent: 60)",
                21,
                "write #{ scheduler: \"rr\", persistent: 60 }",
            ),
            (
                "tcp(\"192.0.2.1:80\", #{ persistent: 60, scheduler = \"rr\" })",
                50,
                "write scheduler: \"rr\"",
            ),
            (
                "let o = #{ servers => [\"a\", \"b\"], weight: 1 };",
                20,
                "write servers: [\"a\", \"b\"]",
            ),
            ("print(f\"x {a} of {b}\")", 7, "write `x ${a} of ${b}`"),
            ("echo \"x\";", 1, "write print(\"x\")"),
            (
                "if a { echo hello world }",
                8,
                "write print(\"hello world\")",
            ),
            ("tcp \"192.0.2.1:80\"", 1, "write tcp(\"192.0.2.1:80\")"),
            ("rollback 2;", 1, "write rollback(2)"),
            ("tcp 192.0.2.1:80", 1, "write tcp(\"192.0.2.1:80\")"),
            (
                "tcp（“192.0.2.1:80”，#{ scheduler： \"rr\" }）；",
                4,
                "write tcp(\"192.0.2.1:80\",#{ scheduler: \"rr\" });",
            ),
            ("let a = 1; # the first", 12, "write // the first"),
        ] {
            let slip = find(text, 1).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((slip.column, slip.hint.as_str()), (column, hint), "{text}");
        }
        let text = "let a = 1;\ntcp(\"192.0.2.1:80\", {\n  scheduler: \"rr\"\n});";
        let slip = find(text, 3).unwrap();
        assert_eq!((slip.line, slip.column), (2, 21));
    }

    #[test]
    fn a_bracket_that_is_not_closed_is_shown_where_it_stands() {
        for (text, at, place, sign) in [
            ("if true {\n  print(1);\nprint(2);\n", (4, 1), (1, 9), "{"),
            ("let a = [1,2;\nprint(2);", (1, 13), (1, 9), "["),
            ("tcp(\"a\", #{\n  b: 1\n;", (3, 1), (1, 10), "#{"),
            ("tcp(\"a\", #{ b: 1 }", (1, 20), (1, 4), "("),
        ] {
            let slip = unclosed(text, at.0, at.1).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((slip.line, slip.column), place, "{text}");
            assert_eq!(slip.cause, format!("\"{sign}\" is not closed"), "{text}");
        }
        for (text, column) in [("f(1 2)", 5), ("f(1; 2)", 5), ("a { b; }", 6), ("f(1);", 5)] {
            assert_eq!(unclosed(text, 1, column), None, "{text}");
        }
    }

    #[test]
    fn a_large_text_is_looked_at_once() {
        let text = ["，", "a b ", "( { ", "\"x\" # ", "tcp 1 ", "f(a=1, "]
            .map(|part| part.repeat(100_000))
            .join("\n");
        // The time of this thread: other processes may keep it waiting.
        let computed = || clock_gettime(ClockId::ThreadCPUTime).tv_sec;
        let start = computed();
        for line in 1..=6 {
            let slip = find(&text, line).unwrap();
            assert!(slip.hint.chars().count() <= HINT_CHARS);
        }
        // A look at each part for each of its characters would take minutes.
        let took = computed() - start;
        assert!(took < 20, "{took} s");
    }

    #[test]
    fn what_means_something_is_no_slip() {
        for text in [
            "tcp(\"192.0.2.1:80\", #{ scheduler: \"rr\" }); // tcp(192.0.2.1:80) # x",
            "if a == 1 { b() } else { c() }",
            "let f = |x| { x }; let s = switch a { 1 => 2 };",
            "import \"x\" as y; throw \"z\"; for x in \"abc\" { }",
            "let x = 1.5; let r = 1..3; let a = [1, 2][0]; a = 2; f(a == 1);",
            "return `（${x}，`;",
            "fn f(a) { a } let y = #\"# x\"#;",
            "while true { x = { let z = 1; z }; }",
            "let m = #{ a: b == c, d: 1 }; let s = switch a { 1 => 2, b => 3 };",
            "fn echo(x) { } f(\"x\"); let f = \"y\"; g(a::b, c);",
        ] {
            for line in 1..=text.lines().count() {
                assert_eq!(find(text, line), None, "{text}");
            }
        }
    }
}
