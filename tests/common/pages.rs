//! The pages (*.md): their blocks, the commands in them, and what is said beside what was written.
//!
//! A block of commands is ```` ```console WHERE ````: lines that begin with `# ` (root's) or `$ ` are
//! typed, `> ` goes on with the line before, everything else is what comes out; a line of `...` is
//! any number of lines. Without WHERE it runs on the simulator (`tests/documents`, one
//! database for a page); `director`, `director2`, `server` (each of them), `rs1` and `client` are hosts of
//! the emulated topology that the page names in `<!-- topology: nat -->` (`tests/kernel/guide.rs`);
//! `shown` is not run. A block whose second word has a dot is a file of that name.

use std::path::{Path, PathBuf};

/// A fenced block.
#[derive(Debug, Clone)]
pub struct Block {
    /// The number of its first line of text, counted from 1.
    pub line: usize,
    /// The words behind the fence.
    pub words: Vec<String>,
    /// Its lines.
    pub lines: Vec<String>,
}

/// A command in a block, and what comes out of it.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its line in the page.
    pub line: usize,
    /// The lines as they are typed, with their prompts.
    pub typed: Vec<String>,
    /// What comes out.
    pub output: Vec<String>,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it is.
    pub path: PathBuf,
    /// All of its lines.
    pub lines: Vec<String>,
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Block {
    /// The language: `console`, `rhai`, nothing.
    pub fn language(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The words behind the language.
    pub fn is(&self, word: &str) -> bool {
        self.words.iter().skip(1).any(|known| known == word)
    }

    /// The file that the block is the text of.
    pub fn file(&self) -> Option<&str> {
        let mut names = self.words.iter().skip(1);
        names.find(|word| word.contains('.')).map(String::as_str)
    }

    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Its commands.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let goes_on = line.starts_with("> ");
            if line.starts_with("# ") || line.starts_with("$ ") {
                steps.push(Step {
                    line: self.line + index,
                    typed: vec![line.clone()],
                    output: Vec::new(),
                });
            } else if let Some(step) = steps.last_mut() {
                match goes_on && step.output.is_empty() {
                    true => step.typed.push(line.clone()),
                    false => step.output.push(line.clone()),
                }
            }
        }
        steps
    }
}

impl Step {
    /// The command as a shell reads it.
    pub fn command(&self) -> String {
        let typed = self.typed.iter().map(|line| line.get(2..).unwrap());
        typed.collect::<Vec<_>>().join("\n")
    }
}

impl Page {
    pub fn read(path: &Path) -> Page {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        Page {
            path: path.to_owned(),
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    /// Its name below the repository.
    pub fn name(&self) -> String {
        let name = self.path.strip_prefix(root()).unwrap_or(&self.path);
        name.display().to_string()
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (index, line) in self.lines.iter().enumerate() {
            match (line.trim_start().strip_prefix("```"), open.take()) {
                (Some(_), Some(block)) => blocks.push(block),
                (Some(words), None) => {
                    open = Some(Block {
                        line: index + 2,
                        words: words.split_whitespace().map(str::to_owned).collect(),
                        lines: Vec::new(),
                    });
                }
                (None, Some(mut block)) => {
                    block.lines.push(line.clone());
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(
            open.is_none(),
            "{}: a block is not closed: {open:?}",
            self.name()
        );
        blocks
    }

    /// Its lines outside of blocks, with their numbers.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        let mut inside = false;
        let mut prose = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if !inside {
                prose.push((index + 1, line.as_str()));
            }
        }
        prose
    }

    /// What `<!-- KEY: WORD -->` says.
    pub fn setting(&self, key: &str) -> Option<&str> {
        let line = |line: &'_ str| -> Option<usize> {
            let rest = line
                .strip_prefix("<!-- ")?
                .strip_prefix(key)?
                .strip_prefix(": ")?;
            Some(line.len() - rest.len())
        };
        let found = self
            .lines
            .iter()
            .find_map(|text| Some((text, line(text)?)))?;
        found.0.get(found.1..)?.strip_suffix(" -->")
    }

    /// The page with what really came out of a step.
    pub fn with_outputs(&self, outputs: &[(Step, Vec<String>)]) -> String {
        let mut lines = self.lines.clone();
        for (step, output) in outputs.iter().rev() {
            let from = step.line - 1 + step.typed.len();
            lines.splice(from..from + step.output.len(), output.iter().cloned());
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Every page of the repository.
pub fn all() -> Vec<Page> {
    let mut pages = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if !["target", ".git"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                pages.push(Page::read(&path));
            }
        }
    }
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    pages
}

/// Says whether an output is what the page says, apart from times, ages, sizes, seconds, hardware addresses,
/// ports that the kernel chose, and the width of columns.
pub fn same(written: &[String], said: &[String]) -> bool {
    match written {
        [first, rest @ ..] if first.trim() == "..." => {
            (0..=said.len()).any(|from| same(rest, &said[from..]))
        }
        [first, rest @ ..] => match said {
            [line, others @ ..] => settled(first) == settled(line) && same(rest, others),
            [] => false,
        },
        [] => said.is_empty(),
    }
}

fn settled(line: &str) -> Vec<String> {
    let cut = match line.rfind('(') {
        Some(at) if line.ends_with(" ago)") || line.ends_with("iB)") => &line[..at],
        _ => line,
    };
    let digits = |word: &str, like: &str| {
        word.len() == like.len()
            && word
                .bytes()
                .zip(like.bytes())
                .all(|(byte, like)| match like {
                    b'0' => byte.is_ascii_digit(),
                    other => byte == other,
                })
    };
    let words: Vec<&str> = cut.split_whitespace().collect();
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    words
        .iter()
        .enumerate()
        .map(|(index, word)| {
            if is_number(word) && words.get(index + 1) == Some(&"s") {
                return "SECONDS".to_owned();
            }
            let bare = word.trim_end_matches(',');
            let port = bare.rsplit_once(':');
            let chosen = |port: &str| port.parse::<u16>().is_ok_and(|port| port >= 32768);
            match port {
                _ if digits(bare, "0000-00-00") => "DATE".to_owned(),
                _ if digits(bare, "00:00:00") || digits(bare, "00:00") => "TIME".to_owned(),
                _ if is_hardware_address(bare) => "HARDWARE".to_owned(),
                Some((address, port)) if chosen(port) => format!("{address}:PORT"),
                _ => (*word).to_owned(),
            }
        })
        .collect()
}

fn is_hardware_address(word: &str) -> bool {
    let parts: Vec<&str> = word.split(':').collect();
    let is_byte = |part: &&str| part.len() == 2 && u8::from_str_radix(part, 16).is_ok();
    parts.len() == 6 && parts.iter().all(is_byte)
}

/// The words of a line, as a shell splits it: quotes, `;`, and a comment at the end.
pub fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some('"'), '\\') => {
                let next = letters.next().unwrap_or('\\');
                word.get_or_insert_default().push(next);
            }
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, '#') if word.is_none() => break,
            (None, ';') => {
                words.extend(word.take());
                words.push(";".to_owned());
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}
