//! Requests sent to see who answers, and what the counters of IPVS did meanwhile.
//!
//! Layer 3; imports `probe`, `kernel`, `model`, and how progress is told. Needs neither a database
//! nor IPVS: on a client the answers are all that there is.

mod counters;
mod tally;
mod url;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

pub use counters::{Counted, ServerChange, ServiceChange};
pub use tally::{Group, Times};
pub use url::{Target, Url};

use crate::director::{Advance, Progress};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::probe::Asker;
use tally::Tally;

/// How many requests are sent, and how long one may take.
#[derive(Debug, Clone, Copy)]
pub struct Requests {
    /// To each URL.
    pub count: u32,
    /// For each, from its first packet to the last byte of the answer.
    pub timeout: Duration,
}

/// What came of the requests.
#[derive(Debug)]
pub struct Trial {
    /// How many were to be sent.
    pub wanted: usize,
    /// How many came to an end.
    pub sent: usize,
    /// How many of them were answered.
    pub answered: usize,
    /// The times of those that were answered.
    pub times: Option<Times>,
    /// Equal answers and equal failures of a URL together: by URL, the most frequent first.
    pub groups: Vec<Group>,
    /// What the counters of IPVS did meanwhile.
    pub counted: Counted,
}

impl Trial {
    /// Returns true if every request that was sent was answered, and one was sent.
    pub fn is_all_answered(&self) -> bool {
        self.sent > 0 && self.answered == self.sent
    }

    /// What the numbers do not say.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.counted.unread.iter().map(Error::to_string).collect();
        if !self.counted.has_unseen_answers() {
            return notes;
        }
        notes.push(
            "answers by direct routing or a tunnel do not pass the director: its counters cannot show them"
                .to_owned(),
        );
        let failed = self
            .groups
            .iter()
            .find(|one| !one.is_answer && is_own(one.addr));
        notes.extend(failed.map(|one| {
            format!(
                "{} is an address of this host, and of its servers too: they answer themselves; \
                 only a client can try it",
                one.addr.ip()
            )
        }));
        notes
    }

    /// Returns true if it ended early.
    pub fn is_interrupted(&self) -> bool {
        self.sent < self.wanted
    }
}

/// Sends the requests one behind the other, the URLs in turn, each on a connection of its own. Ends
/// early where `is_over` becomes true.
///
/// # Errors
/// `system` where this host has no room for a runtime.
pub fn run(
    targets: &[Target],
    requests: Requests,
    kernel: &mut dyn Kernel,
    is_over: &dyn Fn() -> bool,
    progress: &dyn Progress,
) -> Result<Trial> {
    let asker = Asker::new(requests.timeout)?;
    let before = counters::Before::read(kernel, targets);
    let mut tally = Tally::default();
    let each = usize::try_from(requests.count).unwrap_or(usize::MAX);
    let wanted = each.saturating_mul(targets.len());
    let authorities: Vec<String> = targets.iter().map(|one| one.url.authority()).collect();
    'rounds: for _ in 0..each {
        for (place, (target, authority)) in targets.iter().zip(&authorities).enumerate() {
            let asked = target.url.asked(authority);
            let Some(reply) = asker.ask(target.addr, asked, is_over) else {
                break 'rounds;
            };
            tally.add(place, reply);
            progress.tell(&Advance {
                what: "trying",
                done: u64::try_from(tally.sent()).unwrap_or(u64::MAX),
                total: u64::try_from(wanted).ok(),
                unit: "requests",
            });
        }
    }
    let counted = match tally.sent() == wanted {
        true => before.compare(kernel, is_over),
        // The kernel has not summed its counters up yet.
        false => Counted::default(),
    };
    progress.over();
    Ok(Trial {
        wanted,
        sent: tally.sent(),
        answered: tally.answered(),
        times: tally.times(),
        groups: tally.groups(targets),
        counted,
    })
}

/// Returns true if packets to an address stay in this host.
fn is_own(addr: SocketAddr) -> bool {
    let any = match addr {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    // Nothing is sent: the kernel only chooses the source.
    let source = UdpSocket::bind(any).and_then(|socket| {
        socket.connect(addr)?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == addr.ip())
}
