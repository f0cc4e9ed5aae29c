//! Options into one request. Values are checked as they come, in the order of the words, since some
//! depend on what came before (`-M` on `-t`, `-r` on the service's port); combinations at the end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::combination;
use super::kind::{Command, Given, Kind};
use super::number::{atoi, inet_aton, number, small};
use super::refusal::Refusal;
use super::scan::{Opt, Scan};
use super::service::Endpoint;
use super::{host, text};
use crate::ipvs::{
    Daemon, DaemonState, Destination, DestinationId, Family, ForwardMethod, Name, Netmask, Service,
    ServiceFlags, ServiceId, Timeouts, TunnelFlags,
};

const MAX_TIMEOUT: i64 = 86400 * 31;
const DEFAULT_PERSISTENCE: i64 = 6 * 60;
const TCP: u16 = 6;
const UDP: u16 = 17;
const SCTP: u16 = 132;

/// A command line, understood.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) command: Command,
    pub(super) given: Given,
    /// None where there is none, and where `-Z` names no address and no port.
    pub(super) id: Option<ServiceId>,
    pub(super) service: Option<Service>,
    pub(super) server: Option<Destination>,
    pub(super) daemon: Option<Daemon>,
    pub(super) timeouts: Timeouts,
}

impl Line {
    /// Understands the words behind the program's name.
    pub(super) fn parse(words: Vec<String>) -> Result<Line, Refusal> {
        let mut scan = Scan::new(words);
        let (command, daemon) = command(&mut scan)?;
        let mut draft = Draft::new(command);
        loop {
            match scan.option() {
                Ok(Some((option, value))) => draft.take(option, value, scan.last())?,
                Ok(None) => break,
                Err(why) => return Err(Refusal::Line(format!("{}: {why}", scan.last()))),
            }
        }
        draft.finish(daemon, scan.leftovers())
    }
}

/// The first option, which must be a command.
fn command(scan: &mut Scan) -> Result<(Command, Option<DaemonState>), Refusal> {
    let Ok(Some((option, value))) = scan.option() else {
        return Err(Refusal::NoCommand);
    };
    let state = |words: &str| match value.as_deref() {
        Some("master") => Ok(Some(DaemonState::Master)),
        Some("backup") => Ok(Some(DaemonState::Backup)),
        _ => Err(Refusal::fail(format!("illegal {words} specified"))),
    };
    Ok(match option {
        Opt::AddService => (Command::AddService, None),
        Opt::EditService => (Command::EditService, None),
        Opt::DeleteService => (Command::DeleteService, None),
        Opt::AddServer => (Command::AddServer, None),
        Opt::EditServer => (Command::EditServer, None),
        Opt::DeleteServer => (Command::DeleteServer, None),
        Opt::Clear => (Command::Flush, None),
        Opt::List => (Command::List, None),
        Opt::Zero => (Command::Zero, None),
        Opt::Set => (Command::Timeouts, None),
        Opt::Restore => (Command::Restore, None),
        Opt::Save => (Command::Save, None),
        Opt::StartDaemon => (Command::StartDaemon, state("start-daemon parameter")?),
        Opt::StopDaemon => (Command::StopDaemon, state("start_daemon")?),
        Opt::Help => return Err(Refusal::Help),
        Opt::Version => return Err(Refusal::Version),
        _ => return Err(Refusal::NoCommand),
    })
}

/// What has been said so far.
#[derive(Debug)]
struct Draft {
    command: Command,
    given: Given,
    protocol: u16,
    address: Option<IpAddr>,
    port: u16,
    mark: u32,
    family: Family,
    netmask: Netmask,
    scheduler: String,
    scheduler_flags: String,
    flags: ServiceFlags,
    timeout: u32,
    engine: String,
    server: Destination,
    daemon: Daemon,
}

impl Draft {
    fn new(command: Command) -> Draft {
        let nowhere = DestinationId {
            address: Ipv4Addr::UNSPECIFIED.into(),
            port: 0,
        };
        Draft {
            command,
            given: Given::default(),
            protocol: 0,
            address: None,
            port: 0,
            mark: 0,
            family: Family::Inet,
            netmask: Netmask::host(Family::Inet),
            scheduler: String::new(),
            scheduler_flags: String::new(),
            flags: ServiceFlags::default(),
            timeout: 0,
            engine: String::new(),
            server: Destination::new(nowhere, ForwardMethod::Direct),
            daemon: Daemon::new(DaemonState::Master, Name::default(), 0),
        }
    }

    fn note(&mut self, kind: Kind) -> Result<(), Refusal> {
        if self.given.note(kind) {
            return Ok(());
        }
        Err(Refusal::fail(format!(
            "multiple '{}' options specified",
            kind.name()
        )))
    }

    fn take(&mut self, option: Opt, value: Option<String>, word: &str) -> Result<(), Refusal> {
        let text = value.as_deref().unwrap_or_default();
        match option {
            Opt::Tcp => self.service(TCP, text)?,
            Opt::Udp => self.service(UDP, text)?,
            Opt::Sctp => self.service(SCTP, text)?,
            Opt::Fwmark => {
                self.note(Kind::Service)?;
                self.protocol = TCP;
                self.mark =
                    small(text, 1, u32::MAX.into()).ok_or_else(|| invalid("fwmark", text))?;
            }
            Opt::Inet6 if self.mark == 0 => return Err(Refusal::fail("-6 used before -f\n")),
            Opt::Inet6 => {
                self.family = Family::Inet6;
                self.netmask = Netmask::V6(128);
            }
            Opt::Scheduler => {
                self.note(Kind::Scheduler)?;
                text.clone_into(&mut self.scheduler);
            }
            Opt::SchedulerFlags => {
                self.note(Kind::SchedulerFlags)?;
                text.clone_into(&mut self.scheduler_flags);
            }
            Opt::Persistent => {
                self.note(Kind::Persistent)?;
                self.flags |= ServiceFlags::PERSISTENT;
                let seconds = match value.as_deref() {
                    Some(text) => timeout(text, 1)?,
                    None => DEFAULT_PERSISTENCE,
                };
                self.timeout = u32::try_from(seconds).unwrap_or(0);
            }
            Opt::Netmask => self.netmask(text)?,
            Opt::OnePacket => {
                self.note(Kind::OnePacket)?;
                self.flags |= ServiceFlags::ONEPACKET;
            }
            Opt::Engine => {
                self.note(Kind::Engine)?;
                text.clone_into(&mut self.engine);
            }
            Opt::McastInterface
            | Opt::SyncId
            | Opt::McastGroup
            | Opt::McastPort
            | Opt::McastTtl
            | Opt::SyncMaxlen => self.daemon(option, text)?,
            Opt::Numeric => self.note(Kind::Numeric)?,
            Opt::Connection => self.note(Kind::Connection)?,
            Opt::Timeout => self.note(Kind::Timeout)?,
            Opt::Daemon => self.note(Kind::Daemon)?,
            Opt::Stats => self.note(Kind::Stats)?,
            Opt::Rate => self.note(Kind::Rate)?,
            Opt::Thresholds => self.note(Kind::Thresholds)?,
            Opt::PersistentConn => self.note(Kind::PersistentConn)?,
            Opt::NoSort => self.note(Kind::NoSort)?,
            Opt::Exact => self.note(Kind::Exact)?,
            Opt::TunnelInfo => self.note(Kind::TunnelInfo)?,
            // Sorted is the default; kept for old scripts.
            Opt::Sort => {}
            _ => self.server(option, text, word)?,
        }
        Ok(())
    }

    fn service(&mut self, protocol: u16, text: &str) -> Result<(), Refusal> {
        self.note(Kind::Service)?;
        self.protocol = protocol;
        let endpoint = Endpoint::parse(text, protocol)
            .ok_or_else(|| illegal("virtual server address[:port]"))?;
        self.address = Some(endpoint.address);
        self.port = endpoint.port.unwrap_or(0);
        self.family = Family::of(endpoint.address);
        if self.family == Family::Inet6 {
            self.netmask = Netmask::V6(128);
        }
        Ok(())
    }

    fn netmask(&mut self, text: &str) -> Result<(), Refusal> {
        self.note(Kind::Netmask)?;
        self.netmask = match self.family {
            Family::Inet => inet_aton(text)
                .or_else(|| host::address(text))
                .map(Netmask::V4)
                .ok_or_else(|| illegal("virtual server persistent mask"))?,
            Family::Inet6 => u32::try_from(atoi(text))
                .ok()
                .filter(|length| (1..=128).contains(length))
                .map(Netmask::V6)
                .ok_or_else(|| illegal("ipv6 netmask"))?,
        };
        Ok(())
    }

    fn server(&mut self, option: Opt, text: &str, word: &str) -> Result<(), Refusal> {
        let int = i64::from(i32::MAX);
        match option {
            Opt::Server => {
                self.note(Kind::Server)?;
                let endpoint = Endpoint::parse(text, self.protocol)
                    .ok_or_else(|| illegal("real server address[:port]"))?;
                self.server.id.address = endpoint.address;
                self.server.id.port = endpoint.port.unwrap_or(self.port);
            }
            Opt::Tunnel => self.forward(ForwardMethod::Tunnel)?,
            Opt::Direct => self.forward(ForwardMethod::Direct)?,
            Opt::Masq => self.forward(ForwardMethod::Masq)?,
            Opt::Weight => {
                self.note(Kind::Weight)?;
                self.server.weight = small(text, 0, int).ok_or_else(|| illegal("weight"))?;
            }
            Opt::Upper => {
                self.note(Kind::Upper)?;
                self.server.upper_threshold =
                    small(text, 0, int).ok_or_else(|| illegal("u_threshold"))?;
            }
            Opt::Lower => {
                self.note(Kind::Lower)?;
                self.server.lower_threshold =
                    small(text, 0, int).ok_or_else(|| illegal("l_threshold"))?;
            }
            Opt::TunnelType => {
                self.note(Kind::TunnelType)?;
                self.server.tunnel.kind =
                    text::tunnel_kind(text).ok_or_else(|| illegal("tunnel type"))?;
            }
            Opt::TunnelPort => {
                self.note(Kind::TunnelPort)?;
                self.server.tunnel.port =
                    small(text, 1, 65535).ok_or_else(|| illegal("tunnel port"))?;
            }
            Opt::TunnelNoCsum => self.checksum(Kind::TunnelNoCsum, TunnelFlags::NOCSUM)?,
            Opt::TunnelCsum => self.checksum(Kind::TunnelCsum, TunnelFlags::CSUM)?,
            Opt::TunnelRemCsum => self.checksum(Kind::TunnelRemCsum, TunnelFlags::REMCSUM)?,
            _ => return Err(Refusal::fail(format!("invalid option `{word}'"))),
        }
        Ok(())
    }

    fn forward(&mut self, forward: ForwardMethod) -> Result<(), Refusal> {
        self.server.forward = forward;
        self.note(Kind::Forward)
    }

    fn checksum(&mut self, kind: Kind, flag: TunnelFlags) -> Result<(), Refusal> {
        let bits = self.server.tunnel.flags.bits() | flag.bits();
        self.server.tunnel.flags = TunnelFlags::from_bits(bits);
        self.note(kind)
    }

    fn daemon(&mut self, option: Opt, text: &str) -> Result<(), Refusal> {
        self.note(match option {
            Opt::McastInterface => Kind::McastInterface,
            Opt::SyncId => Kind::SyncId,
            Opt::McastGroup => Kind::McastGroup,
            Opt::McastPort => Kind::McastPort,
            Opt::McastTtl => Kind::McastTtl,
            _ => Kind::SyncMaxlen,
        })?;
        let daemon = &mut self.daemon;
        match option {
            Opt::McastInterface => daemon.interface = cut(text),
            Opt::SyncId => {
                daemon.sync_id = small(text, 0, 255).ok_or_else(|| illegal("syncid"))?;
            }
            Opt::McastGroup => daemon.group = Some(group(text)?),
            Opt::McastPort => {
                daemon.port = Some(small(text, 1, 65535).ok_or_else(|| illegal("mcast-port"))?);
            }
            Opt::McastTtl => {
                daemon.ttl = Some(small(text, 1, 255).ok_or_else(|| illegal("mcast-ttl"))?);
            }
            _ => {
                // The longest datagram without the headers of IP and UDP.
                let most = 65535 - 20 - 8;
                let length = small(text, 1, most).ok_or_else(|| illegal("sync-maxlen"))?;
                daemon.max_length = Some(length);
            }
        }
        Ok(())
    }

    fn finish(
        mut self,
        state: Option<DaemonState>,
        leftovers: Vec<String>,
    ) -> Result<Line, Refusal> {
        let mut rest = leftovers.into_iter();
        let mut timeouts = Timeouts::default();
        if self.command == Command::Timeouts {
            let (Some(tcp), Some(tcp_fin), Some(udp)) = (rest.next(), rest.next(), rest.next())
            else {
                return Err(Refusal::fail("--set option requires 3 timeout values"));
            };
            let seconds = |text: &str| Ok(u32::try_from(timeout(text, 0)?).unwrap_or(0));
            timeouts = Timeouts {
                tcp: seconds(&tcp)?,
                tcp_fin: seconds(&tcp_fin)?,
                udp: seconds(&udp)?,
            };
        }
        if let Some(word) = rest.next() {
            return Err(Refusal::fail(format!("unexpected argument {word}")));
        }
        self.flags |= text::scheduler_flags(&self.scheduler, &self.scheduler_flags)?;
        combination::check(self.command, &self.given)?;
        match self.command {
            Command::AddService | Command::EditService => self.check_service()?,
            Command::AddServer | Command::EditServer => self.check_server()?,
            Command::List => self.check_list()?,
            Command::StartDaemon if self.daemon.interface.is_empty() => {
                self.daemon.interface = cut("eth0");
            }
            _ => {}
        }
        let id = self.id();
        Ok(Line {
            command: self.command,
            id,
            service: id.map(|id| self.record(id)),
            server: Some(self.server).filter(|_| self.given.has(Kind::Server)),
            daemon: state.map(|state| Daemon {
                state,
                ..self.daemon
            }),
            timeouts,
            given: self.given,
        })
    }

    fn check_service(&self) -> Result<(), Refusal> {
        let marked = self.mark != 0;
        if !marked && self.port == 0 && !self.flags.contains(ServiceFlags::PERSISTENT) {
            return Err(Refusal::fail(
                "Zero port specified for non-persistent service",
            ));
        }
        if self.flags.contains(ServiceFlags::ONEPACKET) && !marked && self.protocol != UDP {
            return Err(Refusal::fail(
                "One-Packet Scheduling is only for UDP virtual services",
            ));
        }
        Ok(())
    }

    fn check_server(&mut self) -> Result<(), Refusal> {
        let server = &mut self.server;
        let tunnelled = server.forward == ForwardMethod::Tunnel;
        // Packets that are not rewritten cannot change their port.
        if self.mark == 0 && server.forward != ForwardMethod::Masq {
            server.id.port = self.port;
        }
        if Family::of(server.id.address) != self.family && !tunnelled {
            return Err(Refusal::fail(
                "Different address family is allowed only for tunneling servers",
            ));
        }
        let of_tunnels = [
            Kind::TunnelType,
            Kind::TunnelPort,
            Kind::TunnelNoCsum,
            Kind::TunnelCsum,
            Kind::TunnelRemCsum,
        ];
        if self.given.has_any(&of_tunnels) && !tunnelled {
            return Err(Refusal::fail("Tunnel options conflict with forward method"));
        }
        combination::check_tunnel(server.tunnel.kind, &self.given)
    }

    fn check_list(&self) -> Result<(), Refusal> {
        use Kind as K;
        let given = |kinds: &[Kind]| self.given.has_any(kinds);
        let other = given(&[K::Connection, K::Timeout, K::Daemon]);
        if (other && given(&[K::Stats, K::Rate, K::Thresholds]))
            || (given(&[K::Timeout, K::Daemon]) && given(&[K::PersistentConn]))
        {
            return Err(Refusal::fail("options conflicts in the list command"));
        }
        Ok(())
    }

    fn id(&self) -> Option<ServiceId> {
        if !self.given.has(Kind::Service) {
            return None;
        }
        if let Ok(id) = ServiceId::fwmark(self.family, self.mark) {
            return Some(id);
        }
        let address = self.address?;
        // `-Z -t 0.0.0.0:0` zeroes everything.
        let all = self.command == Command::Zero && address.is_unspecified() && self.port == 0;
        (!all).then_some(ServiceId::Address {
            protocol: self.protocol,
            address,
            port: self.port,
        })
    }

    fn record(&self, id: ServiceId) -> Service {
        let scheduler = match self.scheduler.as_str() {
            "" => "wlc",
            name => name,
        };
        let mut service = Service::new(id, cut(scheduler));
        service.flags = self.flags;
        service.timeout = self.timeout;
        service.netmask = self.netmask;
        service.pe_name = Some(cut(&self.engine)).filter(|name| !name.is_empty());
        service
    }
}

/// A name as long as the kernel takes it: the rest is cut off, as the original does.
fn cut(text: &str) -> Name {
    let mut end = text.len().min(Name::MAX_LEN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Name::new(text.get(..end).unwrap_or_default()).unwrap_or_default()
}

fn timeout(text: &str, least: i64) -> Result<i64, Refusal> {
    number(text, least, MAX_TIMEOUT).ok_or_else(|| invalid("timeout", text))
}

fn group(text: &str) -> Result<IpAddr, Refusal> {
    let (family, found) = if text.contains(':') {
        ("IPv6", text.parse::<Ipv6Addr>().ok().map(IpAddr::V6))
    } else {
        ("IPv4", text.parse::<Ipv4Addr>().ok().map(IpAddr::V4))
    };
    found
        .filter(IpAddr::is_multicast)
        .ok_or_else(|| Refusal::fail(format!("invalid {family} mcast-group `{text}'")))
}

fn invalid(what: &str, text: &str) -> Refusal {
    Refusal::fail(format!("invalid {what} value `{text}' specified"))
}

fn illegal(what: &str) -> Refusal {
    Refusal::fail(format!("illegal {what} specified"))
}
