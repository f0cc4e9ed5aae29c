//! Owns batches: many changes per datagram, each with an outcome of its own.
//!
//! May import: siblings, `request`. Source of truth: netlink_rcv_skb in
//! net/netlink/af_netlink.c: the messages of a datagram are run in order; one that fails is
//! answered with its sequence number and does not stop the rest; one that succeeds is answered
//! only where it asks (`NLM_F_ACK`); one that ends in EINTR is never answered.

use std::time::Instant;

use netlink_packet_core::{NLM_F_REQUEST, NLMSG_ERROR};

use super::super::error::{IpvsError, KernelError};
use super::super::ext_ack::parse_error;
use super::super::message::IpvsMessage;
use super::super::request::Request;
use super::IpvsClient;
use super::frame::{Frames, append, append_end};

/// Says how a batch goes on after a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// All requests are sent.
    #[default]
    Continue,
    /// Datagrams after the one with the refusal are not sent. Requests behind the refused one in
    /// the same datagram do run: set [`super::Options::batch_messages`] to 1 where none may.
    Stop,
}

/// Says what became of one request of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The kernel has done it.
    Done,
    /// The kernel refused it.
    Refused(KernelError),
    /// It never reached the kernel.
    NotSent,
    /// It was sent, but its answer was lost: it may or may not have been done.
    Unknown,
}

impl Outcome {
    /// Says whether the kernel has done it for certain.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

/// Holds what became of a batch.
#[derive(Debug)]
pub struct BatchReport {
    /// One outcome per request, in their order.
    pub outcomes: Vec<Outcome>,
    /// What broke the exchange with the kernel, where something did; then there are outcomes
    /// [`Outcome::Unknown`] or [`Outcome::NotSent`].
    pub failure: Option<IpvsError>,
}

impl BatchReport {
    /// Says whether every request was done.
    pub fn is_done(&self) -> bool {
        self.failure.is_none() && self.outcomes.iter().all(Outcome::is_done)
    }

    /// Gives the first refusal and the place of its request.
    pub fn first_refusal(&self) -> Option<(usize, &KernelError)> {
        self.outcomes
            .iter()
            .enumerate()
            .find_map(|(place, outcome)| match outcome {
                Outcome::Refused(error) => Some((place, error)),
                _ => None,
            })
    }
}

/// Holds requests that travel together.
struct Datagram<'a> {
    bytes: Vec<u8>,
    requests: &'a [Request],
    first_sequence: u32,
}

impl IpvsClient {
    /// Runs changes in order, many per datagram.
    ///
    /// Never stops half way through a datagram; see [`OnError`] for what a refusal means for the
    /// later ones. A failure of the socket stops the batch: what was sent without an answer is
    /// then [`Outcome::Unknown`], what was not sent is [`Outcome::NotSent`].
    ///
    /// ```no_run
    /// use ipvsh::ipvs::{IpvsClient, Name, OnError, Request, Service, ServiceId};
    ///
    /// let mut client = IpvsClient::open()?;
    /// let scheduler = Name::new("wrr")?;
    /// let requests: Vec<Request> = (1..=100)
    ///     .map(|host| ServiceId::tcp(([192, 0, 2, host], 80).into()))
    ///     .map(|id| Request::AddService(Service::new(id, scheduler.clone())))
    ///     .collect();
    /// let report = client.execute(&requests, OnError::Stop);
    /// if let Some((place, error)) = report.first_refusal() {
    ///     eprintln!("request {place}: {error}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn execute(&mut self, requests: &[Request], on_error: OnError) -> BatchReport {
        let mut report = BatchReport {
            outcomes: Vec::with_capacity(requests.len()),
            failure: None,
        };
        let mut rest = requests;
        while !rest.is_empty() {
            let datagram = self.pack(rest);
            rest = rest.get(datagram.requests.len()..).unwrap_or_default();
            let start = report.outcomes.len();
            self.run(&datagram, &mut report);
            let refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused(_));
            let stopped =
                on_error == OnError::Stop && report.outcomes.iter().skip(start).any(refused);
            if stopped || report.failure.is_some() {
                break;
            }
        }
        report.outcomes.resize(requests.len(), Outcome::NotSent);
        report
    }

    /// Packs as many requests as one datagram may hold, at least one.
    fn pack<'a>(&mut self, requests: &'a [Request]) -> Datagram<'a> {
        let mut bytes = Vec::new();
        let mut count = 0;
        let mut first_sequence = 0;
        let most = self.options.batch_messages.max(1);
        for request in requests.iter().take(most) {
            let sequence = self.transport.next_sequence();
            let start = bytes.len();
            let message = request.to_message();
            let header = (self.family, NLM_F_REQUEST, sequence);
            append(&mut bytes, &message, header, IpvsMessage::append);
            if count == 0 {
                first_sequence = sequence;
            } else if bytes.len() > self.options.batch_bytes {
                // Its number goes to the end of the datagram.
                bytes.truncate(start);
                break;
            }
            count += 1;
        }
        let requests = requests.get(..count).unwrap_or_default();
        // Only the end asks for an acknowledgement: by then the requests have been run. A request
        // of its own could not be relied on: a synchronisation daemon that is stopped before its
        // thread first ran ends in EINTR (kthread_stop in kernel/kthread.c), which is success
        // and is not answered.
        let end = first_sequence.wrapping_add(u32::try_from(count).unwrap_or_default());
        if count == most.min(requests.len()) {
            self.transport.next_sequence();
        }
        append_end(&mut bytes, end);
        Datagram {
            bytes,
            requests,
            first_sequence,
        }
    }

    /// Sends a datagram, reads its answers, and adds an outcome for each of its requests.
    fn run(&mut self, datagram: &Datagram<'_>, report: &mut BatchReport) {
        let count = datagram.requests.len();
        if let Err(error) = self.transport.send(&datagram.bytes) {
            report.failure = Some(error);
            report.outcomes.extend((0..count).map(|_| Outcome::NotSent));
            return;
        }
        self.count(datagram.requests.iter().map(Request::command));
        let mut refusals = vec![None; count];
        report.failure = self.collect(datagram, &mut refusals).err();
        let unanswered = if report.failure.is_none() {
            Outcome::Done
        } else {
            Outcome::Unknown
        };
        report.outcomes.extend(
            refusals
                .into_iter()
                .map(|refusal| refusal.map_or_else(|| unanswered.clone(), Outcome::Refused)),
        );
    }

    /// Reads answers until the end of the datagram is answered.
    fn collect(
        &mut self,
        datagram: &Datagram<'_>,
        refusals: &mut [Option<KernelError>],
    ) -> Result<(), IpvsError> {
        let transport = &mut self.transport;
        let end = refusals.len();
        let mut deadline = transport.deadline();
        let mut lost = false;
        loop {
            match transport.receive(deadline) {
                // What is still in the buffer is worth reading, for more refusals; there is
                // nothing to wait for, since the kernel answers before the send returns.
                Err(IpvsError::Overrun) => {
                    lost = true;
                    deadline = Instant::now();
                    continue;
                }
                Err(IpvsError::TimedOut(_)) if lost => return Err(IpvsError::Overrun),
                received => received?,
            }
            for frame in Frames::new(transport.buffer()) {
                let frame = frame?;
                let place = frame.sequence.wrapping_sub(datagram.first_sequence);
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                if frame.port != transport.port() || frame.message_type != NLMSG_ERROR {
                    continue;
                }
                if place == end {
                    transport.finish();
                    return if lost {
                        Err(IpvsError::Overrun)
                    } else {
                        Ok(())
                    };
                }
                if let (Some(request), Some(refusal)) =
                    (datagram.requests.get(place), refusals.get_mut(place))
                {
                    *refusal = parse_error(frame.flags, frame.payload, request.command())?;
                }
            }
        }
    }
}
