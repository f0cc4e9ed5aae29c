//! The program of a check of type exec: may it be run, and as which user.
//!
//! The daemon runs as root. A program that others can change, or a directory that others can put
//! another program into, would let them run what they like.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::unistd::{Uid, User};

use crate::error::{Error, Kind, Result};
use crate::model::shell_word;

/// The most symbolic links on one path, as in the kernel (MAXSYMLINKS).
const MOST_LINKS: usize = 40;

/// The user that a program runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Runner {
    pub uid: u32,
    pub gid: u32,
}

/// Examines the program of a check: it exists, the user can execute it, and neither it nor a directory
/// on its path can be changed by others. May ask a directory service for the user.
///
/// # Errors
/// `not_found` for a program or a user that does not exist; `invalid` for one that others can change;
/// `not_permitted` where the user cannot execute it.
pub fn examine(command: &[String], user: &str) -> Result<()> {
    find(command, user).map(|_| ())
}

/// The same, and the user.
pub(super) fn find(command: &[String], user: &str) -> Result<Runner> {
    let program = command.first().map(String::as_str).unwrap_or_default();
    let of_program = |error: Error| error.object(format!("check program {program}"));
    let runner = runner(user).map_err(of_program)?;
    let places = places(Path::new(program)).map_err(|error| {
        let hint = "name an existing program by its absolute path";
        of_program(Error::system("cannot find it", &error).hint(hint))
    })?;
    places.examine(user, runner).map_err(of_program)?;
    Ok(runner)
}

fn runner(user: &str) -> Result<Runner> {
    let found = User::from_name(user)
        .map_err(|errno| Error::system(format!("cannot look user {user} up"), &errno.into()))?;
    let found = found.ok_or_else(|| {
        Error::not_found(format!("unknown user \"{user}\""))
            .about(user)
            .hint("`getent passwd` lists the users of this host; the option user names one")
    })?;
    let own = Uid::effective();
    if !own.is_root() && found.uid != own {
        return Err(Error::new(
            Kind::NotPermitted,
            format!("only root can run it as user {user}"),
        ));
    }
    Ok(Runner {
        uid: found.uid.as_raw(),
        gid: found.gid.as_raw(),
    })
}

/// Every directory that the way to a program passes, through symbolic links, and the program.
struct Places {
    directories: BTreeSet<PathBuf>,
    program: PathBuf,
}

/// Follows a path.
fn places(path: &Path) -> io::Result<Places> {
    let mut directories = BTreeSet::new();
    let mut current = PathBuf::from("/");
    let mut links = 0;
    let parts = |path: &Path| -> Vec<PathBuf> {
        let parts = path.components().rev();
        parts.map(|part| PathBuf::from(part.as_os_str())).collect()
    };
    let mut rest = parts(path);
    while let Some(part) = rest.pop() {
        match part.components().next() {
            Some(Component::RootDir) => current = PathBuf::from("/"),
            Some(Component::ParentDir) => {
                current.pop();
            }
            Some(Component::Normal(name)) => {
                directories.insert(current.clone());
                let next = current.join(name);
                if next.symlink_metadata()?.is_symlink() {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(rustix::io::Errno::LOOP.into());
                    }
                    rest.extend(parts(&fs::read_link(&next)?));
                } else {
                    current = next;
                }
            }
            _ => {}
        }
    }
    Ok(Places {
        directories,
        program: current,
    })
}

impl Places {
    fn examine(&self, user: &str, runner: Runner) -> Result<()> {
        let program = self.read(&self.program)?;
        if !program.is_file() {
            return Err(Error::invalid(format!(
                "{} is not a file",
                self.program.display()
            )));
        }
        for directory in &self.directories {
            protected(directory, &self.read(directory)?, runner)?;
        }
        protected(&self.program, &program, runner)?;
        for directory in &self.directories {
            executable(directory, &self.read(directory)?, user, runner)?;
        }
        executable(&self.program, &program, user, runner)
    }

    fn read(&self, path: &Path) -> Result<Metadata> {
        fs::metadata(path)
            .map_err(|error| Error::system(format!("cannot read {}", path.display()), &error))
    }
}

/// Refuses what others than root, this process's user and the check's user can change. A check's user
/// cannot gain by changing what runs as that user anyway.
fn protected(path: &Path, metadata: &Metadata, runner: Runner) -> Result<()> {
    let shown = path.display();
    // What is right for a program can break a directory, which others use too.
    let hint = |command: &str| match metadata.is_dir() {
        true => "put the program where only root can write".to_owned(),
        false => format!("{command} {}", shell_word(&path.to_string_lossy())),
    };
    let owners = [0, Uid::effective().as_raw(), runner.uid];
    if !owners.contains(&metadata.uid()) {
        let owner = metadata.uid();
        return Err(Error::invalid(format!(
            "{shown} belongs to the user with number {owner}, who could replace the program"
        ))
        .hint(hint("chown root")));
    }
    // The group root has no members that are not root.
    let is_open_to_group = metadata.mode() & 0o020 != 0 && metadata.gid() != 0;
    let is_open_to_all = metadata.mode() & 0o002 != 0;
    if is_open_to_all || is_open_to_group {
        let by = if is_open_to_all {
            "everybody"
        } else {
            "its group"
        };
        return Err(Error::invalid(format!(
            "{shown} is writable by {by}, who could replace the program"
        ))
        .hint(hint("chmod go-w")));
    }
    Ok(())
}

/// Refuses what the user cannot execute, or enter for a directory. The program runs with the user's
/// first group alone.
fn executable(path: &Path, metadata: &Metadata, user: &str, runner: Runner) -> Result<()> {
    let bits = match () {
        () if runner.uid == 0 && metadata.is_dir() => return Ok(()),
        () if runner.uid == 0 => 0o111,
        () if metadata.uid() == runner.uid => 0o100,
        () if metadata.gid() == runner.gid => 0o010,
        () => 0o001,
    };
    if metadata.mode() & bits != 0 {
        return Ok(());
    }
    let shown = path.display();
    let (cause, hint) = match metadata.is_dir() {
        true => (
            format!("user {user} cannot enter {shown}"),
            "put the program where that user can enter, or name another user by the option user"
                .to_owned(),
        ),
        false => (
            format!("user {user} cannot execute {shown}"),
            format!("chmod a+x {}", shell_word(&path.to_string_lossy())),
        ),
    };
    Err(Error::new(Kind::NotPermitted, cause).hint(hint))
}
