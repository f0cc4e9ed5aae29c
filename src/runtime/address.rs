//! The address of the control socket.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// The longest path that the address of a socket holds (unix(7): 108 bytes with the NUL).
const LONGEST: usize = 107;

/// The path to reach a socket by; a longer one goes through the descriptor of its directory, which
/// lives as long as this.
pub(super) struct Address {
    pub(super) path: PathBuf,
    _directory: Option<File>,
}

impl Address {
    pub(super) fn of(path: &Path) -> std::io::Result<Address> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(std::io::ErrorKind::InvalidInput.into());
        };
        if path.as_os_str().len() <= LONGEST {
            return Ok(Address {
                path: path.to_owned(),
                _directory: None,
            });
        }
        let flags = (OFlags::PATH | OFlags::DIRECTORY).bits().cast_signed();
        let directory = File::options()
            .read(true)
            .custom_flags(flags)
            .open(parent)?;
        let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
        Ok(Address {
            path: Path::new(&path).join(name),
            _directory: Some(directory),
        })
    }
}
