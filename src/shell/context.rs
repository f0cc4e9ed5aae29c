//! What stands at the cursor: a name, a member, an option's name, a value.

use super::world::{World, resolve};
use crate::api::names::{self, Names};
use crate::api::{Function, On, Opt, Param, Type, functions};
use crate::model::ServiceKey;
use crate::script::frames::{Frame, frames, unquoted};
use crate::script::infer::type_of;
use crate::script::token::{Kind, Token, tokens};

/// A line up to the cursor, taken apart.
pub(super) struct Place<'l> {
    /// The line up to the cursor.
    pub before: &'l str,
    /// Its pieces, without the one that the cursor is in.
    pub tokens: Vec<Token>,
    /// What is open, outermost first.
    pub frames: Vec<Frame<'l>>,
    /// What is typed of the piece at the cursor.
    pub prefix: &'l str,
    /// Where that begins.
    pub start: usize,
    /// The cursor is within quotes.
    pub in_text: bool,
    /// The cursor is where nothing is completed: a comment, backticks, a closed text.
    pub is_dead: bool,
}

impl<'l> Place<'l> {
    /// Looks at a line.
    pub fn of(line: &'l str, position: usize) -> Place<'l> {
        let before = line.get(..position).unwrap_or(line);
        let mut tokens = tokens(before);
        let mut place = Place {
            before,
            tokens: Vec::new(),
            frames: Vec::new(),
            prefix: "",
            start: before.len(),
            in_text: false,
            is_dead: false,
        };
        if let Some(last) = tokens.last().cloned()
            && last.range.end == before.len()
        {
            match last.kind {
                Kind::Comment => place.is_dead = true,
                Kind::Text if !last.closed && last.text(before).starts_with('"') => {
                    place.in_text = true;
                    place.start = last.range.start + 1;
                    tokens.pop();
                }
                Kind::Text => place.is_dead = !last.text(before).ends_with("${"),
                Kind::Word | Kind::Keyword | Kind::Number => {
                    place.start = last.range.start;
                    tokens.pop();
                }
                Kind::Sign => {}
            }
        }
        place.prefix = before.get(place.start..).unwrap_or_default();
        place.frames = frames(before, &tokens);
        place.tokens = tokens;
        place
    }

    /// Says whether the last piece before the one at the cursor is this sign.
    pub fn is_behind(&self, sign: &str) -> bool {
        self.tokens
            .last()
            .is_some_and(|token| token.is(self.before, sign))
    }

    /// The type of what stands before the dot at the cursor.
    pub fn receiver(&self, world: &dyn World) -> Option<Type> {
        self.type_before(self.tokens.len().checked_sub(1)?, world)
    }

    /// The type of the expression that ends before a token.
    fn type_before(&self, end: usize, world: &dyn World) -> Option<Type> {
        let known = world.variables();
        let variables = |name: &str| {
            known
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, of)| *of)
        };
        type_of(self.before, self.tokens.get(..end)?, &variables)
    }

    /// The innermost call around the cursor: its frame, and the functions that it may be.
    pub fn call(&self, world: &dyn World) -> Option<(usize, Vec<&'static Function>)> {
        let (index, frame) = (self.frames.iter().enumerate().rev())
            .find(|(_, frame)| matches!(frame, Frame::Call { .. }))?;
        Some((index, self.called(frame, Some(world))))
    }

    /// The functions that a call may be; without a world a method's receiver is unknown.
    fn called(&self, frame: &Frame, world: Option<&dyn World>) -> Vec<&'static Function> {
        let Frame::Call {
            name,
            at,
            is_method,
            ..
        } = frame
        else {
            return Vec::new();
        };
        let all = functions().filter(|function| function.name == *name);
        if !is_method {
            return all.filter(|function| function.on == On::Nothing).collect();
        }
        let receiver = world
            .zip(at.checked_sub(1))
            .and_then(|(world, dot)| self.type_before(dot, world));
        all.filter(|function| function.on != On::Nothing)
            .filter(|function| receiver.is_none() || function.on.receiver() == receiver)
            .collect()
    }

    /// The options of a map: those of a call's parameter, or of another option.
    pub fn options_of(&self, map: usize, world: Option<&dyn World>) -> Option<Vec<Opt>> {
        let mut around = map.checked_sub(1)?;
        if matches!(self.frames.get(around)?, Frame::Array) {
            around = around.checked_sub(1)?;
        }
        match self.frames.get(around)? {
            frame @ Frame::Call { argument, .. } => {
                let called = self.called(frame, world);
                let options = called
                    .iter()
                    .flat_map(|function| function.forms)
                    .filter_map(|form| form.params.get(*argument))
                    .map(|param| param.options)
                    .find(|options| !options.is_empty());
                options.map(<[Opt]>::to_vec)
            }
            Frame::Map { key: Some(key), .. } => {
                let options = self.options_of(around, world)?;
                let option = options.iter().find(|option| option.name == *key)?;
                Some(names::within(option)).filter(|options| !options.is_empty())
            }
            _ => None,
        }
    }

    /// What a value at the cursor is for: an option, or a parameter of a function.
    pub fn value(&self, world: &dyn World) -> Option<Value> {
        let last = self.frames.len().checked_sub(1)?;
        let of_option = |map: usize, key: &str| {
            let options = self.options_of(map, Some(world))?;
            let option = options.iter().find(|option| option.name == key)?;
            Some(Value {
                names: names::of_option(option),
                takes: option.takes,
                is_listed: last > map,
            })
        };
        let holder = match self.frames.get(last)? {
            Frame::Array => last.checked_sub(1)?,
            _ => last,
        };
        match self.frames.get(holder)? {
            Frame::Map { key: Some(key), .. } => of_option(holder, key),
            frame @ Frame::Call { argument, .. } => {
                let called = self.called(frame, Some(world));
                let mut params = called
                    .iter()
                    .flat_map(|f| f.forms.iter().map(move |form| (f, form)))
                    .filter_map(|(f, form)| Some((f, form.params.get(*argument)?)));
                params.next().map(|(function, param)| Value {
                    names: names::of_param(function, param),
                    takes: param.takes,
                    is_listed: last > holder,
                })
            }
            _ => None,
        }
    }

    /// The service that the call around the cursor is made on, where it is told by name.
    pub fn service(&self, world: &dyn World) -> Option<ServiceKey> {
        let Frame::Call {
            at,
            is_method: true,
            ..
        } = self.frames.last()?
        else {
            return None;
        };
        let receiver = self.tokens.get(..at.checked_sub(1)?)?;
        match receiver {
            [.., name] if name.kind == Kind::Word => world.service_of(name.text(self.before)),
            [.., function, open, name, close]
                if open.is(self.before, "(")
                    && close.is(self.before, ")")
                    && name.kind == Kind::Text =>
            {
                let named = unquoted(name.text(self.before));
                let protocol = function.text(self.before);
                let named = match protocol {
                    "tcp" | "udp" | "sctp" => format!("{protocol} {named}"),
                    _ => named.to_owned(),
                };
                resolve(&named, &world.services())
            }
            _ => None,
        }
    }
}

/// What a value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    /// What it names.
    pub names: Names,
    /// What the option or parameter takes.
    pub takes: Type,
    /// The value is one of several in an array.
    pub is_listed: bool,
}

/// The parameters of a call that are still to come: of the form that has the most.
pub(super) fn params_from(functions: &[&Function], argument: usize) -> Vec<Param> {
    functions
        .iter()
        .flat_map(|function| function.forms)
        .map(|form| form.params.get(argument..).unwrap_or_default())
        .max_by_key(|params| params.len())
        .map(<[Param]>::to_vec)
        .unwrap_or_default()
}
