//! Imports: files beside the script, and nothing else.
//!
//! Rhai's own resolver reads any path relative to the working directory; in a tool that runs as
//! root that is somebody else's directory.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope};

use super::scan::{catch_variables, scan};
use super::source::text_of;
use super::{Catches, limits, prepare};
use crate::api::Context;
use crate::api::value::raise;
use crate::error::{Error, Result};
use crate::signals;

type Resolved = std::result::Result<Rc<Module>, Box<EvalAltResult>>;

/// Where the script that runs has its modules.
#[derive(Debug, Clone)]
struct Home {
    /// The directory, canonical.
    dir: PathBuf,
    /// The directory as it is shown: with the script's name as the user gave it.
    shown: PathBuf,
}

/// What is loaded and what is being loaded.
#[derive(Default)]
struct State {
    home: Option<Home>,
    loaded: BTreeMap<PathBuf, Rc<Module>>,
    loading: BTreeSet<PathBuf>,
}

/// Resolves imports beside the script.
#[derive(Clone)]
pub struct Beside {
    context: Rc<Context>,
    catches: Catches,
    state: Rc<RefCell<State>>,
}

impl Beside {
    /// A resolver without a script.
    pub fn new(context: &Rc<Context>, catches: &Catches) -> Beside {
        Beside {
            context: Rc::clone(context),
            catches: Rc::clone(catches),
            state: Rc::default(),
        }
    }

    /// Says which script runs: its directory, and its name as the user gave it.
    pub fn set_home(&self, dir: Option<&Path>, name: &str) {
        let home = dir.map(|dir| Home {
            dir: dir.to_owned(),
            shown: Path::new(name)
                .parent()
                .map_or_else(PathBuf::new, Path::to_owned),
        });
        self.state.replace(State {
            home,
            ..State::default()
        });
    }

    /// The file that a path means: its name for the reader, and where it is.
    fn file(&self, path: &str) -> Result<(String, PathBuf)> {
        let object = || format!("module \"{path}\"");
        let Some(home) = self.state.borrow().home.clone() else {
            return Err(Error::invalid("there is no script for it to be beside")
                .object(object())
                .attempt("cannot import")
                .hint("imports work in script files: ipvsh run SCRIPT"));
        };
        let relative = Path::new(path);
        let plain = !path.is_empty()
            && relative
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let outside = || {
            Error::invalid("it is not beside the script")
                .object(object())
                .attempt("cannot import")
                .hint("a module is in the script's directory or below it")
        };
        if !plain {
            return Err(outside());
        }
        let mut named = relative.to_owned();
        if named
            .extension()
            .is_none_or(|extension| extension != "rhai")
        {
            let mut name = named.into_os_string();
            name.push(".rhai");
            named = PathBuf::from(name);
        }
        let shown = home.shown.join(&named).display().to_string();
        let file = home.dir.join(&named).canonicalize().map_err(|e| {
            Error::system("cannot import", &e)
                .object(object())
                .hint(format!("it would be {shown}"))
        })?;
        // A link may lead anywhere.
        match file.starts_with(&home.dir) {
            true => Ok((shown, file)),
            false => Err(outside()),
        }
    }

    fn load(&self, engine: &Engine, path: &str) -> std::result::Result<Rc<Module>, Failure> {
        let (shown, file) = self.file(path)?;
        if let Some(module) = self.state.borrow().loaded.get(&file) {
            return Ok(Rc::clone(module));
        }
        let object = || format!("module \"{path}\"");
        if self.state.borrow().loaded.len() + self.state.borrow().loading.len() >= limits::MODULES {
            return Err(
                Error::invalid(format!("more than {} modules", limits::MODULES))
                    .object(object())
                    .into(),
            );
        }
        if !self.state.borrow_mut().loading.insert(file.clone()) {
            return Err(
                Error::invalid("it is being imported already: modules import each other")
                    .object(object())
                    .attempt("cannot import")
                    .into(),
            );
        }
        let module = self.evaluate(engine, &shown, &file);
        self.state.borrow_mut().loading.remove(&file);
        let module = module?;
        self.state
            .borrow_mut()
            .loaded
            .insert(file, Rc::clone(&module));
        Ok(module)
    }

    fn evaluate(
        &self,
        engine: &Engine,
        shown: &str,
        file: &Path,
    ) -> std::result::Result<Rc<Module>, Failure> {
        let opened = signals::open(file)
            .map_err(|e| Error::system("cannot read", &e).object(format!("module {shown}")))?;
        let text = prepare(&text_of(opened, shown)?);
        self.context.add_source(shown, &text);
        let looked = scan(&text);
        self.catches
            .borrow_mut()
            .extend(catch_variables(&looked.code));
        if let Some((line, column)) = looked.open_comment {
            let place = self.context.place_at(shown, line, column);
            let error = super::errors::open_comment();
            return Err(match place {
                Some(place) => error.at(place).into(),
                None => error.into(),
            });
        }
        let within = |error: Box<EvalAltResult>| {
            Failure::Rhai(
                EvalAltResult::ErrorInModule(shown.to_owned(), error, Position::NONE).into(),
            )
        };
        let mut ast = engine
            .compile(&text)
            .map_err(|e| within(EvalAltResult::ErrorParsing(*e.0, e.1).into()))?;
        ast.set_source(shown);
        Module::eval_ast_as_new(Scope::new(), &ast, engine)
            .map(Rc::new)
            .map_err(within)
    }
}

/// Why a module could not be had: an error of ours, or one within it.
enum Failure {
    Ours(Error),
    Rhai(Box<EvalAltResult>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Ours(error)
    }
}

impl ModuleResolver for Beside {
    fn resolve(&self, engine: &Engine, source: Option<&str>, path: &str, at: Position) -> Resolved {
        self.load(engine, path).map_err(|failure| match failure {
            Failure::Rhai(mut error) => {
                error.set_position(at);
                error
            }
            Failure::Ours(error) => match self.context.place(source, at) {
                Some(place) => raise(error.at(place), at),
                None => raise(error, at),
            },
        })
    }
}
