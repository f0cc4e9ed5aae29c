//! The system log: datagrams to `/dev/log`, as syslog(3) sends them (RFC 3164).

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

/// Where the system log listens.
pub const SOCKET: &str = "/dev/log";

/// The facility daemon.
const DAEMON: u8 = 3;

/// The longest text of one entry, in characters: a datagram to every log holds it.
const LONGEST: usize = 1_500;

/// How long a full log is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// How grave an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something failed or needs an operator.
    Warning = 4,
    /// A change as it should be.
    Notice = 5,
}

/// An open system log; entries go nowhere where there is none. It never fails: what cannot be told
/// there is no reason to stop.
pub struct SystemLog {
    socket: Option<UnixDatagram>,
    program: &'static str,
}

impl SystemLog {
    /// Opens the log at a socket, for entries of a program.
    pub fn open(socket: &Path, program: &'static str) -> SystemLog {
        let connect = || {
            let log = UnixDatagram::unbound()?;
            log.connect(socket)?;
            log.set_write_timeout(Some(PATIENCE))?;
            std::io::Result::Ok(log)
        };
        SystemLog {
            socket: connect().ok(),
            program,
        }
    }

    /// Writes an entry. After the first one that the log does not take it writes none.
    pub fn tell(&mut self, severity: Severity, text: &str) {
        let Some(socket) = &self.socket else {
            return;
        };
        let priority = DAEMON << 3 | severity as u8;
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let text: String = text.chars().take(LONGEST).map(clean).collect();
        let entry = format!(
            "<{priority}>{}[{}]: {text}",
            self.program,
            std::process::id()
        );
        if socket.send(entry.as_bytes()).is_err() {
            self.socket = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_datagram_of_syslog() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let listening = UnixDatagram::bind(&path).unwrap();
        let mut log = SystemLog::open(&path, "ipvsadm");
        log.tell(Severity::Notice, "alice: ipvsadm -C\nroot: forged");
        log.tell(Severity::Warning, &"x".repeat(LONGEST * 9));
        let mut entry = [0; 4096];
        let mut read = || {
            let length = listening.recv(&mut entry).unwrap();
            String::from_utf8(entry[..length].to_vec()).unwrap()
        };
        let tag = format!("ipvsadm[{}]: ", std::process::id());
        let wanted = format!("<29>{tag}alice: ipvsadm -C root: forged");
        assert_eq!(read(), wanted);
        assert_eq!(read(), format!("<28>{tag}{}", "x".repeat(LONGEST)));
    }

    #[test]
    fn without_a_log_nothing_fails_or_waits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let none = |log: &mut SystemLog| {
            log.tell(Severity::Notice, "nobody reads this");
            log.socket.is_none()
        };
        assert!(none(&mut SystemLog::open(&path, "ipvsh")));
        let listening = UnixDatagram::bind(&path).unwrap();
        let mut log = SystemLog::open(&path, "ipvsh");
        drop(listening);
        assert!(none(&mut log));
        // A log that reads nothing is full at some point.
        std::fs::remove_file(&path).unwrap();
        let _deaf = UnixDatagram::bind(&path).unwrap();
        let mut log = SystemLog::open(&path, "ipvsh");
        assert!((0..100_000).any(|_| none(&mut log)));
    }
}
