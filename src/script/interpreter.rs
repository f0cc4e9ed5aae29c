//! Runs scripts and prompt lines on a session.

use std::cell::RefMut;
use std::io::Write;
use std::rc::Rc;

use rhai::{AST, Dynamic, Engine, EvalAltResult, Map, Module, ParseError, Position, Scope};

use super::depth::Depth;
use super::errors::{self, Surroundings};
use super::meter::Meter;
use super::pinpoint::offset;
use super::problems::{self, Problem, problems, without_statement};
use super::resolver::Beside;
use super::scan::{catch_variables, scan};
use super::{Catches, Ended, Shown, Source, limits, prepare, slips, syntax};
use crate::api::value::raise;
use crate::api::value::{Raised, Service};
use crate::api::{self, Context, Type};
use crate::director::{Director, Fate, News, Report, Session, sentences};
use crate::error::{Error, Kind, Place, Result};
use crate::model::count;
use crate::model::{ServiceKey, ServiceName, SnapshotId};
use crate::signals;

/// A Rhai engine on a session.
pub struct Interpreter {
    engine: Engine,
    context: Rc<Context>,
    resolver: Beside,
    catches: Catches,
    meter: Rc<Meter>,
    /// Variables of the prompt.
    scope: Scope<'static>,
    /// Functions of the prompt.
    library: AST,
    standard: Vec<String>,
    arguments: usize,
}

impl Interpreter {
    /// An interpreter whose scripts see `args` as `ARGS`.
    pub fn new(session: Session, args: Vec<String>) -> Interpreter {
        let context = Rc::new(Context::new(session));
        let catches = Catches::default();
        let mut engine = Engine::new();
        let standard = names(&engine);
        limits::set(&mut engine);
        api::register(&mut engine, &context);
        let resolver = Beside::new(&context, &catches);
        engine.set_module_resolver(resolver.clone());
        let arguments = args.len();
        engine.register_global_module(globals(args).into());
        let meter = Rc::new(Meter::new());
        watch(&mut engine, &context, &meter);
        print_to(&mut engine, &context);
        look_at_variables(&mut engine, &context, &catches, &meter, arguments);
        properties_of_thrown_text(&mut engine);
        translate_errors(&context, standard.clone(), arguments);
        Interpreter {
            engine,
            context,
            resolver,
            catches,
            meter,
            scope: Scope::new(),
            library: AST::empty(),
            standard,
            arguments,
        }
    }

    /// The session.
    pub fn session(&self) -> RefMut<'_, Session> {
        self.context.session_at_rest()
    }

    /// Prints to another place than standard output.
    pub fn set_output(&mut self, output: impl Write + 'static) {
        self.context.set_output(Box::new(output));
    }

    /// Runs a whole script. What it staged is not committed yet: see [`Interpreter::finish`].
    ///
    /// # Errors
    /// What the script raised and did not catch, with its place.
    pub fn run(&mut self, source: &Source) -> Result<Ended> {
        let _hold = signals::hold();
        self.begin(source);
        let ast = self.compile(source, &Scope::new())?;
        let result = self
            .engine
            .eval_ast_with_scope::<Dynamic>(&mut Scope::new(), &ast);
        self.ended(result, &source.name, &ast)
    }

    /// Runs a line of the prompt: variables and functions stay for the next.
    ///
    /// # Errors
    /// What the line raised and did not catch, with its place.
    pub fn line(&mut self, text: &str) -> Result<Ended> {
        self.start_up(&Source::prompt(text))
    }

    /// Runs a script before the first line: its variables and functions are there for all.
    ///
    /// # Errors
    /// What it raised and did not catch, with its place.
    pub fn start_up(&mut self, source: &Source) -> Result<Ended> {
        let _hold = signals::hold();
        self.begin(source);
        let ast = self.compile(source, &self.scope)?;
        // What earlier lines defined is there, and what this one defines anew wins.
        let all = self.library.merge(&ast);
        let variables = self.scope.len();
        let mut scope = std::mem::take(&mut self.scope);
        let result = self.engine.eval_ast_with_scope::<Dynamic>(&mut scope, &all);
        if result.is_err() {
            scope.rewind(variables);
        }
        self.scope = scope;
        self.library = all.clone_functions_only();
        self.ended(result, &source.name, &all)
    }

    /// Ends a run: commits what is staged, as `run`, `-e` and piped input do; `None` where
    /// nothing was named or the script wanted no commit.
    ///
    /// # Errors
    /// As [`Session::commit`], naming the explicit commits that stand.
    pub fn finish(&mut self, ended: &Ended) -> Result<Option<Report>> {
        if !ended.commits() || self.session().is_untouched() {
            return Ok(None);
        }
        let defaults = self.session().defaults().clone();
        let result = self.session().commit(&defaults);
        result.map(Some).map_err(|error| self.note_standing(error))
    }

    /// Parses a script without running it.
    ///
    /// # Errors
    /// `script`, with the place.
    pub fn check_syntax(&self, source: &Source) -> Result<()> {
        self.context
            .add_source(&source.name, &prepare(&source.text));
        self.compile(source, &Scope::new()).map(|_| ())
    }

    /// What is wrong with a script as far as that can be told without running it, in order.
    pub fn problems(&self, source: &Source) -> Vec<Error> {
        let text = prepare(&source.text);
        self.context.add_source(&source.name, &text);
        let mut found = self.syntax_errors(source, &text);
        let at = |(error, line, column): Problem| match self.context.place_at(
            &source.name,
            line,
            column,
        ) {
            Some(place) => error.at(place),
            None => error,
        };
        found.extend(problems(&text, &self.standard).into_iter().map(at));
        found.sort_by_key(|error| error.place().map(|place| (place.line, place.column)));
        found.dedup_by(|one, other| one.place() == other.place());
        found
    }

    /// Every syntax error that does not follow from another: the statement that holds one is left
    /// out, and the rest parsed again.
    fn syntax_errors(&self, source: &Source, text: &str) -> Vec<Error> {
        let mut found = Vec::new();
        let mut text = text.to_owned();
        while found.len() < problems::MOST {
            let again = Source {
                text: text.clone(),
                ..source.clone()
            };
            let Err(error) = self.compile(&again, &Scope::new()) else {
                break;
            };
            let rest = error.place().and_then(|place| {
                let at = offset(&text, place.line, place.column)?;
                without_statement(&text, at)
            });
            found.push(error);
            match rest {
                Some(rest) => text = rest,
                None => break,
            }
        }
        found
    }

    /// What was only shown of a dry run's effects since this was last asked, a line each.
    pub fn effects(&mut self) -> Vec<String> {
        self.context.take_effects()
    }

    /// Names of the variables that a prompt line can use.
    pub fn variables(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .scope
            .iter()
            .map(|(name, _, _)| name.to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The variables that a prompt line can use, with their types.
    pub fn typed_variables(&self) -> Vec<(String, Type)> {
        let names = self.variables().into_iter();
        names
            .map(|name| {
                let value = self.scope.get(&name);
                let of = value.map_or(Type::Any, Type::of);
                (name, of)
            })
            .collect()
    }

    /// The service that a variable of the prompt names.
    pub fn service_of(&self, variable: &str) -> Option<ServiceKey> {
        let value = self.scope.get(variable)?;
        value.read_lock::<Service>().map(|service| service.0)
    }

    /// The functions that earlier lines defined, as `add(w, ip)`.
    pub fn own_functions(&self) -> Vec<String> {
        let functions = self.library.iter_functions();
        functions.map(|function| function.to_string()).collect()
    }

    /// Says whether an earlier line defined a function of this name.
    pub fn defines(&self, name: &str) -> bool {
        self.library
            .iter_functions()
            .any(|function| function.name == name)
    }

    /// Calls `listener` with the report of each explicit commit, rollback, restore and adoption
    /// at the moment when it is done; they also stay in [`Session::take_reports`].
    pub fn on_report(&mut self, listener: impl FnMut(&Report) + 'static) {
        self.context.set_listener(Box::new(listener));
    }

    /// Calls `listener` with what a drain and the like tell on their way: notes, and the sentence
    /// that ends them.
    pub fn on_news(&mut self, listener: impl FnMut(News) + 'static) {
        self.context.set_teller(Box::new(listener));
    }

    /// Lets `viewer` show the full screen of `top()`.
    pub fn on_top(
        &mut self,
        viewer: impl FnMut(&mut Director, Option<ServiceName>) -> Result<()> + 'static,
    ) {
        self.context.set_viewer(Box::new(viewer));
    }

    fn begin(&self, source: &Source) {
        self.meter.begin();
        self.context.forget_standing();
        self.context.take_exit();
        self.context.take_unwritten();
        self.context
            .add_source(&source.name, &prepare(&source.text));
        self.resolver.set_home(source.dir.as_deref(), &source.name);
        self.catches.borrow_mut().clear();
    }

    fn compile(&self, source: &Source, scope: &Scope) -> Result<AST> {
        let text = prepare(&source.text);
        let looked = scan(&text);
        let at = |error: Error, place: Option<Place>| match place {
            Some(place) => error.at(place),
            None => error,
        };
        if let Some((line, column)) = looked.open_comment {
            let place = self.context.place_at(&source.name, line, column);
            return Err(at(errors::open_comment(), place));
        }
        self.catches
            .borrow_mut()
            .extend(catch_variables(&looked.code));
        let mut ast = self
            .engine
            .compile_with_scope(scope, &text)
            .map_err(|e| self.syntax_error(&source.name, &text, &e))?;
        ast.set_source(source.name.as_str());
        Ok(ast)
    }

    /// A syntax error; one at the end of the text has no position of its own.
    fn syntax_error(&self, file: &str, text: &str, error: &ParseError) -> Error {
        let place = match error.position() {
            none if none.is_none() => {
                let line = text.lines().count().max(1);
                let column = text.lines().last().map_or(0, |line| line.chars().count());
                self.context.place_at(file, line, column + 1)
            }
            position => self.context.place(Some(file), position),
        };
        let at_line = place.as_ref().map_or(1, |place| place.line);
        if let Some(slip) = slips::find(text, at_line) {
            return self.slip(file, slip);
        }
        let unclosed = place
            .as_ref()
            .filter(|_| may_be_unclosed(error))
            .and_then(|place| slips::unclosed(text, place.line, place.column));
        if let Some(slip) = unclosed {
            return self.slip(file, slip);
        }
        let (line, column) = place
            .as_ref()
            .map_or(("", 0), |place| (place.source.as_str(), place.column));
        let described = syntax::describe(error.err_type(), line, column);
        match place {
            Some(place) => described.at(place),
            None => described,
        }
    }

    /// A slip as an error.
    fn slip(&self, file: &str, slip: slips::Slip) -> Error {
        let error = Error::new(Kind::Script, slip.cause).hint(slip.hint);
        match self.context.place_at(file, slip.line, slip.column) {
            Some(place) => error.at(place),
            None => error,
        }
    }

    /// What a run came to.
    fn ended(
        &self,
        result: std::result::Result<Dynamic, Box<EvalAltResult>>,
        file: &str,
        ast: &AST,
    ) -> Result<Ended> {
        if self.context.is_closed() {
            return Ok(Ended::Closed);
        }
        if let Some(error) = self.context.take_unwritten() {
            let error = match self.session().staged() {
                0 => error,
                staged => error.hint(format!(
                    "{} staged and not committed",
                    count(staged, "change")
                )),
            };
            return Err(self.note_standing(error));
        }
        if let Some(status) = self.context.take_exit() {
            return Ok(Ended::Exit(status));
        }
        match result {
            Ok(value) => self.shown(&value).map(Ended::Value),
            Err(error) => {
                let functions: Vec<String> = ast.iter_functions().map(|f| f.to_string()).collect();
                let variables = self.variables();
                let error = errors::uncaught(
                    *error,
                    &Surroundings {
                        context: &self.context,
                        file,
                        functions: &functions,
                        standard: &self.standard,
                        variables: &variables,
                        arguments: self.arguments,
                    },
                );
                Err(self.note_standing(error))
            }
        }
    }

    fn shown(&self, value: &Dynamic) -> Result<Shown> {
        let mut session = self.context.session()?;
        Shown::of(&self.context, &mut session, value)
    }

    /// Says what became of the commits that the script made before it failed.
    fn note_standing(&self, error: Error) -> Error {
        let told = match error.kind() {
            // The history is in use: to look would only wait once more.
            Kind::Busy => self.standing_within(|_, ids| vec![Fate::Unknown; ids.len()]),
            _ => self.standing_within(Director::fates),
        };
        told.into_iter().fold(error, Error::hint)
    }

    /// What became of the commits that the script made, a sentence each; nothing in a dry run,
    /// which leaves none behind.
    pub fn standing(&self) -> Vec<String> {
        self.standing_within(Director::fates)
    }

    fn standing_within(
        &self,
        fates: impl FnOnce(&Director, &[SnapshotId]) -> Vec<Fate>,
    ) -> Vec<String> {
        let mut session = self.session();
        if session.is_dry() {
            return Vec::new();
        }
        let made = self.context.standing();
        let ids: Vec<SnapshotId> = made.iter().map(|one| one.id).collect();
        let told = fates(session.director(), &ids).into_iter().zip(&made);
        let told: Vec<(SnapshotId, String, Fate)> = told
            .map(|(fate, one)| {
                let at = match &one.place {
                    Some(place) => format!(" (line {})", place.line),
                    None => String::new(),
                };
                (one.id, at, fate)
            })
            .collect();
        sentences(&told)
    }
}

/// Returns true for the errors that a bracket which is not closed leads to.
fn may_be_unclosed(error: &ParseError) -> bool {
    use rhai::ParseErrorType as P;
    match error.err_type() {
        P::UnexpectedEOF => true,
        P::MissingToken(token, _) => matches!(token.as_str(), ")" | "]" | "}" | ","),
        _ => false,
    }
}

/// Says whether a text is the beginning of something: the prompt then asks for another line.
pub fn is_incomplete(text: &str) -> bool {
    let text = prepare(text);
    let mut engine = Engine::new_raw();
    limits::set(&mut engine);
    let looked = scan(&text);
    looked.open_comment.is_some()
        || engine
            .compile(&text)
            .is_err_and(|error| looked.has_open_backticks || syntax::is_incomplete(&error, &text))
}

/// `ARGS`, which functions and modules see too.
fn globals(args: Vec<String>) -> Module {
    let mut module = Module::new();
    let args: rhai::Array = args.into_iter().map(Dynamic::from).collect();
    module.set_var("ARGS", args);
    module
}

/// Names of the functions that an engine has by itself.
fn names(engine: &Engine) -> Vec<String> {
    let mut names: Vec<String> = engine
        .gen_fn_signatures(true)
        .iter()
        .filter_map(|signature| signature.split('(').next())
        .map(|name| name.trim_start_matches("get ").trim_start_matches("set "))
        .filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Ends a script where a signal came, nobody reads any more, a line could not be printed, or
/// `exit` was called where Rhai turns it into an error that can be caught (in the closure of `map`
/// and the like); and where it takes too much of the host.
fn watch(engine: &mut Engine, context: &Rc<Context>, meter: &Rc<Meter>) {
    let context = Rc::clone(context);
    let meter = Rc::clone(meter);
    engine.on_progress(move |_| {
        let ends = context.is_closed()
            || context.is_unwritten()
            || context.is_exiting()
            || signals::interrupted().is_some();
        match ends {
            true => Some(Dynamic::UNIT),
            false => meter.exceeded().map(Dynamic::from),
        }
    });
}

fn print_to(engine: &mut Engine, context: &Rc<Context>) {
    let printer = Rc::clone(context);
    engine.on_print(move |text| printer.print(text));
    // `debug` says where, and not among the results.
    engine.on_debug(|text, source, position| {
        let source = source.unwrap_or("script");
        // Where standard error is gone there is nobody left to tell.
        let _ = writeln!(std::io::stderr(), "{source}:{position:?}: {text}");
    });
}

/// What is done at every use of a variable.
///
/// Rhai's own errors reach `catch` as maps without our fields: a variable that `catch` binds and
/// that holds such a map is read as an error of ours. And values may be nested without a limit,
/// while Rhai compares, prints and frees them by recursion: they are stopped before that. A limit of
/// the meter's ends the script here, since a variable has a position.
#[allow(deprecated)] // rhai marks `on_var` as volatile; it is the only way in
fn look_at_variables(
    engine: &mut Engine,
    context: &Rc<Context>,
    catches: &Catches,
    meter: &Rc<Meter>,
    arguments: usize,
) {
    let context = Rc::clone(context);
    let catches = Rc::clone(catches);
    let meter = Rc::clone(meter);
    let depth = Depth::default();
    engine.on_var(move |name, _, eval| {
        let Some(value) = eval.scope().get(name) else {
            return Ok(None);
        };
        if let Some(limit) = meter.found() {
            let limit = Dynamic::from(limit);
            return Err(EvalAltResult::ErrorTerminated(limit, Position::NONE).into());
        }
        if depth.exceeds(value) {
            return Err(raise(errors::nested_too_deep(name), Position::NONE));
        }
        if !catches.borrow().contains(name) {
            return Ok(None);
        }
        let Some(map) = value.read_lock::<Map>() else {
            return Ok(None);
        };
        let around = Surroundings {
            context: &context,
            file: eval.source().unwrap_or_default(),
            functions: &[],
            standard: &[],
            variables: &[],
            arguments,
        };
        Ok(errors::caught(&map, &around).map(|error| Dynamic::from(Raised(error))))
    });
}

/// What a function of the script's raises in the middle of one of ours.
fn translate_errors(context: &Rc<Context>, standard: Vec<String>, arguments: usize) {
    let weak = Rc::downgrade(context);
    context.set_translator(Box::new(move |error, file| match weak.upgrade() {
        None => Error::new(Kind::Bug, "the script is gone"),
        Some(context) => errors::uncaught(
            error,
            &Surroundings {
                context: &context,
                file,
                functions: &[],
                standard: &standard,
                variables: &[],
                arguments,
            },
        ),
    }));
}

/// `throw "text"` is caught as that text; it has the fields of an error all the same.
fn properties_of_thrown_text(engine: &mut Engine) {
    engine.register_get("kind", |_: &mut rhai::ImmutableString| {
        Kind::Script.name().to_owned()
    });
    engine.register_get("message", |text: &mut rhai::ImmutableString| text.clone());
    engine.register_get("object", |_: &mut rhai::ImmutableString| ());
    engine.register_get("hint", |_: &mut rhai::ImmutableString| ());
}
