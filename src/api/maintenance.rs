//! Facts: maintenance of real servers and hosts.

use rhai::Dynamic;

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::options::MAINTENANCE;
use super::settings;
use super::types::Type;
use super::value::SettingHandle;
use crate::error::{Error, Kind, Result};
use crate::model::{MaintenanceKey, SettingKey, SettingKind};

const NAME: Param = Param::new("name", Type::Text);

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[Function {
    name: "maintenance",
    group: Group::Servers,
    on: On::Nothing,
    forms: &[
        Form {
            params: &[],
            call: list,
        },
        Form {
            params: &[NAME],
            call: find,
        },
        Form {
            params: &[NAME, Param::options(MAINTENANCE).required()],
            call: declare,
        },
    ],
    result: Type::SomeMaintenance,
    doc: "Takes a real server out of service, or holds it in, in every service that has it.\n\
              The name is an address, with or without a port, or a host. It counts for services \
              that are added later too, and no declaration of a service or server resets it. \
              Without options it is found, and without a name all are listed; `remove` ends it.",
    errors: &[Kind::Invalid, Kind::NotFound],
    example: "maintenance(\"10.0.0.12\", #{ expires: \"2d\", why: \"memory is replaced\" });\n\
                  maintenance(\"web12\", #{ mode: \"out\" });\n\
                  for m in maintenance() { print(`${m.name} ${m.mode}`); }\n\
                  remove(maintenance(\"web12\"));",
    words: &["disable", "drain", "out of service", "quiesce", "host"],
}];

fn declare(call: &Call) -> Result<Dynamic> {
    let key = MaintenanceKey::parse(&call.text(0)?)?;
    let options = call.options(1)?.unwrap_or_default();
    let mut session = call.context.session()?;
    session.declare_maintenance(key, &options)?;
    Ok(Dynamic::from(SettingHandle(SettingKey::Maintenance(key))))
}

fn find(call: &Call) -> Result<Dynamic> {
    let name = MaintenanceKey::parse(&call.text(0)?)?;
    let key = SettingKey::Maintenance(name);
    let mut session = call.context.session()?;
    match session.settings()?.rules().settings.has(key) {
        true => Ok(Dynamic::from(SettingHandle(key))),
        false => Err(Error::not_found("it is not in maintenance")
            .object(key)
            .hint(format!(
                "to record it: maintenance(\"{name}\", #{{ mode: \"drain\" }})"
            ))),
    }
}

fn list(call: &Call) -> Result<Dynamic> {
    settings::list(call, |key| key.kind() == SettingKind::Maintenance)
}
