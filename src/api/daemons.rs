//! Facts: sync daemons.

use rhai::Dynamic;

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::options::DAEMON;
use super::types::Type;
use super::value::SettingHandle;
use crate::error::{Kind, Result};
use crate::model::{DaemonRole, EntryKey, EntryValue, Setting, SettingKey, SyncDaemon};

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "sync_daemon",
        group: Group::Daemons,
        on: On::Nothing,
        forms: &[Form {
            params: &[
                Param::new("role", Type::Text),
                Param::options(DAEMON).required(),
            ],
            call: declare,
        }],
        result: Type::Daemon,
        doc: "Declares the sync daemon that sends (\"master\") or receives (\"backup\") connections.\n\
              A director may run one of each. What is left out is the kernel's choice and is not \
              compared; a change stops the daemon and starts it anew.",
        errors: &[Kind::Invalid],
        example: "sync_daemon(\"master\", #{ interface: \"eth0\", id: 62 });\n\
                  sync_daemon(\"backup\", #{ interface: \"eth0\", id: 62 });",
        words: &[
            "--start-daemon",
            "--daemon",
            "lvs_sync_daemon",
            "connection synchronisation",
        ],
    },
    Function {
        name: "sync_daemons",
        group: Group::Daemons,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: list,
        }],
        result: Type::Daemons,
        doc: "Lists the candidate's sync daemons.\n\
              Each has its options as properties, and `role`.",
        errors: &[],
        example: "sync_daemon(\"master\", #{ interface: \"eth0\" });\n\
                  for d in sync_daemons() { remove(d); }",
        words: &["--daemon", "--stop-daemon"],
    },
];

fn entry(role: DaemonRole) -> EntryKey {
    EntryKey::Setting(SettingKey::SyncDaemon(role))
}

fn declare(call: &Call) -> Result<Dynamic> {
    let role = DaemonRole::parse(&call.text(0)?)?;
    let daemon = SyncDaemon::parse(role, &call.options(1)?.unwrap_or_default())
        .map_err(|e| e.object(format!("sync daemon {role}")))?;
    call.context.session()?.candidate()?.put(
        entry(role),
        Some(EntryValue::Setting(Setting::SyncDaemon(daemon))),
    );
    Ok(Dynamic::from(SettingHandle(SettingKey::SyncDaemon(role))))
}

fn list(call: &Call) -> Result<Dynamic> {
    let mut session = call.context.session()?;
    let daemons = session.settings()?.rules().settings.daemons();
    Ok(daemons
        .map(|(role, _)| Dynamic::from(SettingHandle(SettingKey::SyncDaemon(role))))
        .collect::<Vec<_>>()
        .into())
}
