//! Facts: `top`, the full screen.

use rhai::Dynamic;

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::services::service_or_name;
use super::types::Type;
use crate::error::{Kind, Result};
use crate::model::ServiceName;

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[Function {
    name: "top",
    group: Group::Live,
    on: On::Nothing,
    forms: &[Form {
        params: &[Param::new("service", Type::ServiceOrName).optional()],
        call: top,
    }],
    result: Type::Nothing,
    doc: "Shows live rates and connections of services and their servers, full screen, until q is \
          pressed.\n\
          There ? lists the keys: sort, filter, unfold, freeze, zero. With a service only that \
          one. It needs a terminal; what is staged is not in it. Under --plan and check it is \
          shown, not done.",
    errors: &[
        Kind::State,
        Kind::NotFound,
        Kind::NotPermitted,
        Kind::Unsupported,
    ],
    example: "tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.11\"] });\n\
              commit();\ntop(\"192.0.2.10:80\");",
    words: &["ipvstop", "watch", "monitor", "dashboard", "live", "htop"],
}];

fn top(call: &Call) -> Result<Dynamic> {
    let service = match call.has(0) {
        true => Some(ServiceName::Key(service_or_name(call, 0)?.0)),
        false => None,
    };
    if call.context.session()?.is_dry() {
        let whose = service.map_or("all services".to_owned(), |name| name.to_string());
        call.context.effect(format!("would show top of {whose}"));
        return Ok(Dynamic::UNIT);
    }
    call.context.view(service)?;
    call.context.refresh()?;
    Ok(Dynamic::UNIT)
}
