//! A call under way: its arguments, read in the user's words.

use rhai::{Dynamic, FnPtr, ImmutableString, NativeCallContext, Position};

use super::context::Context;
use super::convert;
use super::types::describe;
use super::value::{Server, Service, SettingHandle};
use crate::director::{News, Report};
use crate::error::{Error, Kind, Place, Result};
use crate::model::Options;

/// A call of a function of the table.
pub struct Call<'a> {
    /// What all functions share.
    pub context: &'a Context,
    /// The arguments; for a method the first is what stands before the dot.
    pub args: &'a [Dynamic],
    /// Where the call is.
    pub place: Option<Place>,
    /// Where the call is, as Rhai has it.
    pub position: Position,
    /// The call as Rhai has it.
    pub native: &'a NativeCallContext<'a>,
}

impl Call<'_> {
    /// Says whether an argument was given.
    pub fn has(&self, index: usize) -> bool {
        self.args.get(index).is_some()
    }

    /// An argument.
    ///
    /// # Errors
    /// `bug`: dispatch has counted them.
    pub fn arg(&self, index: usize) -> Result<&Dynamic> {
        self.args
            .get(index)
            .ok_or_else(|| Error::new(Kind::Bug, "an argument is missing"))
    }

    fn cast<T: Clone + 'static>(&self, index: usize, words: &str) -> Result<T> {
        let value = self.arg(index)?;
        value
            .read_lock::<T>()
            .map(|value| value.clone())
            .ok_or_else(|| Error::invalid(format!("expected {words}, not {}", describe(value))))
    }

    /// A text.
    ///
    /// # Errors
    /// `invalid` for any other value.
    pub fn text(&self, index: usize) -> Result<ImmutableString> {
        self.cast(index, "text")
    }

    /// A whole number.
    ///
    /// # Errors
    /// `invalid` for any other value.
    pub fn whole(&self, index: usize) -> Result<i64> {
        self.cast(index, "a whole number")
    }

    /// A number of seconds.
    ///
    /// # Errors
    /// `invalid` for any other value.
    pub fn number(&self, index: usize) -> Result<f64> {
        match self.arg(index)?.as_float() {
            Ok(number) => Ok(number),
            Err(_) => self.whole(index).map(|number| number as f64),
        }
    }

    /// A text, or a number as text.
    ///
    /// # Errors
    /// `invalid` for any other value.
    pub fn text_or_whole(&self, index: usize) -> Result<String> {
        match self.arg(index)?.as_int() {
            Ok(number) => Ok(number.to_string()),
            Err(_) => self.text(index).map(|text| text.to_string()),
        }
    }

    /// A service.
    ///
    /// # Errors
    /// `invalid` for any other value.
    pub fn service(&self, index: usize) -> Result<Service> {
        self.cast(index, "a virtual service")
    }

    /// A server.
    ///
    /// # Errors
    /// `invalid` for any other value.
    pub fn server(&self, index: usize) -> Result<Server> {
        self.cast(index, "a real server")
    }

    /// A sync daemon, a VIP, a kernel setting, a tunnel device or maintenance.
    ///
    /// # Errors
    /// `invalid` for any other value.
    pub fn setting(&self, index: usize) -> Result<SettingHandle> {
        self.cast(index, "a setting")
    }

    /// An option map, where it was given.
    ///
    /// # Errors
    /// `invalid` for values that no option takes.
    pub fn options(&self, index: usize) -> Result<Option<Options>> {
        match self.args.get(index) {
            None => Ok(None),
            Some(value) => {
                let mut session = self.context.session()?;
                convert::options(&mut session, value).map(Some)
            }
        }
    }

    /// Calls a function of the script's, without arguments. The session must be free: it may use
    /// it.
    ///
    /// # Errors
    /// What it raised, with its place.
    pub fn ask(&self, function: &FnPtr) -> Result<Dynamic> {
        function
            .call_within_context::<Dynamic>(self.native, ())
            .map_err(|error| self.context.translate(*error, self.native.call_source()))
    }

    /// Passes on what a use case tells on its way.
    pub fn news(&self, news: News) {
        match news {
            News::Change(report) => self.done(report),
            News::Would(line) => self.context.effect(line),
            News::Note(_) | News::Warning(_) | News::Done(_) | News::Did(_) => {
                self.context.news(news)
            }
        }
    }

    /// Tells of a change that was made, and remembers its snapshot.
    pub fn done(&self, report: &Report) {
        if let Some(snapshot) = report.snapshot() {
            self.context.stands(snapshot.id, self.place.clone());
        }
        self.context.tell(report);
    }
}
