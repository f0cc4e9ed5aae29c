//! Kernel settings of this host: files below /proc/sys, those of the calling thread's network
//! namespace.
//!
//! Source of truth: proc(5), sysctl(8).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};

use super::failure::Failure;
use crate::ipvs::Errno;
use crate::model::{InterfaceName, Setting, SettingKey, Settings, SysctlName, SysctlValue};

/// Reads a setting; none where the kernel has no such file: its interface, or its module, is not
/// there.
pub(super) fn read(name: SysctlName, into: &mut Settings) -> Result<(), Failure> {
    match fs::read_to_string(name.path()) {
        Ok(text) => {
            let value = SysctlValue::as_shown(name, &text);
            into.put(SettingKey::Sysctl(name), Some(Setting::Sysctl(value)));
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failure(&error)),
    }
}

/// Reads all settings that there are; one that cannot be read is left out.
pub(super) fn read_all(into: &mut Settings) {
    let directories = fs::read_dir("/proc/sys/net/ipv4/conf");
    let names = directories.into_iter().flatten().flatten();
    let interfaces: Vec<InterfaceName> = names
        .filter_map(|one| InterfaceName::parse(one.file_name().to_str()?).ok())
        .collect();
    for name in SysctlName::all_with(&interfaces) {
        // A setting that may only be written says nothing.
        let _ = read(name, into);
    }
}

/// Sets a value.
pub(super) fn set(name: SysctlName, value: &SysctlValue) -> Result<(), Failure> {
    // The kernel takes a value in one write.
    let text = format!("{value}\n");
    OpenOptions::new()
        .write(true)
        .open(name.path())
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| failure(&error))
}

fn failure(error: &io::Error) -> Failure {
    match error.raw_os_error() {
        Some(number) => Failure::Refused(Errno::from_raw(number), None),
        None => Failure::Unanswered(error.to_string()),
    }
}
