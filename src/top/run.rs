//! The loop: reads the kernel when it is time, takes keys, draws.

use std::time::{Duration, Instant};

use chrono::Local;

use super::column::Order;
use super::draw::fit;
use super::keys::Action;
use super::picture::Picture;
use super::state::{Notice, Top};
use super::terminal::{self, Terminal};
use crate::director::Director;
use crate::error::{Error, Kind, Result};
use crate::health::State;
use crate::model::{Load, ServiceKey, ServiceName, Traffic};
use crate::output::Paint;
use crate::signals;
use crate::views::fitting;

/// What is to be shown, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only services that this fits.
    pub object: Option<ServiceName>,
    /// The time between two readings.
    pub interval: Duration,
    /// The order to begin with.
    pub order: Order,
    /// Whose services they are, in a word.
    pub place: String,
    /// Colours.
    pub paint: Paint,
}

/// Shows it until its user leaves, or a signal comes.
///
/// # Errors
/// `state` without a terminal; as the kernel refuses at the start: later it is told in the last
/// line, and tried again.
pub fn run(director: &mut Director, options: &Options) -> Result<()> {
    if !terminal::is_there() {
        return Err(Error::new(Kind::State, "there is no terminal")
            .attempt("cannot show top")
            .hint("instead: ipvsh show rates --watch 1"));
    }
    let _hold = signals::hold();
    let mut top = Top::new(options.place.clone(), options.interval, options.order);
    let load = director.load()?;
    let found = fitting(options.object.as_ref(), load.keys())?;
    top.show(pictured(load, &director.health_state(), options));
    top.unfold_all(options.object.is_some() && found.len() == 1);
    let shown = follow(director, options, &mut top);
    match signals::interrupted() {
        // Ctrl-C by somebody else's hand is how it ends, too.
        Some("SIGINT") => signals::forget(),
        Some(_) => return signals::check(),
        None => {}
    }
    shown
}

fn follow(director: &mut Director, options: &Options, top: &mut Top) -> Result<()> {
    let mut terminal = Terminal::take(options.paint)?;
    let mut read = Instant::now();
    loop {
        let wanted = fit(top, terminal.size()?);
        if !wanted.is_empty() {
            tell(top, servers(director, &wanted), |top, found| {
                top.add(&found)
            });
        }
        terminal.draw(top)?;
        let action = wait(&mut terminal, top, read)?;
        match action {
            Some(Action::Leave) => return Ok(()),
            Some(Action::Suspend) => terminal.suspend()?,
            Some(Action::Redraw) => terminal.forget()?,
            Some(Action::Zero(service)) => {
                let zeroed = director.zero(service.as_ref());
                tell(top, zeroed, |top, ()| top.say(done(service)));
                if !top.is_frozen() {
                    read = Instant::now();
                    read_again(director, options, top);
                }
            }
            Some(Action::Nothing) => {}
            None if signals::interrupted().is_some() => return Ok(()),
            None if top.is_frozen() => {}
            None => {
                read = Instant::now();
                read_again(director, options, top);
            }
        }
    }
}

/// Waits for a key until it is time to read; a signal ends it, too.
fn wait(terminal: &mut Terminal, top: &mut Top, read: Instant) -> Result<Option<Action>> {
    loop {
        let left = match top.is_frozen() {
            true => signals::SLICE,
            false => top.interval().saturating_sub(read.elapsed()),
        };
        let action = terminal.wait(top, left.min(signals::SLICE))?;
        let over = !top.is_frozen() && left.is_zero();
        if action.is_some() || over || signals::interrupted().is_some() {
            return Ok(action);
        }
    }
}

fn read_again(director: &mut Director, options: &Options, top: &mut Top) {
    let picture = picture(director, options);
    tell(top, picture, Top::show);
}

/// Reads what is to be seen of all services.
fn picture(director: &mut Director, options: &Options) -> Result<Picture> {
    let load = director.load()?;
    Ok(pictured(load, &director.health_state(), options))
}

fn pictured(mut load: Load, state: &State, options: &Options) -> Picture {
    if let Some(name) = &options.object {
        load.retain(|key, _| name.fits(key));
    }
    let time = Local::now().format("%H:%M:%S").to_string();
    Picture::of(&load, state, time)
}

/// Reads what goes through the servers of some services.
fn servers(director: &mut Director, wanted: &[ServiceKey]) -> Result<Traffic> {
    let mut all = Traffic::new();
    for key in wanted {
        all.extend(director.traffic(Some(key))?);
    }
    Ok(all)
}

fn done(service: Option<ServiceKey>) -> Notice {
    Notice::Done(match service {
        Some(key) => format!("the counters of {key} are zero"),
        None => "all counters are zero".to_owned(),
    })
}

/// Goes on with what was read, or says why there is nothing.
fn tell<T>(top: &mut Top, read: Result<T>, on: impl FnOnce(&mut Top, T)) {
    match read {
        Ok(read) => on(top, read),
        Err(error) => top.say(Notice::Failed(error.to_string())),
    }
}
