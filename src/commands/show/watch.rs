//! `--watch SECONDS`: a view again and again, until Ctrl-C.
//!
//! A terminal is redrawn, and shows what fits; elsewhere one comes below the other, each under
//! its time.

use std::time::{Duration, Instant};

use chrono::Local;

use super::super::context::Context;
use super::asked::Asked;
use super::picture::{self, Picture};
use super::print::{json_line, print};
use crate::director::Director;
use crate::error::{Error, Kind, Result};
use crate::output::{self, Form, Listing};
use crate::signals;
use crate::views::View;

/// The seconds between two.
const SECONDS: std::ops::RangeInclusive<f64> = 0.1..=86_400.0;

/// To the upper left corner, and everything below it cleared.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Reads the seconds between two.
///
/// # Errors
/// `usage`.
pub(in crate::commands) fn interval(option: &str, text: &str) -> Result<Duration> {
    let seconds = text.parse().ok().filter(|s| SECONDS.contains(s));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| {
        Error::new(Kind::Usage, format!("'{text}' is no time to wait"))
            .object(option)
            .hint("it takes seconds, 0.1 to 86400")
    })
}

/// Shows it until Ctrl-C, or until nobody reads it any more.
pub(super) fn run(
    context: &Context,
    director: &mut Director,
    asked: &Asked,
    interval: Duration,
) -> Result<u8> {
    let _hold = signals::hold();
    let mut first = true;
    loop {
        let start = Instant::now();
        let shown = show(context, director, asked, first).and_then(|()| {
            if output::is_closed() {
                return Ok(false);
            }
            signals::sleep(interval.saturating_sub(start.elapsed()), |_| ())?;
            Ok(true)
        });
        match shown {
            Err(error) if error.kind() == Kind::Interrupted => return end(),
            Err(error) => return Err(error),
            Ok(false) => return Ok(0),
            Ok(true) => first = false,
        }
    }
}

/// Ctrl-C is how it ends; any other signal is told by whoever looks for it.
fn end() -> Result<u8> {
    if signals::interrupted() == Some("SIGINT") {
        signals::forget();
    }
    Ok(0)
}

fn show(context: &Context, director: &mut Director, asked: &Asked, first: bool) -> Result<()> {
    let out = &context.out;
    if out.json {
        return print(context, director, asked, true);
    }
    let time = Local::now().format("%Y-%m-%d %H:%M:%S");
    if out.width.is_none() {
        let blank = if first { "" } else { "\n" };
        out.print(&format!("{blank}{time}"));
        return print(context, director, asked, true);
    }
    let height = height();
    let text = text(context, director, asked, height)?;
    out.print(&screen(
        &format!("{time}  {}  (Ctrl-C leaves)", asked.view.name()),
        &text,
        height,
    ));
    Ok(())
}

/// What a screen shows; of connections no more is read than fits.
fn text(
    context: &Context,
    director: &mut Director,
    asked: &Asked,
    height: usize,
) -> Result<String> {
    if asked.view != View::Connections || asked.count_by.is_some() {
        return Ok(match picture::take(context, director, asked)? {
            Picture::Table(text) => text,
            Picture::Sentence(text) => text.to_owned(),
            Picture::Json(value) => value.to_string(),
            Picture::Array(values) => json_line(values),
        });
    }
    let mut wanted = asked.connections.clone();
    wanted.limit = Some(wanted.limit.unwrap_or(height));
    let mut lines = Vec::new();
    let mut listing = Listing::new(&mut lines, Form::Table(context.out.paint));
    director.connections(&wanted, &mut |connection| listing.add(&connection))?;
    let written = listing.end();
    Ok(match written {
        Ok(true) => String::from_utf8_lossy(&lines).into_owned(),
        _ => asked.view.facts().empty.to_owned(),
    })
}

/// The lines of the terminal.
fn height() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map_or(0, |size| usize::from(size.ws_row)).max(4)
}

/// A screen: a title, a blank line, and as many lines as fit.
fn screen(title: &str, text: &str, height: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    // The title, the blank line, and the cursor's own line at the end.
    let room = height.saturating_sub(3);
    let mut shown: Vec<String> = lines.iter().take(room).map(|l| (*l).to_owned()).collect();
    if lines.len() > room {
        let fit = room.saturating_sub(1);
        shown.truncate(fit);
        shown.push(format!("... {} more lines", lines.len() - fit));
    }
    let shown = shown.join("\n");
    format!("{CLEAR}{title}\n\n{shown}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_shows_what_fits_and_says_what_does_not() {
        assert_eq!(screen("t", "a\nb", 5), "\x1b[H\x1b[Jt\n\na\nb\n");
        assert_eq!(
            screen("t", "a\nb\nc\nd", 6),
            "\x1b[H\x1b[Jt\n\na\nb\n... 2 more lines\n"
        );
        for height in 4..9 {
            let lines = screen("t", "a\nb\nc\nd\ne\nf", height).lines().count();
            assert!(lines < height, "{lines} in {height}");
        }
    }

    #[test]
    fn seconds_may_be_parts_of_one() {
        assert_eq!(
            interval("--watch", "0.5").unwrap(),
            Duration::from_millis(500)
        );
        for text in ["0", "-1", "x", "nan", "100000"] {
            assert_eq!(
                interval("--watch", text).unwrap_err().kind(),
                Kind::Usage,
                "{text}"
            );
        }
    }
}
