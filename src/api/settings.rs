//! The calls that sync daemons, VIPs, kernel settings, tunnel devices and maintenance share: declare, change, list
//! and remove them by their handles.

use rhai::Dynamic;

use super::call::Call;
use super::value::SettingHandle;
use super::view;
use crate::error::Result;
use crate::model::{EntryKey, EntryValue, Setting, SettingKey};

/// `remove(setting)`.
pub(super) fn remove(call: &Call) -> Result<Dynamic> {
    let key = call.setting(0)?.0;
    let mut session = call.context.session()?;
    view::setting(&mut session, key)?;
    session.settings()?.put(EntryKey::Setting(key), None);
    Ok(Dynamic::UNIT)
}

/// `setting.set(options)`.
pub(super) fn set(call: &Call) -> Result<Dynamic> {
    let handle = call.setting(0)?;
    let options = call.options(1)?.unwrap_or_default();
    let mut session = call.context.session()?;
    let standing = view::setting(&mut session, handle.0)?;
    let changed = session
        .changed_setting(handle.0, &standing, &options)
        .map_err(|error| error.object(handle.0))?;
    session.settings()?.put(
        EntryKey::Setting(handle.0),
        Some(EntryValue::Setting(changed)),
    );
    Ok(Dynamic::from(handle))
}

/// Declares a setting, and gives its handle.
pub(super) fn declare(call: &Call, key: SettingKey, value: Setting) -> Result<Dynamic> {
    let mut session = call.context.session()?;
    session
        .settings()?
        .put(EntryKey::Setting(key), Some(EntryValue::Setting(value)));
    Ok(Dynamic::from(SettingHandle(key)))
}

/// Lists the candidate's settings that fit, as handles.
pub(super) fn list(call: &Call, fits: impl Fn(SettingKey) -> bool) -> Result<Dynamic> {
    let mut session = call.context.session()?;
    let keys = session.settings()?.rules().settings.keys();
    let handles = keys.filter(|key| fits(*key)).map(SettingHandle);
    Ok(handles.map(Dynamic::from).collect::<Vec<_>>().into())
}
