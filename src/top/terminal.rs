//! The terminal: taken for the full screen, given back on every way out.
//!
//! It is given back when [`Terminal`] is dropped and, before a bug is told, where the program
//! panics; signals are held while it is taken.

use std::io::{self, IsTerminal, Stdout, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, size,
};
use ratatui::layout::{Rect, Size};
use ratatui::{TerminalOptions, Viewport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;

use super::draw::draw;
use super::keys::Action;
use super::state::Top;
use crate::error::{Error, Result};
use crate::output::Paint;

/// The terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// What a terminal is taken for that does not know its size: a serial console.
const UNKNOWN: Size = Size::new(80, 24);

/// The most that is drawn of a terminal; more than the largest displays hold in a small font. A
/// terminal may say up to 65535 x 65535, for which no memory is enough.
const LARGEST: Size = Size::new(1600, 600);

type Screen = ratatui::Terminal<CrosstermBackend<Stdout>>;

/// The terminal, while it is taken.
pub(super) struct Terminal {
    screen: Screen,
    size: Size,
    paint: Paint,
}

fn failed(error: &io::Error) -> Error {
    Error::system("cannot use the terminal", error)
}

/// Says whether there is a terminal on both sides.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && stdout().is_terminal()
}

/// The shortest time for which crossterm looks at all, with the source of events that Cargo.toml
/// asks for: with zero it does not even look at what it has read already.
const SHORTEST: Duration = Duration::from_millis(1);

/// Says whether there is an event to be read: a key, or a new size.
fn event_is_there() -> Result<bool> {
    // crossterm would read a terminal that is gone for ever, and never return.
    look(Duration::ZERO)?;
    match event::poll(SHORTEST) {
        Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(false),
        there => there.map_err(|e| failed(&e)),
    }
}

/// Waits until something is typed; fails where nobody will type any more. A signal ends the wait
/// early: whoever waits looks for signals.
fn look(longest: Duration) -> Result<()> {
    let stdin = io::stdin();
    let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
    let longest = Timespec::try_from(longest).ok();
    match poll(&mut waiting, longest.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(failed(&error.into())),
    }
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    match waiting.iter().any(|one| one.revents().intersects(gone)) {
        true => Err(failed(&io::ErrorKind::BrokenPipe.into())),
        false => Ok(()),
    }
}

fn take() -> io::Result<()> {
    HOOK.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            told(panic);
        }));
    });
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen)
}

/// Gives the terminal back, once; where that fails there is nobody to tell.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// An empty screen of that size. It is not ratatui's to clear and to resize: that asks the
/// terminal where its cursor is, which not every terminal answers.
fn empty(size: Size) -> io::Result<Screen> {
    execute!(stdout(), Clear(ClearType::All))?;
    let viewport = Viewport::Fixed(Rect::from(((0, 0).into(), size)));
    ratatui::Terminal::with_options(
        CrosstermBackend::new(stdout()),
        TerminalOptions { viewport },
    )
}

fn measured() -> io::Result<Size> {
    size().map(drawn)
}

/// How much is drawn of a terminal of so many columns and rows.
fn drawn(said: (u16, u16)) -> Size {
    match said {
        (0, _) | (_, 0) => UNKNOWN,
        (columns, rows) => Size::new(columns.min(LARGEST.width), rows.min(LARGEST.height)),
    }
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// `system` where it cannot be used.
    pub(super) fn take(paint: Paint) -> Result<Terminal> {
        let opened = take().and_then(|()| {
            let size = measured()?;
            let screen = empty(size)?;
            Ok(Terminal {
                screen,
                size,
                paint,
            })
        });
        opened.map_err(|e| {
            give_back();
            failed(&e)
        })
    }

    /// How large it is now.
    ///
    /// # Errors
    /// `system`.
    pub(super) fn size(&mut self) -> Result<Size> {
        let now = measured().map_err(|e| failed(&e))?;
        if now != self.size {
            self.size = now;
            self.forget()?;
        }
        Ok(now)
    }

    /// Draws what changed.
    ///
    /// # Errors
    /// `system`.
    pub(super) fn draw(&mut self, top: &Top) -> Result<()> {
        let paint = self.paint;
        let drawn = self.screen.draw(|frame| draw(frame, top, paint));
        drawn.map(|_| ()).map_err(|e| failed(&e))
    }

    /// Waits for a key; gives what it asks for. None where the time is over.
    ///
    /// # Errors
    /// `system`.
    pub(super) fn wait(&mut self, top: &mut Top, longest: Duration) -> Result<Option<Action>> {
        // What came with an earlier key was read with it, and is not waited for.
        if !event_is_there()? {
            look(longest)?;
            if !event_is_there()? {
                return Ok(None);
            }
        }
        let read = event::read().map_err(|e| failed(&e))?;
        Ok(Some(match read {
            Event::Key(key) => top.press(key),
            _ => Action::Nothing,
        }))
    }

    /// Draws all of it anew the next time.
    ///
    /// # Errors
    /// `system`.
    pub(super) fn forget(&mut self) -> Result<()> {
        self.screen = empty(self.size).map_err(|e| failed(&e))?;
        Ok(())
    }

    /// Gives the terminal back, stops until somebody says `fg`, and takes it again.
    ///
    /// # Errors
    /// `system`.
    pub(super) fn suspend(&mut self) -> Result<()> {
        give_back();
        // It stops this thread itself: a signal to the process may come when it has gone on.
        emulate_default_handler(SIGTSTP)
            .and_then(|()| take())
            .map_err(|e| failed(&e))?;
        self.forget()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rexpect::session::spawn_command;

    use super::*;

    /// Where it is set, this test panics on the terminal that it was started on.
    const PANICS: &str = "IPVSH_TEST_PANICS";

    #[test]
    fn a_size_is_bounded() {
        for (said, size) in [
            ((0, 0), UNKNOWN),
            ((0, 24), UNKNOWN),
            ((80, 0), UNKNOWN),
            ((1, 1), Size::new(1, 1)),
            ((132, 50), Size::new(132, 50)),
            ((u16::MAX, 1), Size::new(1600, 1)),
            ((1, u16::MAX), Size::new(1, 600)),
            ((u16::MAX, u16::MAX), LARGEST),
        ] {
            assert_eq!(drawn(said), size, "{said:?}");
        }
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_told() {
        if std::env::var_os(PANICS).is_some() {
            let _terminal = Terminal::take(Paint::new(false)).unwrap();
            panic!("a bug");
        }
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = "top::terminal::tests::a_panic_gives_the_terminal_back_before_it_is_told";
        command
            .args(["--exact", name, "--nocapture"])
            .env(PANICS, "1")
            .env("TERM", "xterm");
        let mut session = spawn_command(command, Some(30_000)).unwrap();
        for said in ["\x1b[?1049h", "\x1b[?1049l", "a bug"] {
            session.exp_string(said).unwrap();
        }
    }
}
