//! Facts: `shift`, which moves connections from some servers to others in steps.

use rhai::{Array, Dynamic, FnPtr, Map};

use super::call::Call;
use super::convert;
use super::fact::{Form, Function, Group, On, Param};
use super::options::SHIFT;
use super::services::service_or_name;
use super::types::{Type, describe};
use super::value::Server;
use crate::director::{Moves, News, Report, ShiftOptions, Weights, pause, step_options};
use crate::error::{Error, Kind, Result};
use crate::model::{ServerKey, ServiceKey};

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[Function {
    name: "shift",
    group: Group::Live,
    on: On::Nothing,
    forms: &[Form {
        params: &[
            Param::new("service", Type::ServiceOrName),
            Param::new("from", Type::SomeServers),
            Param::new("to", Type::SomeServers),
            Param::options(SHIFT),
        ],
        call: shift,
    }],
    result: Type::Nothing,
    doc: "Moves a service's new connections from some servers to others in steps, for blue/green \
          and canary releases.\n\
          At a step of 10 the servers in `to` have 10 % of the weight that both sides have \
          together, those in `from` the rest; within a side proportions stay, and servers at 0 get \
          the same. Weights too small for that are multiplied on both sides. Each step is a commit, \
          then a pause, then `check`: where it gives false or throws, a step fails, or Ctrl-C \
          comes, the weights that were there come back in another commit, and that is an error. \
          Steps whose share `to` has already are left out, and a note says so: a second run changes \
          nothing. The undo offered at a step brings back the weights before the first one. The \
          scheduler must divide by weight (wrr, wlc, ...) unless the only step is 100. Refused while changes \
          are staged; stands even if the script fails later. Under --plan and check it does not \
          wait, and what `check` says does not count.",
    errors: &[
        Kind::State,
        Kind::Foreign,
        Kind::NotFound,
        Kind::Invalid,
        Kind::Aborted,
        Kind::Interrupted,
        Kind::Conflict,
        Kind::Undone,
        Kind::Busy,
    ],
    example: "let web = tcp(\"192.0.2.10:80\", #{ scheduler: \"wrr\", servers: [\n    \
              \"10.0.0.11\", #{ address: \"10.0.0.12\", weight: 0 },\n] });\n\
              commit();\n\
              shift(web, \"10.0.0.11\", \"10.0.0.12\", #{ steps: [10, 50, 100], pause: 0,\n    \
              check: || web.find(\"10.0.0.12\").weight > 0 });",
    words: &[
        "blue/green",
        "canary",
        "migrate",
        "gradual",
        "traffic split",
    ],
}];

fn shift(call: &Call) -> Result<Dynamic> {
    let service = service_or_name(call, 0)?.0;
    let (options, check) = options(call, 3)?;
    let from = servers(call, 1, service)?;
    let to = servers(call, 2, service)?;
    let shift = {
        let mut session = call.context.session()?;
        let adopt = session.defaults().adopt;
        let shift = session.prepare_shift(service, (&from, &to), &options, adopt)?;
        for note in shift.notes(&mut session)? {
            call.news(News::Note(&note));
        }
        shift
    };
    let mut script = Script {
        call,
        service,
        options,
        check,
    };
    let snapshot = shift.carry_out(&mut script)?;
    call.news(News::Done(&shift.ended(snapshot)));
    Ok(Dynamic::UNIT)
}

/// The options, and the check among them.
fn options(call: &Call, index: usize) -> Result<(ShiftOptions, Option<FnPtr>)> {
    if !call.has(index) {
        return Ok((ShiftOptions::default(), None));
    }
    let mut map = call
        .arg(index)?
        .read_lock::<Map>()
        .map(|map| map.clone())
        .unwrap_or_default();
    let check = match map.remove("check") {
        None => None,
        Some(value) if value.is_unit() => None,
        Some(value) => {
            let given = describe(&value);
            Some(value.try_cast::<FnPtr>().ok_or_else(|| {
                Error::invalid(format!("check must be a function, not {given}"))
                    .hint("like check: || probe(\"10.0.0.12:80\")")
            })?)
        }
    };
    let mut session = call.context.session()?;
    let options = convert::options(&mut session, &Dynamic::from_map(map))?;
    Ok((ShiftOptions::parse(&options)?, check))
}

/// A server, its address, or an array of them.
fn servers(call: &Call, index: usize, service: ServiceKey) -> Result<Vec<ServerKey>> {
    let value = call.arg(index)?;
    let elements: Array = match value.read_lock::<Array>() {
        Some(array) => array.clone(),
        None => vec![value.clone()],
    };
    let one = |element: Dynamic| {
        if let Some(server) = element.read_lock::<Server>() {
            return match server.service == service {
                true => Ok(server.key),
                false => Err(Error::invalid(format!("it is not a server of {service}"))
                    .object(server.to_string())),
            };
        }
        let given = describe(&element);
        let address = element.into_string().map_err(|_| {
            Error::invalid(format!(
                "expected a real server or its address, not {given}"
            ))
        })?;
        call.context.session()?.find_server(service, &address)
    };
    elements.into_iter().map(one).collect()
}

/// A shift as a script makes it: the check is the script's own.
struct Script<'a> {
    call: &'a Call<'a>,
    service: ServiceKey,
    options: ShiftOptions,
    check: Option<FnPtr>,
}

impl Moves for Script<'_> {
    fn weigh(
        &mut self,
        weights: &Weights,
        message: String,
        before: Option<&Report>,
    ) -> Result<Report> {
        let report = {
            let mut session = self.call.context.session()?;
            let change = step_options(&session.unconditional_defaults(), message);
            session.weigh(self.service, weights, &change, before)?
        };
        self.call.done(&report);
        Ok(report)
    }

    fn pause(&mut self, percent: u32, is_last: bool) -> Result<()> {
        let is_over = is_last && self.check.is_none();
        let waits = !is_over && !self.options.pause.is_zero();
        let dry = self.call.context.session()?.is_dry();
        if waits && dry {
            let seconds = self.options.pause.as_secs_f64();
            let line = format!("would wait {seconds} seconds at {percent} %");
            self.call.news(News::Would(&line));
        } else if waits {
            let progress = self.call.context.session()?.director().progress();
            let what = format!("{} at {percent} %", self.service);
            pause(&what, self.options.pause, &*progress)?;
        }
        self.call.context.refresh()?;
        match self.check()? || dry {
            true => Ok(()),
            false => Err(Error::new(Kind::Aborted, "the check said no")),
        }
    }
}

impl Script<'_> {
    /// What the check says.
    fn check(&self) -> Result<bool> {
        let Some(check) = &self.check else {
            return Ok(true);
        };
        let said = self.call.ask(check)?;
        if self.call.context.is_exiting() {
            return Err(Error::new(Kind::Aborted, "the check called exit()"));
        }
        said.as_bool().map_err(|_| {
            let given = describe(&said);
            Error::invalid(format!("check must give true or false, not {given}"))
        })
    }
}
