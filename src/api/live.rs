//! Facts: what reads the kernel or acts on it at once.

use rhai::Dynamic;

use super::call::Call;
use super::convert;
use super::fact::{Form, Function, Group, On, Param};
use super::services::service_or_name;
use super::types::Type;
use crate::director::News;
use crate::error::{Kind, Result};
use crate::model::json;

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "live",
        group: Group::Live,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: live,
        }],
        result: Type::Map,
        doc: "Reads what the kernel holds now: a map of services, marks, timeouts and daemons, and of \
              the vips, sysctls and tunnel_devices that are managed.\n\
              The keys are those of JSON. Services and servers also have active and inactive, \
              servers persistent_connections.",
        errors: &[Kind::NotPermitted, Kind::Unsupported],
        example: "for s in live().services { print(`${s.address}:${s.port} ${s.active}`); }",
        words: &["-L", "-l", "-n", "--list", "ipvsadm -Ln", "status"],
    },
    Function {
        name: "zero",
        group: Group::Live,
        on: On::Nothing,
        forms: &[Form {
            params: &[Param::new("service", Type::ServiceOrName).optional()],
            call: zero,
        }],
        result: Type::Nothing,
        doc: "Sets the packet and byte counters of one service, or of all, to zero, at once.\n\
              Connections are not touched.",
        errors: &[Kind::NotFound, Kind::NotPermitted],
        example: "let web = tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.11\"] });\n\
                  commit();\nzero(web);",
        words: &["-Z", "--zero", "reset counters"],
    },
];

fn live(call: &Call) -> Result<Dynamic> {
    call.context.refresh()?;
    let mut session = call.context.session()?;
    let live = session.live_with_host()?;
    let mut map = convert::from_json(&json::live(live));
    map.set_tag(LIVE_TAG);
    call.context.keep_live(live.clone());
    Ok(map)
}

fn zero(call: &Call) -> Result<Dynamic> {
    let service = match call.has(0) {
        true => Some(service_or_name(call, 0)?.0),
        false => None,
    };
    let what = service.map_or("all services".to_owned(), |key| key.to_string());
    let mut session = call.context.session()?;
    if session.is_dry() {
        call.context
            .effect(format!("would zero the counters of {what}"));
        return Ok(Dynamic::UNIT);
    }
    session.director().zero(service.as_ref())?;
    call.news(News::Did(&format!("the counters of {what} are zero")));
    Ok(Dynamic::UNIT)
}

/// The tag of a map that is live state, so that it can be shown as what it is.
pub const LIVE_TAG: i32 = 1;
