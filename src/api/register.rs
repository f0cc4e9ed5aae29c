//! Registration: every function of the table becomes one of the engine's.
//!
//! Functions are registered per name and number of arguments, for values of any type; which form
//! is meant is decided here, so that a wrong argument is answered in the user's words and not
//! with a list of Rust types.

use std::collections::BTreeMap;
use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, NativeCallContext};

use super::call::Call;
use super::context::Context;
use super::fact::{Form, Function};
use super::types::{Type, describe};
use super::value::{Raised, raise};
use super::{functions, properties, standard, value};
use crate::error::{Error, Result};
use crate::model::address::endpoint;
use crate::model::{Endpoint, ServiceName};

type RhaiResult = std::result::Result<Dynamic, Box<EvalAltResult>>;

/// A form, and the function that it belongs to.
type Overload = (&'static Function, &'static Form);

/// What is called by one name with so many arguments.
struct Callable {
    context: Rc<Context>,
    name: &'static str,
    overloads: Vec<Overload>,
}

/// The most arguments of any form.
pub const MAX_ARGUMENTS: usize = 4;

/// Makes every function, type and property of the table known to an engine.
pub fn register(engine: &mut Engine, context: &Rc<Context>) {
    register_types(engine);
    properties::register(engine, context);
    standard::register(engine);
    remove_of_text(engine, context);
    for ((name, arguments), overloads) in overloads() {
        let callable = Rc::new(Callable {
            context: Rc::clone(context),
            name,
            overloads,
        });
        register_one(engine, arguments, &callable);
    }
}

/// Rhai's `text.remove(part)` takes two texts, and so would `remove("192.0.2.10:80",
/// "10.0.0.12")`, changing nothing without a word: names of ours are what they say.
fn remove_of_text(engine: &mut Engine, context: &Rc<Context>) {
    let context = Rc::clone(context);
    FuncRegistration::new("remove")
        .with_purity(false)
        .with_volatility(true)
        .register_into_engine(
            engine,
            move |native: NativeCallContext, text: &mut ImmutableString, part: ImmutableString| {
                let is_ours = ServiceName::parse(text).is_ok() && Endpoint::parse(&part).is_ok();
                if !is_ours {
                    *text = text.replace(part.as_str(), "").into();
                    return Ok(Dynamic::UNIT);
                }
                let position = native.call_position();
                let place = context.place(native.call_source(), position);
                let call = Call {
                    context: &context,
                    args: &[text.clone().into(), part.into()],
                    place: place.clone(),
                    position,
                    native: &native,
                };
                super::services::remove_server_at(&call).map_err(|error| match place {
                    Some(place) => raise(error.at(place), position),
                    None => raise(error, position),
                })
            },
        );
}

/// Every name with every number of arguments that it can have.
fn overloads() -> BTreeMap<(&'static str, usize), Vec<Overload>> {
    let mut all: BTreeMap<(&'static str, usize), Vec<Overload>> = BTreeMap::new();
    for function in functions() {
        let receiver = usize::from(function.on.receiver().is_some());
        for form in function.forms {
            for arguments in form.fewest()..=form.params.len() {
                all.entry((function.name, receiver + arguments))
                    .or_default()
                    .push((function, form));
            }
        }
    }
    all
}

fn register_one(engine: &mut Engine, arguments: usize, callable: &Rc<Callable>) {
    let registration = || {
        let first = callable.overloads.first();
        let comments = first.map(|(function, _)| format!("/// {}", function.sentence()));
        FuncRegistration::new(callable.name)
            .with_volatility(true)
            .with_params_info(params_info(callable, arguments))
            .with_comments(comments)
    };
    let it = Rc::clone(callable);
    match arguments {
        0 => {
            registration()
                .register_into_engine(engine, move |c: NativeCallContext| it.call(&c, []));
        }
        1 => {
            registration().register_into_engine(engine, move |c: NativeCallContext, a: Dynamic| {
                it.call(&c, [a])
            });
            let numbers = |(_, form): &Overload| matches!(form.params, [param] if matches!(param.takes, Type::Number | Type::Whole));
            // Rhai's own `sleep` and `exit` are for these very types: only the same win.
            if callable.overloads.iter().any(numbers) {
                let it = Rc::clone(callable);
                registration().register_into_engine(engine, move |c: NativeCallContext, a: i64| {
                    it.call(&c, [a.into()])
                });
                let it = Rc::clone(callable);
                registration().register_into_engine(engine, move |c: NativeCallContext, a: f64| {
                    it.call(&c, [a.into()])
                });
            }
        }
        2 => {
            registration().register_into_engine(
                engine,
                move |c: NativeCallContext, a: Dynamic, b: Dynamic| it.call(&c, [a, b]),
            );
        }
        3 => {
            registration().register_into_engine(
                engine,
                move |x: NativeCallContext, a: Dynamic, b: Dynamic, c: Dynamic| {
                    it.call(&x, [a, b, c])
                },
            );
        }
        _ => {
            registration().register_into_engine(
                engine,
                move |x: NativeCallContext, a: Dynamic, b: Dynamic, c: Dynamic, d: Dynamic| {
                    it.call(&x, [a, b, c, d])
                },
            );
        }
    }
}

/// Parameter names and types of the first form, and the result's, as Rhai's metadata has them.
fn params_info(callable: &Callable, arguments: usize) -> Vec<String> {
    let Some((function, form)) = callable.overloads.first() else {
        return Vec::new();
    };
    let receiver = function.on.word().map(str::to_owned);
    receiver
        .into_iter()
        .chain(
            form.params
                .iter()
                .map(|p| format!("{}: {}", p.name, p.takes.words())),
        )
        .take(arguments)
        .chain([function.result.words().to_owned()])
        .collect()
}

impl Callable {
    fn call<const N: usize>(&self, native: &NativeCallContext, args: [Dynamic; N]) -> RhaiResult {
        // A variable that a closure captured arrives as a shared cell.
        let args = &args.map(Dynamic::flatten);
        let position = native.call_position();
        let place = self.context.place(native.call_source(), position);
        let call = Call {
            context: &self.context,
            args,
            place: place.clone(),
            position,
            native,
        };
        let result = self
            .choose(args)
            .and_then(|form| (form.call)(&call))
            .map_err(|error| match place {
                Some(place) => error.at(place),
                None => error,
            });
        match result {
            Ok(_) if self.context.is_exiting() => {
                Err(EvalAltResult::Exit(Dynamic::UNIT, position).into())
            }
            Ok(value) => Ok(value),
            Err(error) => Err(raise(error, position)),
        }
    }

    /// The form whose parameters fit the arguments.
    fn choose(&self, args: &[Dynamic]) -> Result<&'static Form> {
        let fitting = self
            .overloads
            .iter()
            .find(|(function, form)| mismatch(function, form, args).is_none());
        match fitting {
            Some((_, form)) => Ok(form),
            None => Err(self.no_form(args)),
        }
    }

    /// Says which argument does not fit, by the form that comes closest.
    fn no_form(&self, args: &[Dynamic]) -> Error {
        let closest = self
            .overloads
            .iter()
            .filter_map(|(function, form)| {
                let (index, name, wants) = mismatch(function, form, args)?;
                Some((index, name, wants, *function))
            })
            // The first of those that fit furthest.
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        let Some((index, name, wants, function)) = closest else {
            return Error::invalid(format!("{} cannot be called like this", self.name));
        };
        let given = args.get(index).map(describe).unwrap_or_default();
        let signatures = signatures_of(self.name).join(", ");
        Error::invalid(format!(
            "{}: {name} must be {}, not {given}",
            function.full_name(),
            wants.words()
        ))
        .maybe_hint(apart(args))
        .hint(format!("it is called as {signatures}"))
    }
}

/// What to write where a port stands behind the text of its address, as an argument of its own.
fn apart(args: &[Dynamic]) -> Option<String> {
    args.windows(2).find_map(|pair| {
        let [address, port] = pair else {
            return None;
        };
        let address = address.read_lock::<ImmutableString>()?;
        let port: u16 = match port.as_int() {
            Ok(number) => number.try_into().ok()?,
            Err(_) => port.read_lock::<ImmutableString>()?.parse().ok()?,
        };
        let whole = Endpoint::parse(&address).ok()?;
        let whole = whole.port.is_none().then(|| endpoint(whole.addr, port))?;
        Some(format!("the port belongs to the address: \"{whole}\""))
    })
}

/// Every way in which a name can be called.
pub fn signatures_of(name: &str) -> Vec<String> {
    functions()
        .filter(|function| function.name == name)
        .flat_map(Function::signatures)
        .collect()
}

/// The first argument that does not fit: its index, its name, what is wanted.
fn mismatch(
    function: &Function,
    form: &Form,
    args: &[Dynamic],
) -> Option<(usize, &'static str, Type)> {
    let receiver = function
        .on
        .receiver()
        .map(|takes| (function.on.word().unwrap_or_default(), takes));
    let params = form.params.iter().map(|param| (param.name, param.takes));
    receiver
        .into_iter()
        .chain(params)
        .zip(args)
        .enumerate()
        .find(|(_, ((_, takes), value))| !takes.fits(value))
        .map(|(index, ((name, takes), _))| (index, name, takes))
}

fn register_types(engine: &mut Engine) {
    engine.register_type_with_name::<value::Service>("Service");
    engine.register_type_with_name::<value::Server>("Server");
    engine.register_type_with_name::<value::SettingHandle>("Setting");
    engine.register_type_with_name::<value::Outcome>("Report");
    engine.register_type_with_name::<value::Divergence>("Difference");
    engine.register_type_with_name::<Raised>("Error");
    handle::<value::Service>(engine);
    handle::<value::Server>(engine);
    handle::<value::SettingHandle>(engine);
    handle::<Raised>(engine);
    for name in ["to_string", "to_debug"] {
        engine.register_fn(name, |report: value::Outcome| {
            super::report::report_text(&report.0)
        });
        engine.register_fn(name, |difference: value::Divergence| {
            super::report::difference_text(&difference.0)
        });
    }
}

/// What every value has that is a name: it prints, and equals another of the same name.
fn handle<T: Clone + PartialEq + std::fmt::Display + 'static>(engine: &mut Engine) {
    for name in ["to_string", "to_debug"] {
        engine.register_fn(name, |value: T| value.to_string());
    }
    engine.register_fn("==", |a: T, b: T| a == b);
    engine.register_fn("!=", |a: T, b: T| a != b);
}
