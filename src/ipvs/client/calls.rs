//! Owns the typed calls of the client: one per command of the family.
//!
//! May import: siblings, `record`, `request`. Source of truth: net/netfilter/ipvs/ip_vs_ctl.c.

use std::collections::BTreeSet;

use super::super::attr::{DaemonAttr, DestAttr, Detail, IpvsAttr, ServiceAttr};
use super::super::error::IpvsError;
use super::super::message::{IpvsCommand, IpvsMessage};
use super::super::record::{
    Daemon, DaemonState, Destination, DestinationId, Info, Service, ServiceId, Timeouts,
};
use super::super::request::Request;
use super::{IpvsClient, OnError, Outcome};
use crate::netlink::Errno;

/// How often a table that changes while it is read is read again.
const ATTEMPTS: usize = 12;

/// Holds what one dump brought.
struct Round<T> {
    records: Vec<T>,
    chunks: usize,
    is_interrupted: bool,
}

/// Reading.
impl IpvsClient {
    /// Reads all services, without their destinations, in the kernel's order (a hash table's).
    ///
    /// The kernel gives no consistent view of a large table and does not mark a torn one: it
    /// counts its way to where the last datagram ended (ip_vs_genl_dump_services), through a
    /// table that all network namespaces share up to Linux 7.0, so that even somebody else's
    /// change makes entries go missing or come twice. So a dump of more than one datagram (about
    /// seventy services) is repeated until it brings nothing new, and what only an earlier round
    /// had is looked up by itself. What goes missing stands where one datagram ends, and might go
    /// missing at the same place again: the first repetition comes in datagrams of another length,
    /// and where there is none left to try, two must bring nothing new.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient};
    /// # let mut client = IpvsClient::open()?;
    /// for service in client.services()? {
    ///     println!("{} {}", service.id, service.scheduler);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IpvsError::Unsteady`] where the kernel kept marking dumps as interrupted; otherwise as
    /// [`IpvsClient::request`].
    pub fn services(&mut self) -> Result<Vec<Service>, IpvsError> {
        self.services_in(Detail::Whole)
    }

    /// Reads all services in some detail; what is not read is 0.
    ///
    /// # Errors
    /// As [`IpvsClient::services`].
    pub fn services_in(&mut self, detail: Detail) -> Result<Vec<Service>, IpvsError> {
        let message = IpvsMessage::new(IpvsCommand::GetService, Vec::new());
        let mut seen: BTreeSet<ServiceId> = BTreeSet::new();
        let (mut quiet, mut enough) = (0, None);
        for attempt in 1..=ATTEMPTS {
            let mut round = self.read_round(&message, detail, read_service)?;
            if round.is_interrupted {
                continue;
            }
            if round.chunks <= 1 {
                return Ok(round.records);
            }
            let mut ids = BTreeSet::new();
            round.records.retain(|service| ids.insert(service.id));
            let enough = *enough.get_or_insert_with(|| if self.transport.widen() { 1 } else { 2 });
            quiet = if ids.is_subset(&seen) { quiet + 1 } else { 0 };
            if quiet >= enough || attempt == ATTEMPTS {
                for id in seen.difference(&ids) {
                    round.records.extend(self.service(id)?);
                }
                return Ok(round.records);
            }
            seen.append(&mut ids);
        }
        Err(IpvsError::Unsteady("services"))
    }

    /// Walks over the services once, in constant memory. What is shown is there; but where there are
    /// more than about seventy, some may be left out or come twice: see [`IpvsClient::services`].
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{Detail, IpvsClient};
    /// # let mut client = IpvsClient::open()?;
    /// client.each_service(Detail::Whole, |service| println!("{}", service.id))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`IpvsClient::request`].
    pub fn each_service(
        &mut self,
        detail: Detail,
        mut visit: impl FnMut(&Service),
    ) -> Result<(), IpvsError> {
        let message = IpvsMessage::new(IpvsCommand::GetService, Vec::new());
        for answer in self.dump_in(&message, detail)? {
            if let Some(service) = read_service(&answer?)? {
                visit(&service);
            }
        }
        Ok(())
    }

    /// Lists all services, where there are at most `most`; else none: the list is given up after
    /// the first datagrams, and its rest is in the way of the next operation, which reads it. Who
    /// has other things to do opens another client.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{Detail, IpvsClient};
    /// # let mut client = IpvsClient::open()?;
    /// if let Some(services) = client.services_up_to(64, Detail::WithoutStats)? {
    ///     println!("only {}", services.len());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`IpvsClient::services`].
    pub fn services_up_to(
        &mut self,
        most: usize,
        detail: Detail,
    ) -> Result<Option<Vec<Service>>, IpvsError> {
        let message = IpvsMessage::new(IpvsCommand::GetService, Vec::new());
        let mut count = 0;
        for record in self.dump_in(&message, Detail::WithoutStats)? {
            record?;
            count += 1;
            if count > most {
                return Ok(None);
            }
        }
        self.services_in(detail).map(Some)
    }

    /// Reads one service; none where it does not exist (ESRCH).
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient, ServiceId};
    /// # let mut client = IpvsClient::open()?;
    /// let web = ServiceId::tcp("192.0.2.10:80".parse()?);
    /// match client.service(&web)? {
    ///     Some(service) => println!("{} connections", service.stats.connections),
    ///     None => println!("{web} is not there"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`IpvsClient::request`].
    pub fn service(&mut self, id: &ServiceId) -> Result<Option<Service>, IpvsError> {
        let attrs = vec![IpvsAttr::Service(id.to_attributes())];
        match self.request(&IpvsMessage::new(IpvsCommand::GetService, attrs)) {
            Ok(answers) => answers
                .iter()
                .find_map(|answer| read_service(answer).transpose()),
            Err(error) if error.errno() == Some(Errno::SRCH) => None,
            Err(error) => Some(Err(error)),
        }
        .transpose()
    }

    /// Reads the destinations of a service, in the kernel's order. A service that does not exist
    /// has none: the kernel does not tell the difference.
    ///
    /// A dump of more than one datagram (about a hundred) is repeated until the same destinations
    /// came twice in a row; only changes of this service can tear it.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient, ServiceId};
    /// # let mut client = IpvsClient::open()?;
    /// let web = ServiceId::tcp("192.0.2.10:80".parse()?);
    /// for destination in client.destinations(&web)? {
    ///     println!("{} weight {}", destination.id, destination.weight);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IpvsError::Unsteady`] where they did not come to rest; otherwise as
    /// [`IpvsClient::request`].
    pub fn destinations(&mut self, id: &ServiceId) -> Result<Vec<Destination>, IpvsError> {
        self.destinations_in(id, Detail::Whole)
    }

    /// Reads the destinations of a service in some detail; what is not read is 0.
    ///
    /// # Errors
    /// As [`IpvsClient::destinations`].
    pub fn destinations_in(
        &mut self,
        id: &ServiceId,
        detail: Detail,
    ) -> Result<Vec<Destination>, IpvsError> {
        let attrs = vec![IpvsAttr::Service(id.to_attributes())];
        let message = IpvsMessage::new(IpvsCommand::GetDest, attrs);
        let family = id.family();
        let read = |answer: &IpvsMessage| {
            nest(answer, as_destination)
                .map(|nest| Ok(Destination::from_attributes(nest, family)?))
                .transpose()
        };
        self.steady("destinations", &message, detail, read, |one| one.id)
    }

    /// Reads the synchronisation daemons that run: a master, a backup, both or none.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient};
    /// # let mut client = IpvsClient::open()?;
    /// for daemon in client.daemons()? {
    ///     println!("{:?} on {}", daemon.state, daemon.interface);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`IpvsClient::request`].
    pub fn daemons(&mut self) -> Result<Vec<Daemon>, IpvsError> {
        let message = IpvsMessage::new(IpvsCommand::GetDaemon, Vec::new());
        let read = |answer: &IpvsMessage| {
            nest(answer, as_daemon)
                .map(|nest| Ok(Daemon::from_attributes(nest)?))
                .transpose()
        };
        self.steady("daemons", &message, Detail::Whole, read, |one| one.state)
    }

    /// Reads the connection timeouts.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient};
    /// # let mut client = IpvsClient::open()?;
    /// println!("{} s", client.timeouts()?.tcp);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`IpvsClient::request`].
    pub fn timeouts(&mut self) -> Result<Timeouts, IpvsError> {
        let answers = self.request(&IpvsMessage::new(IpvsCommand::GetConfig, Vec::new()))?;
        let attrs = answers.first().map(|answer| answer.attrs.as_slice());
        Ok(Timeouts::from_attributes(attrs.unwrap_or_default()))
    }

    /// Reads version and connection table size.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient};
    /// # let mut client = IpvsClient::open()?;
    /// println!("IPVS {}", client.info()?.version_text());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`IpvsClient::request`].
    pub fn info(&mut self) -> Result<Info, IpvsError> {
        let answers = self.request(&IpvsMessage::new(IpvsCommand::GetInfo, Vec::new()))?;
        let attrs = answers.first().map(|answer| answer.attrs.as_slice());
        Ok(Info::from_attributes(attrs.unwrap_or_default()))
    }

    /// Reads a dump until it can be trusted: one datagram, or the same entries twice in a row.
    fn steady<T, K: Ord>(
        &mut self,
        what: &'static str,
        message: &IpvsMessage,
        detail: Detail,
        read: impl Fn(&IpvsMessage) -> Result<Option<T>, IpvsError>,
        key: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, IpvsError> {
        let mut before: Option<BTreeSet<K>> = None;
        for _ in 0..ATTEMPTS {
            let round = self.read_round(message, detail, &read)?;
            if round.is_interrupted {
                before = None;
                continue;
            }
            if round.chunks <= 1 {
                return Ok(round.records);
            }
            let keys: BTreeSet<K> = round.records.iter().map(&key).collect();
            if keys.len() == round.records.len() && before.as_ref() == Some(&keys) {
                return Ok(round.records);
            }
            before = Some(keys);
        }
        Err(IpvsError::Unsteady(what))
    }

    /// Reads a dump once.
    fn read_round<T>(
        &mut self,
        message: &IpvsMessage,
        detail: Detail,
        read: impl Fn(&IpvsMessage) -> Result<Option<T>, IpvsError>,
    ) -> Result<Round<T>, IpvsError> {
        let mut dump = self.dump_in(message, detail)?;
        let mut records = Vec::new();
        for answer in dump.by_ref() {
            records.extend(read(&answer?)?);
        }
        let (chunks, is_interrupted) = (dump.chunks(), dump.is_interrupted());
        Ok(Round {
            records,
            chunks,
            is_interrupted,
        })
    }
}

/// Changing. Each call sends one request and waits for its acknowledgement; for many changes see
/// [`IpvsClient::execute`].
impl IpvsClient {
    /// Adds a service.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient, Name, Service, ServiceId};
    /// # let mut client = IpvsClient::open()?;
    /// let mut service = Service::new(ServiceId::udp("[2001:db8::10]:53".parse()?), Name::new("rr")?);
    /// service.timeout = 300;
    /// client.add_service(&service)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// EEXIST: it is there; ENOENT: no such scheduler or persistence engine; EINVAL: an IPv6
    /// prefix length outside 1 to 128.
    pub fn add_service(&mut self, service: &Service) -> Result<(), IpvsError> {
        self.change(&Request::AddService(service.clone()))
    }

    /// Replaces the options of a service; flags outside its mask stay, destinations stay.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient, Name, ServiceId};
    /// # let mut client = IpvsClient::open()?;
    /// let web = ServiceId::tcp("192.0.2.10:80".parse()?);
    /// if let Some(mut service) = client.service(&web)? {
    ///     service.scheduler = Name::new("sh")?;
    ///     client.update_service(&service)?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// ESRCH: no such service; otherwise as [`IpvsClient::add_service`].
    pub fn update_service(&mut self, service: &Service) -> Result<(), IpvsError> {
        self.change(&Request::UpdateService(service.clone()))
    }

    /// Removes a service and all its destinations.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{Family, IpvsClient, ServiceId};
    /// # let mut client = IpvsClient::open()?;
    /// client.remove_service(&ServiceId::fwmark(Family::Inet, 666)?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// ESRCH: no such service.
    pub fn remove_service(&mut self, id: &ServiceId) -> Result<(), IpvsError> {
        self.change(&Request::RemoveService(*id))
    }

    /// Adds a destination to a service.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{Destination, ForwardMethod, IpvsClient, ServiceId};
    /// # let mut client = IpvsClient::open()?;
    /// let web = ServiceId::tcp("192.0.2.10:80".parse()?);
    /// let server: std::net::SocketAddr = "10.0.0.11:80".parse()?;
    /// let mut destination = Destination::new(server, ForwardMethod::Masq);
    /// destination.weight = 3;
    /// client.add_destination(&web, &destination)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// ESRCH: no such service; EEXIST: it is there; ERANGE: a negative weight, or a lower
    /// threshold above the upper one; EINVAL: an address that is not unicast in this namespace
    /// (whose `lo` must have been up once), GUE without a port, another family without a tunnel.
    pub fn add_destination(
        &mut self,
        id: &ServiceId,
        destination: &Destination,
    ) -> Result<(), IpvsError> {
        self.change(&Request::AddDestination(*id, destination.clone()))
    }

    /// Replaces the options of a destination.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient, ServiceId};
    /// # let mut client = IpvsClient::open()?;
    /// let web = ServiceId::tcp("192.0.2.10:80".parse()?);
    /// for mut destination in client.destinations(&web)? {
    ///     // No new connections; those that are there go on.
    ///     destination.weight = 0;
    ///     client.update_destination(&web, &destination)?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// ESRCH: no such service; ENOENT: no such destination; otherwise as
    /// [`IpvsClient::add_destination`].
    pub fn update_destination(
        &mut self,
        id: &ServiceId,
        destination: &Destination,
    ) -> Result<(), IpvsError> {
        self.change(&Request::UpdateDestination(*id, destination.clone()))
    }

    /// Removes a destination.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient, ServiceId};
    /// # let mut client = IpvsClient::open()?;
    /// let web = ServiceId::tcp("192.0.2.10:80".parse()?);
    /// let server: std::net::SocketAddr = "10.0.0.11:80".parse()?;
    /// client.remove_destination(&web, &server.into())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// ESRCH: no such service; ENOENT: no such destination.
    pub fn remove_destination(
        &mut self,
        id: &ServiceId,
        destination: &DestinationId,
    ) -> Result<(), IpvsError> {
        self.change(&Request::RemoveDestination(*id, *destination))
    }

    /// Starts a synchronisation daemon.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{Daemon, DaemonState, IpvsClient, Name};
    /// # let mut client = IpvsClient::open()?;
    /// client.start_daemon(&Daemon::new(DaemonState::Master, Name::new("eth0")?, 62))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// EEXIST: one of this state is running; ENODEV: no such interface.
    pub fn start_daemon(&mut self, daemon: &Daemon) -> Result<(), IpvsError> {
        self.change(&Request::StartDaemon(daemon.clone()))
    }

    /// Stops a synchronisation daemon.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{DaemonState, IpvsClient};
    /// # let mut client = IpvsClient::open()?;
    /// client.stop_daemon(DaemonState::Master)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// ESRCH: none of this state is running.
    pub fn stop_daemon(&mut self, state: DaemonState) -> Result<(), IpvsError> {
        self.change(&Request::StopDaemon(state))
    }

    /// Sets the connection timeouts that are not 0.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient, Timeouts};
    /// # let mut client = IpvsClient::open()?;
    /// // 0 leaves one as it is.
    /// client.set_timeouts(&Timeouts { tcp: 900, tcp_fin: 0, udp: 0 })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// EINVAL: more than 2^31-1 / HZ seconds.
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<(), IpvsError> {
        self.change(&Request::SetTimeouts(*timeouts))
    }

    /// Zeroes the counters of a service and its destinations, or of everything.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient};
    /// # let mut client = IpvsClient::open()?;
    /// client.zero(None)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// ESRCH: no such service.
    pub fn zero(&mut self, id: Option<&ServiceId>) -> Result<(), IpvsError> {
        self.change(&Request::Zero(id.copied()))
    }

    /// Removes all services and their destinations; timeouts and daemons stay.
    ///
    /// ```no_run
    /// # use ipvsh::ipvs::{IpvsClient};
    /// # let mut client = IpvsClient::open()?;
    /// client.flush()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`IpvsClient::request`].
    pub fn flush(&mut self) -> Result<(), IpvsError> {
        self.change(&Request::Flush)
    }

    fn change(&mut self, request: &Request) -> Result<(), IpvsError> {
        let report = self.execute(std::slice::from_ref(request), OnError::Stop);
        match (report.failure, report.outcomes.into_iter().next()) {
            (Some(failure), _) => Err(failure),
            (None, Some(Outcome::Refused(error))) => Err(error.into()),
            (None, _) => Ok(()),
        }
    }
}

/// Finds the nest that holds an answer's record.
fn nest<T>(answer: &IpvsMessage, pick: fn(&IpvsAttr) -> Option<&[T]>) -> Option<&[T]> {
    answer.attrs.iter().find_map(pick)
}

fn as_destination(attribute: &IpvsAttr) -> Option<&[DestAttr]> {
    if let IpvsAttr::Dest(nest) = attribute {
        Some(nest)
    } else {
        None
    }
}

fn as_daemon(attribute: &IpvsAttr) -> Option<&[DaemonAttr]> {
    if let IpvsAttr::Daemon(nest) = attribute {
        Some(nest)
    } else {
        None
    }
}

fn as_service(attribute: &IpvsAttr) -> Option<&[ServiceAttr]> {
    if let IpvsAttr::Service(nest) = attribute {
        Some(nest)
    } else {
        None
    }
}

fn read_service(answer: &IpvsMessage) -> Result<Option<Service>, IpvsError> {
    nest(answer, as_service)
        .map(|nest| Ok(Service::from_attributes(nest)?))
        .transpose()
}
