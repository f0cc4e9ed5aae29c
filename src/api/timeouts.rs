//! Facts: connection timeouts.

use rhai::Dynamic;

use super::call::Call;
use super::convert;
use super::fact::{Form, Function, Group, On, Param};
use super::options::TIMEOUTS;
use super::types::Type;
use crate::error::{Kind, Result};
use crate::model::{Settings, TimeoutKind, Timeouts};

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[Function {
    name: "timeouts",
    group: Group::Timeouts,
    on: On::Nothing,
    forms: &[
        Form {
            params: &[],
            call: read,
        },
        Form {
            params: &[Param::options(TIMEOUTS).required()],
            call: set,
        },
    ],
    result: Type::Map,
    doc: "Sets the connection timeouts given, or says what they are.\n\
          A timeout that was never set is not managed: it is shown as the kernel has it. One that \
          is no longer wanted returns to the kernel's default (900, 120, 300 seconds).",
    errors: &[Kind::Invalid],
    example: "timeouts(#{ tcp: 900, tcp_fin: 120, udp: 300 });\nprint(timeouts().tcp);",
    words: &["--set", "tcpfin", "idle timeout"],
}];

fn set(call: &Call) -> Result<Dynamic> {
    let settings = Settings::from(&Timeouts::parse(&call.options(0)?.unwrap_or_default())?);
    call.context.session()?.settings()?.set_settings(&settings);
    read(call)
}

fn read(call: &Call) -> Result<Dynamic> {
    let mut session = call.context.session()?;
    let mut timeouts = session.settings()?.rules().settings.timeouts();
    if TimeoutKind::ALL
        .into_iter()
        .any(|kind| timeouts.get(kind).is_none())
    {
        let live = session.live()?.rules.settings.timeouts();
        for kind in TimeoutKind::ALL {
            timeouts.set(kind, timeouts.get(kind).or(live.get(kind)));
        }
    }
    Ok(Dynamic::from_map(convert::map(&timeouts.json())))
}
