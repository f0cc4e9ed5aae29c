//! The three programs: ipvsadm, ipvsadm-save, ipvsadm-restore.

use std::io::{BufWriter, Read, Write};

use super::kernel_table::KernelTable;
use super::restore;
use super::session::{Asked, Ended, Session, say};

/// A program that this one stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// ipvsadm.
    Ipvsadm,
    /// ipvsadm-save: `ipvsadm -S`, with `-n` passed on.
    Save,
    /// ipvsadm-restore: clears the table, then `ipvsadm -R`.
    Restore,
}

impl Program {
    /// All of them.
    pub const ALL: [Program; 3] = [Program::Ipvsadm, Program::Save, Program::Restore];

    /// The name of its file.
    pub fn name(self) -> &'static str {
        match self {
            Program::Ipvsadm => "ipvsadm",
            Program::Save => "ipvsadm-save",
            Program::Restore => "ipvsadm-restore",
        }
    }

    /// Finds the program by the name that it was called by; a path counts up to its last part.
    ///
    /// ```
    /// use ipvsh::ipvsadm::Program;
    /// assert_eq!(Program::named("/sbin/ipvsadm-save"), Some(Program::Save));
    /// assert_eq!(Program::named("ipvsh"), None);
    /// ```
    pub fn named(path: &str) -> Option<Program> {
        let name = path.rsplit('/').next();
        Program::ALL
            .into_iter()
            .find(|program| name == Some(program.name()))
    }
}

/// Runs a program with the words behind its name, and gives its exit status. `name` is how it was
/// called, for its help. `log` is told each change that was sent to the kernel, in words.
pub fn run(program: Program, name: &str, words: Vec<String>, log: &mut dyn FnMut(&str)) -> u8 {
    run_on(
        None,
        program,
        name,
        words,
        &mut std::io::stderr().lock(),
        log,
    )
}

/// The same on another table than the kernel's, and what it says of refusals to another writer than
/// standard error.
pub fn run_on(
    table: Option<Box<dyn KernelTable>>,
    program: Program,
    name: &str,
    words: Vec<String>,
    err: &mut dyn Write,
    log: &mut dyn FnMut(&str),
) -> u8 {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let status = match program {
        Program::Ipvsadm => ipvsadm(table, name, words, &mut out, err, log),
        Program::Save => save(table, name, &words, &mut out, err, log),
        Program::Restore => restore(table, &mut out, err, log),
    };
    match out.flush() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            say(err, &format!("cannot write to standard output: {error}"));
            status.max(1)
        }
        _ => status,
    }
}

fn ipvsadm(
    table: Option<Box<dyn KernelTable>>,
    name: &str,
    words: Vec<String>,
    out: &mut dyn Write,
    err: &mut dyn Write,
    log: &mut dyn FnMut(&str),
) -> u8 {
    ended(
        Session::open(table, name, out, err, log).and_then(|mut session| {
            if words.is_empty() {
                session.list_all()?;
            } else {
                if session.run(words, false)? == Asked::ToRestore {
                    restore::run(&mut session)?;
                }
            }
            Ok(session.status())
        }),
    )
}

fn save(
    table: Option<Box<dyn KernelTable>>,
    name: &str,
    words: &[String],
    out: &mut dyn Write,
    err: &mut dyn Write,
    log: &mut dyn FnMut(&str),
) -> u8 {
    let mut rules = vec!["-S".to_owned()];
    for word in words {
        if word == "-n" {
            rules.push(word.clone());
        } else if word.starts_with('-') {
            let name = name.rsplit('/').next().unwrap_or(name);
            say(
                err,
                &format!(
                    "{name}: Script to save the IPVS table to stdout.\n   \
                     With the -n option, prints out the table in numeric format."
                ),
            );
            return 1;
        }
    }
    rules.truncate(2);
    ipvsadm(table, "ipvsadm", rules, out, err, log)
}

fn restore(
    table: Option<Box<dyn KernelTable>>,
    out: &mut dyn Write,
    err: &mut dyn Write,
    log: &mut dyn FnMut(&str),
) -> u8 {
    let mut text = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut text) {
        // Nothing is cleared for the sake of rules that could not be read.
        say(err, &format!("cannot read standard input: {error}"));
        return 2;
    }
    let rules = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.starts_with(b"#"))
        .collect::<Vec<_>>()
        .join(&b'\n');
    ended(
        Session::open(table, "ipvsadm", out, err, log).and_then(|mut session| {
            session.clear();
            restore::run_text(&mut session, &rules)?;
            Ok(session.status())
        }),
    )
}

fn ended(result: Result<u8, Ended>) -> u8 {
    match result {
        Ok(status) | Err(Ended(status)) => status,
    }
}
