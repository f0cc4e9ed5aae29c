//! Owns error numbers of the kernel and their names.
//!
//! May import: rustix, for the numbers (which differ between architectures).
//! Source of truth: include/uapi/asm-generic/errno-base.h and errno.h.

use std::fmt;

use rustix::io::Errno as Number;

/// Holds a positive error number of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(i32);

/// Names of what netlink, IPVS, the socket layer and the memory manager answer.
const NAMES: [(Number, &str); 62] = [
    (Number::PERM, "EPERM"),
    (Number::NOENT, "ENOENT"),
    (Number::SRCH, "ESRCH"),
    (Number::INTR, "EINTR"),
    (Number::IO, "EIO"),
    (Number::NXIO, "ENXIO"),
    (Number::TOOBIG, "E2BIG"),
    (Number::NOEXEC, "ENOEXEC"),
    (Number::BADF, "EBADF"),
    (Number::CHILD, "ECHILD"),
    (Number::AGAIN, "EAGAIN"),
    (Number::NOMEM, "ENOMEM"),
    (Number::ACCESS, "EACCES"),
    (Number::FAULT, "EFAULT"),
    (Number::BUSY, "EBUSY"),
    (Number::EXIST, "EEXIST"),
    (Number::XDEV, "EXDEV"),
    (Number::NODEV, "ENODEV"),
    (Number::NOTDIR, "ENOTDIR"),
    (Number::ISDIR, "EISDIR"),
    (Number::INVAL, "EINVAL"),
    (Number::NFILE, "ENFILE"),
    (Number::MFILE, "EMFILE"),
    (Number::NOTTY, "ENOTTY"),
    (Number::FBIG, "EFBIG"),
    (Number::NOSPC, "ENOSPC"),
    (Number::ROFS, "EROFS"),
    (Number::PIPE, "EPIPE"),
    (Number::DOM, "EDOM"),
    (Number::RANGE, "ERANGE"),
    (Number::DEADLK, "EDEADLK"),
    (Number::NAMETOOLONG, "ENAMETOOLONG"),
    (Number::NOSYS, "ENOSYS"),
    (Number::LOOP, "ELOOP"),
    (Number::NODATA, "ENODATA"),
    (Number::PROTO, "EPROTO"),
    (Number::BADMSG, "EBADMSG"),
    (Number::OVERFLOW, "EOVERFLOW"),
    (Number::NOTSOCK, "ENOTSOCK"),
    (Number::DESTADDRREQ, "EDESTADDRREQ"),
    (Number::MSGSIZE, "EMSGSIZE"),
    (Number::PROTOTYPE, "EPROTOTYPE"),
    (Number::NOPROTOOPT, "ENOPROTOOPT"),
    (Number::PROTONOSUPPORT, "EPROTONOSUPPORT"),
    (Number::SOCKTNOSUPPORT, "ESOCKTNOSUPPORT"),
    (Number::OPNOTSUPP, "EOPNOTSUPP"),
    (Number::AFNOSUPPORT, "EAFNOSUPPORT"),
    (Number::ADDRINUSE, "EADDRINUSE"),
    (Number::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (Number::NETDOWN, "ENETDOWN"),
    (Number::NETUNREACH, "ENETUNREACH"),
    (Number::CONNABORTED, "ECONNABORTED"),
    (Number::CONNRESET, "ECONNRESET"),
    (Number::NOBUFS, "ENOBUFS"),
    (Number::ISCONN, "EISCONN"),
    (Number::NOTCONN, "ENOTCONN"),
    (Number::TIMEDOUT, "ETIMEDOUT"),
    (Number::CONNREFUSED, "ECONNREFUSED"),
    (Number::HOSTUNREACH, "EHOSTUNREACH"),
    (Number::ALREADY, "EALREADY"),
    (Number::INPROGRESS, "EINPROGRESS"),
    (Number::STALE, "ESTALE"),
];

impl Errno {
    /// `EPERM`: not permitted.
    pub const PERM: Self = Self::from_number(Number::PERM);
    /// `ENOENT`: no such thing.
    pub const NOENT: Self = Self::from_number(Number::NOENT);
    /// `ESRCH`: no such service.
    pub const SRCH: Self = Self::from_number(Number::SRCH);
    /// `ENOMEM`: out of memory.
    pub const NOMEM: Self = Self::from_number(Number::NOMEM);
    /// `EACCES`: forbidden.
    pub const ACCESS: Self = Self::from_number(Number::ACCESS);
    /// `EBUSY`: in use.
    pub const BUSY: Self = Self::from_number(Number::BUSY);
    /// `EEXIST`: there already.
    pub const EXIST: Self = Self::from_number(Number::EXIST);
    /// `ENODEV`: no such interface.
    pub const NODEV: Self = Self::from_number(Number::NODEV);
    /// `EINVAL`: invalid.
    pub const INVAL: Self = Self::from_number(Number::INVAL);
    /// `ERANGE`: out of range.
    pub const RANGE: Self = Self::from_number(Number::RANGE);
    /// `EMSGSIZE`: message too long.
    pub const MSGSIZE: Self = Self::from_number(Number::MSGSIZE);
    /// `EOPNOTSUPP`: not supported.
    pub const OPNOTSUPP: Self = Self::from_number(Number::OPNOTSUPP);
    /// `EAFNOSUPPORT`: address family not supported.
    pub const AFNOSUPPORT: Self = Self::from_number(Number::AFNOSUPPORT);
    /// Another socket has the port.
    pub const ADDRINUSE: Self = Self::from_number(Number::ADDRINUSE);
    /// The file system is read-only.
    pub const ROFS: Self = Self::from_number(Number::ROFS);
    /// `EADDRNOTAVAIL`: no usable address.
    pub const ADDRNOTAVAIL: Self = Self::from_number(Number::ADDRNOTAVAIL);
    /// `ENETUNREACH`: no route to the network.
    pub const NETUNREACH: Self = Self::from_number(Number::NETUNREACH);
    /// `EHOSTUNREACH`: no route to the host.
    pub const HOSTUNREACH: Self = Self::from_number(Number::HOSTUNREACH);
    /// `ENOBUFS`: no buffer space.
    pub const NOBUFS: Self = Self::from_number(Number::NOBUFS);

    const fn from_number(number: Number) -> Self {
        Self(number.raw_os_error())
    }

    /// Makes one from a positive number.
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// Gives the positive number.
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// Gives the name, like `ENOENT`; none for numbers that the kernel does not use here.
    pub fn name(self) -> Option<&'static str> {
        NAMES
            .iter()
            .find(|(number, _)| number.raw_os_error() == self.0)
            .map(|(_, name)| *name)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_names() {
        assert_eq!(Errno::from_raw(2).to_string(), "ENOENT");
        assert_eq!(Errno::from_raw(3).to_string(), "ESRCH");
        assert_eq!(Errno::from_raw(34).to_string(), "ERANGE");
        assert_eq!(Errno::from_raw(5000).to_string(), "error 5000");
    }
}
