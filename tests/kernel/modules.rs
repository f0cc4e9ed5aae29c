//! The modules of schedulers, which all tests share: one of them may take one away for a moment.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

static MODULES: RwLock<()> = RwLock::new(());

/// As long as this is held, no module is missing: for tests that use every scheduler.
pub fn all() -> RwLockReadGuard<'static, ()> {
    MODULES.read().unwrap_or_else(PoisonError::into_inner)
}

/// Does something while the module of a scheduler is gone, as after a kernel upgrade.
pub fn without<T>(scheduler: &str, run: impl FnOnce() -> T) -> T {
    let _alone = MODULES.write().unwrap_or_else(PoisonError::into_inner);
    let name = format!("ip_vs_{scheduler}");
    said("rmmod", &[&name]);
    let file = format!("{name}.ko*");
    let found = said("find", &["/lib/modules", "-name", &file]);
    let at = PathBuf::from(found.trim());
    let aside = PathBuf::from("/tmp").join(at.file_name().unwrap());
    std::fs::rename(&at, &aside).unwrap();
    let _back = Back { name, at, aside };
    run()
}

/// Puts a module back, whatever happens.
struct Back {
    name: String,
    at: PathBuf,
    aside: PathBuf,
}

impl Drop for Back {
    fn drop(&mut self) {
        std::fs::copy(&self.aside, &self.at).unwrap();
        said("modprobe", &[&self.name]);
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
