//! Facts: `drain`, which waits until a server's connections are gone.

use rhai::Dynamic;

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::options::DRAIN;
use super::types::Type;
use crate::director::{Attendant, DrainOptions, News};
use crate::error::{Kind, Result};

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[Function {
    name: "drain",
    group: Group::Live,
    on: On::Nothing,
    forms: &[Form {
        params: &[Param::new("server", Type::Server), Param::options(DRAIN)],
        call: drain,
    }],
    result: Type::Nothing,
    doc: "Takes a real server out without cutting a connection: weight 0, then waits until its \
          active connections are gone.\n\
          Weight 0 is a commit of its own; a server that is at 0 already needs none. Then the \
          server stays so (\"keep\"), is removed (\"remove\"), or gets back the weight that it had \
          (\"restore\"), in another commit. After the timeout or Ctrl-C the server stays at weight \
          0, and the error says what is left and how to go on. Clients of a persistent service \
          stay with their server unless net.ipv4.vs.expire_quiescent_template=1. Refused while \
          changes are staged; stands even if the script fails later. Under --plan and check it \
          does not wait, and is shown.",
    errors: &[
        Kind::State,
        Kind::Foreign,
        Kind::NotFound,
        Kind::Invalid,
        Kind::Timeout,
        Kind::Interrupted,
        Kind::Conflict,
        Kind::Undone,
        Kind::Busy,
    ],
    example: "tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.11\", \"10.0.0.12\"] });\n\
              commit();\n\
              for s in servers(\"10.0.0.12\") {\n    \
              drain(s, #{ timeout: 600, then: \"remove\" });\n}",
    words: &[
        "quiesce",
        "maintenance",
        "weight 0",
        "inhibit_on_failure",
        "take out",
        "graceful",
    ],
}];

fn drain(call: &Call) -> Result<Dynamic> {
    let server = call.server(0)?;
    let options = DrainOptions::parse(&call.options(1)?.unwrap_or_default())?;
    let mut attendant = Attendant::new(|news: News| call.news(news));
    let mut session = call.context.session()?;
    let change = session.unconditional_defaults();
    session.drain(
        (server.service, server.key),
        &options,
        &change,
        &mut attendant,
    )?;
    Ok(Dynamic::UNIT)
}
