//! Owns the message of the IPVS family: a command and its attributes.
//!
//! May import: `netlink-packet-core`, `netlink-packet-generic`, `attr`.
//! Source of truth: `IPVS_CMD_*`, `IPVS_GENL_NAME` and `IPVS_GENL_VERSION` in
//! include/uapi/linux/ip_vs.h.

use netlink_packet_core::{DecodeError, Emitable, Parseable, ParseableParametrized};
use netlink_packet_generic::{GenlFamily, GenlHeader};

use super::attr::{Detail, InfoAttr, IpvsAttr, parse_with};

const IPVS_GENL_NAME: &str = "IPVS";
const IPVS_GENL_VERSION: u8 = 1;

const IPVS_CMD_NEW_SERVICE: u8 = 1;
const IPVS_CMD_SET_SERVICE: u8 = 2;
const IPVS_CMD_DEL_SERVICE: u8 = 3;
const IPVS_CMD_GET_SERVICE: u8 = 4;
const IPVS_CMD_NEW_DEST: u8 = 5;
const IPVS_CMD_SET_DEST: u8 = 6;
const IPVS_CMD_DEL_DEST: u8 = 7;
const IPVS_CMD_GET_DEST: u8 = 8;
const IPVS_CMD_NEW_DAEMON: u8 = 9;
const IPVS_CMD_DEL_DAEMON: u8 = 10;
const IPVS_CMD_GET_DAEMON: u8 = 11;
const IPVS_CMD_SET_CONFIG: u8 = 12;
const IPVS_CMD_GET_CONFIG: u8 = 13;
const IPVS_CMD_SET_INFO: u8 = 14;
const IPVS_CMD_GET_INFO: u8 = 15;
const IPVS_CMD_ZERO: u8 = 16;
const IPVS_CMD_FLUSH: u8 = 17;

/// Names a command of the IPVS family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IpvsCommand {
    /// Adds a virtual service; also the command of an answer that holds one.
    NewService,
    /// Replaces a virtual service's options.
    SetService,
    /// Removes a virtual service.
    DelService,
    /// Reads one virtual service, or dumps all.
    GetService,
    /// Adds a destination; also the command of an answer that holds one.
    NewDest,
    /// Replaces a destination's options.
    SetDest,
    /// Removes a destination.
    DelDest,
    /// Dumps the destinations of a virtual service.
    GetDest,
    /// Starts a synchronisation daemon; also the command of an answer that holds one.
    NewDaemon,
    /// Stops a synchronisation daemon.
    DelDaemon,
    /// Dumps the synchronisation daemons.
    GetDaemon,
    /// Sets the connection timeouts; also the command of an answer that holds them.
    SetConfig,
    /// Reads the connection timeouts.
    GetConfig,
    /// The answer to `GetInfo`; never a request.
    SetInfo,
    /// Reads version and connection table size.
    GetInfo,
    /// Zeroes the counters of a service, or of all.
    Zero,
    /// Removes all services; timeouts and daemons stay.
    Flush,
    /// A command that this enum does not know.
    Other(u8),
}

impl IpvsCommand {
    /// Says whether this command asks the kernel to change something.
    pub fn is_write(self) -> bool {
        !matches!(
            self,
            Self::GetService | Self::GetDest | Self::GetDaemon | Self::GetConfig | Self::GetInfo
        )
    }

    /// Its number, and the version of the family that knows it.
    pub(super) fn header(self) -> (u8, u8) {
        (self.into(), IPVS_GENL_VERSION)
    }
}

impl From<IpvsCommand> for u8 {
    fn from(command: IpvsCommand) -> Self {
        match command {
            IpvsCommand::NewService => IPVS_CMD_NEW_SERVICE,
            IpvsCommand::SetService => IPVS_CMD_SET_SERVICE,
            IpvsCommand::DelService => IPVS_CMD_DEL_SERVICE,
            IpvsCommand::GetService => IPVS_CMD_GET_SERVICE,
            IpvsCommand::NewDest => IPVS_CMD_NEW_DEST,
            IpvsCommand::SetDest => IPVS_CMD_SET_DEST,
            IpvsCommand::DelDest => IPVS_CMD_DEL_DEST,
            IpvsCommand::GetDest => IPVS_CMD_GET_DEST,
            IpvsCommand::NewDaemon => IPVS_CMD_NEW_DAEMON,
            IpvsCommand::DelDaemon => IPVS_CMD_DEL_DAEMON,
            IpvsCommand::GetDaemon => IPVS_CMD_GET_DAEMON,
            IpvsCommand::SetConfig => IPVS_CMD_SET_CONFIG,
            IpvsCommand::GetConfig => IPVS_CMD_GET_CONFIG,
            IpvsCommand::SetInfo => IPVS_CMD_SET_INFO,
            IpvsCommand::GetInfo => IPVS_CMD_GET_INFO,
            IpvsCommand::Zero => IPVS_CMD_ZERO,
            IpvsCommand::Flush => IPVS_CMD_FLUSH,
            IpvsCommand::Other(command) => command,
        }
    }
}

impl From<u8> for IpvsCommand {
    fn from(command: u8) -> Self {
        match command {
            IPVS_CMD_NEW_SERVICE => Self::NewService,
            IPVS_CMD_SET_SERVICE => Self::SetService,
            IPVS_CMD_DEL_SERVICE => Self::DelService,
            IPVS_CMD_GET_SERVICE => Self::GetService,
            IPVS_CMD_NEW_DEST => Self::NewDest,
            IPVS_CMD_SET_DEST => Self::SetDest,
            IPVS_CMD_DEL_DEST => Self::DelDest,
            IPVS_CMD_GET_DEST => Self::GetDest,
            IPVS_CMD_NEW_DAEMON => Self::NewDaemon,
            IPVS_CMD_DEL_DAEMON => Self::DelDaemon,
            IPVS_CMD_GET_DAEMON => Self::GetDaemon,
            IPVS_CMD_SET_CONFIG => Self::SetConfig,
            IPVS_CMD_GET_CONFIG => Self::GetConfig,
            IPVS_CMD_SET_INFO => Self::SetInfo,
            IPVS_CMD_GET_INFO => Self::GetInfo,
            IPVS_CMD_ZERO => Self::Zero,
            IPVS_CMD_FLUSH => Self::Flush,
            command => Self::Other(command),
        }
    }
}

/// Holds one message of the IPVS family, without the netlink and generic netlink headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpvsMessage {
    /// What is asked, or what kind of record an answer holds.
    pub cmd: IpvsCommand,
    /// Attributes in the order of the wire.
    pub attrs: Vec<IpvsAttr>,
}

impl IpvsMessage {
    /// Makes a message.
    pub fn new(cmd: IpvsCommand, attrs: Vec<IpvsAttr>) -> Self {
        Self { cmd, attrs }
    }

    /// Writes its attributes to the end of a datagram: the same bytes as [`Emitable::emit`], in a
    /// fraction of the time.
    pub fn append(&self, datagram: &mut Vec<u8>) {
        for attribute in &self.attrs {
            attribute.append(datagram);
        }
    }

    /// Reads a message from what stands behind its generic netlink header.
    ///
    /// # Errors
    /// [`DecodeError`] where an attribute does not fit its kind, or the bytes are no attributes.
    pub fn parse(payload: &[u8], cmd: IpvsCommand, detail: Detail) -> Result<Self, DecodeError> {
        let attrs = parse_with(payload, |attribute| match cmd {
            IpvsCommand::SetInfo => InfoAttr::parse(attribute).map(IpvsAttr::Info),
            _ => IpvsAttr::parse(attribute, detail),
        })?;
        Ok(Self { cmd, attrs })
    }
}

impl GenlFamily for IpvsMessage {
    fn family_name() -> &'static str {
        IPVS_GENL_NAME
    }

    fn command(&self) -> u8 {
        self.cmd.into()
    }

    fn version(&self) -> u8 {
        IPVS_GENL_VERSION
    }
}

impl Emitable for IpvsMessage {
    fn buffer_len(&self) -> usize {
        self.attrs.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attrs.as_slice().emit(buffer);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for IpvsMessage {
    fn parse_with_param(payload: &[u8], header: GenlHeader) -> Result<Self, DecodeError> {
        Self::parse(payload, header.cmd.into(), Detail::Whole)
    }
}
