//! What is said of the kernel's refusals, so that a script that looks for it finds it.

use crate::ipvs::{Errno, IpvsCommand, IpvsError, KernelError};

/// Says what a failure means, in the words of ipvsadm and of the C library.
pub(super) fn error(error: &IpvsError) -> String {
    match error {
        IpvsError::Kernel(refusal) => self::refusal(refusal),
        other => other.to_string(),
    }
}

/// Says what a refusal means.
pub(super) fn refusal(refusal: &KernelError) -> String {
    use IpvsCommand as C;
    let words = match (refusal.command, refusal.errno) {
        (C::NewService, Errno::EXIST) => "Service already exists",
        (C::NewService | C::SetService, Errno::NOENT) => {
            "Scheduler or persistence engine not found"
        }
        (C::SetService | C::DelService | C::Zero | C::GetService | C::GetDest, Errno::SRCH) => {
            "No such service"
        }
        (C::NewDest | C::SetDest | C::DelDest, Errno::SRCH) => "Service not defined",
        (C::NewDest, Errno::EXIST) => "Destination already exists",
        (C::SetDest | C::DelDest, Errno::NOENT) => "No such destination",
        (C::NewDaemon, Errno::EXIST) => "Daemon has already run",
        (C::DelDaemon, Errno::SRCH) => "No daemon is running",
        (_, Errno::PERM) => "Permission denied (you must be root)",
        (_, Errno::INVAL) => {
            "Invalid operation.  Possibly wrong module version, address not unicast, ..."
        }
        (_, Errno::NOMEM) => "Memory allocation problem",
        (_, Errno::OPNOTSUPP) => "Operation not supported with IPv6",
        (_, Errno::AFNOSUPPORT) => "Operation not supported with specified address family",
        (_, Errno::MSGSIZE) => "Module is wrong version",
        (_, errno) => return c_library(errno),
    };
    words.to_owned()
}

/// The C library's words for an error number.
fn c_library(errno: Errno) -> String {
    let words = std::io::Error::from_raw_os_error(errno.raw()).to_string();
    match words.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_words_of_the_original() {
        let said = |command, errno| {
            refusal(&KernelError {
                command,
                errno,
                message: None,
                offset: None,
            })
        };
        use IpvsCommand as C;
        assert_eq!(
            said(C::NewDest, Errno::RANGE),
            "Numerical result out of range"
        );
        assert_eq!(said(C::NewDaemon, Errno::NODEV), "No such device");
        assert_eq!(said(C::DelDest, Errno::SRCH), "Service not defined");
        assert_eq!(
            said(C::Flush, Errno::PERM),
            "Permission denied (you must be root)"
        );
    }
}
