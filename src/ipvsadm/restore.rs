//! `-R`: command lines from standard input, one by one, on one socket.

use std::io::{BufRead, StdinLock};

use super::session::{Ended, Session};

/// Carries out what is on standard input. A line that the kernel refuses does not stop the rest;
/// a value or a combination that is refused ends it there. The status is that of the last line.
pub(super) fn run(session: &mut Session<'_>) -> Result<(), Ended> {
    let mut input = std::io::stdin().lock();
    let mut open = Vec::new();
    loop {
        let chunk = match input.fill_buf() {
            Ok([]) | Err(_) => break,
            Ok(chunk) => chunk.to_vec(),
        };
        StdinLock::consume(&mut input, chunk.len());
        open.extend(chunk);
        lines(session, &mut open)?;
        // Whoever feeds us line by line sees each at work before the next one.
        session.flush();
    }
    last_line(session, &open)?;
    session.flush();
    Ok(())
}

/// Carries out the lines of a text, its last line being whole.
pub(super) fn run_text(session: &mut Session<'_>, text: &[u8]) -> Result<(), Ended> {
    let mut open = text.to_vec();
    open.push(b'\n');
    lines(session, &mut open)?;
    session.flush();
    Ok(())
}

/// Carries out the lines that are whole and leaves the rest.
fn lines(session: &mut Session<'_>, open: &mut Vec<u8>) -> Result<(), Ended> {
    let mut done = 0;
    while let Some(rest) = open.get(done..)
        && let Some(end) = rest.iter().position(|byte| *byte == b'\n')
    {
        line(session, rest.get(..end).unwrap_or_default())?;
        done += end + 1;
    }
    open.drain(..done);
    Ok(())
}

/// The original loses a last line that ends in two blanks without a line feed.
fn last_line(session: &mut Session<'_>, text: &[u8]) -> Result<(), Ended> {
    let blanks = text.iter().rev().take_while(|byte| is_blank(**byte));
    if blanks.count() > 1 {
        return Ok(());
    }
    line(session, text)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Words between blanks; quotes mean nothing, and neither does the word `ipvsadm`.
fn line(session: &mut Session<'_>, text: &[u8]) -> Result<(), Ended> {
    let words: Vec<String> = text
        .split(|byte| is_blank(*byte))
        .filter(|word| !word.is_empty() && *word != b"ipvsadm")
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    if words.is_empty() {
        return Ok(());
    }
    session.run(words, true).map(|_| ())
}
