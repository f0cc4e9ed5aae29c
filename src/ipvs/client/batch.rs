//! Owns batches: many changes per datagram, each with an outcome of its own.
//!
//! May import: siblings, `request`. Source of truth: netlink_rcv_skb in
//! net/netlink/af_netlink.c: the messages of a datagram are run in order; one that fails is
//! answered with its sequence number and does not stop the rest; one that succeeds is answered
//! only where it asks (`NLM_F_ACK`); one that ends in EINTR is never answered.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::time::Instant;

use netlink_packet_core::{NLM_F_REQUEST, NLMSG_ERROR};

use super::super::error::{IpvsError, KernelError};
use super::super::message::IpvsCommand;
use super::super::request::Request;
use super::IpvsClient;
use crate::netlink::{ExchangeError, append, append_end, generic, parse_error};

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

/// Holds what travels together.
#[derive(Default)]
struct Datagram {
    bytes: Vec<u8>,
    /// The commands of its requests: more of them is not needed to read their answers.
    commands: Vec<IpvsCommand>,
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
        let mut outcomes = Vec::with_capacity(requests.len());
        let failure = self.execute_each(requests, on_error, |outcome| outcomes.push(outcome));
        outcomes.resize(requests.len(), Outcome::NotSent);
        BatchReport { outcomes, failure }
    }

    /// Runs changes as [`IpvsClient::execute`] does, in the memory of one datagram: each is taken
    /// when its turn comes, and its outcome is told. Those whose outcome is not told were not sent;
    /// gives what broke the exchange, where something did.
    ///
    /// ```no_run
    /// use ipvsh::ipvs::{IpvsClient, OnError, Outcome, Request, ServiceId};
    ///
    /// let mut client = IpvsClient::open()?;
    /// let hosts = (1..=250).map(|host| ServiceId::tcp(([192, 0, 2, host], 80).into()));
    /// let mut done = 0;
    /// let failure = client.execute_each(hosts.map(Request::RemoveService), OnError::Stop, |outcome| {
    ///     done += usize::from(outcome.is_done());
    /// });
    /// println!("{done} of 250 removed");
    /// # failure.map_or(Ok(()), Err)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn execute_each<R: Borrow<Request>>(
        &mut self,
        requests: impl IntoIterator<Item = R>,
        on_error: OnError,
        mut tell: impl FnMut(Outcome),
    ) -> Option<IpvsError> {
        let mut requests = requests.into_iter().peekable();
        let mut datagram = Datagram::default();
        while self.pack(&mut requests, &mut datagram) {
            let (failure, refused) = self.run(&datagram, &mut tell);
            if failure.is_some() || (refused && on_error == OnError::Stop) {
                return failure;
            }
        }
        None
    }

    /// Packs as many requests as one datagram may hold, at least one; false: there are no more.
    fn pack<R: Borrow<Request>>(
        &mut self,
        requests: &mut Peekable<impl Iterator<Item = R>>,
        Datagram {
            bytes,
            commands,
            first_sequence,
        }: &mut Datagram,
    ) -> bool {
        bytes.clear();
        commands.clear();
        let most = self.options.batch_messages.max(1);
        let mut sequence = self.transport.next_sequence();
        *first_sequence = sequence;
        while let Some(request) = requests.peek().filter(|_| commands.len() < most) {
            let (start, request) = (bytes.len(), request.borrow());
            append(bytes, (self.family, NLM_F_REQUEST, sequence), |bytes| {
                generic::append_header(bytes, request.command().header());
                request.append(bytes);
            });
            if bytes.len() > self.options.batch_bytes && !commands.is_empty() {
                bytes.truncate(start);
                break;
            }
            commands.push(request.command());
            requests.next();
            sequence = self.transport.next_sequence();
        }
        // Only the end asks for an acknowledgement: by then the requests have been run. A request
        // of its own could not be relied on: a synchronisation daemon that is stopped before its
        // thread first ran ends in EINTR (kthread_stop in kernel/kthread.c), which is success
        // and is not answered.
        append_end(bytes, sequence);
        !commands.is_empty()
    }

    /// Sends a datagram, reads its answers, and tells the outcome of each of its requests; gives
    /// what broke the exchange, and whether a request was refused.
    fn run(
        &mut self,
        datagram: &Datagram,
        tell: &mut impl FnMut(Outcome),
    ) -> (Option<IpvsError>, bool) {
        let commands = &datagram.commands;
        if let Err(error) = self.transport.send(&datagram.bytes) {
            commands.iter().for_each(|_| tell(Outcome::NotSent));
            return (Some(error.into()), false);
        }
        self.count(commands.iter().copied());
        let mut refusals = BTreeMap::new();
        let failure = self.collect(datagram, &mut refusals).err();
        let refused = !refusals.is_empty();
        for place in 0..commands.len() {
            tell(match refusals.remove(&place) {
                Some(refusal) => Outcome::Refused(refusal),
                None if failure.is_none() => Outcome::Done,
                None => Outcome::Unknown,
            });
        }
        (failure, refused)
    }

    /// Reads answers until the end of the datagram is answered; gathers the refusals by the places
    /// of their requests.
    fn collect(
        &mut self,
        datagram: &Datagram,
        refusals: &mut BTreeMap<usize, KernelError>,
    ) -> Result<(), IpvsError> {
        let transport = &mut self.transport;
        let end = datagram.commands.len();
        let mut deadline = transport.deadline();
        let mut lost = false;
        let mut answered = false;
        while !answered {
            let received = transport.receive(deadline, |frame| {
                let place = frame.sequence.wrapping_sub(datagram.first_sequence);
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                if frame.message_type != NLMSG_ERROR {
                    return Ok(());
                }
                answered |= place == end;
                if let Some(command) = datagram.commands.get(place)
                    && let Some(refusal) = parse_error(frame.flags, frame.payload)?
                {
                    refusals.insert(place, KernelError::new(*command, refusal));
                }
                Ok::<(), ExchangeError>(())
            });
            match received {
                // What is still in the buffer is worth reading, for more refusals; there is
                // nothing to wait for, since the kernel answers before the send returns.
                Err(ExchangeError::Overrun) => {
                    lost = true;
                    deadline = Instant::now();
                }
                Err(ExchangeError::TimedOut(_)) if lost => {
                    return Err(ExchangeError::Overrun.into());
                }
                received => received?,
            }
        }
        transport.finish();
        if lost {
            return Err(ExchangeError::Overrun.into());
        }
        Ok(())
    }
}
