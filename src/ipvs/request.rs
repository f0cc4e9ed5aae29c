//! Owns the changes that can be asked of the kernel, as values.
//!
//! May import: `record`, `attr`, `message`. Source of truth: ip_vs_genl_set_cmd and
//! ip_vs_genl_set_daemon in net/netfilter/ipvs/ip_vs_ctl.c.

use super::attr::{DaemonAttr, IpvsAttr};
use super::message::{IpvsCommand, IpvsMessage};
use super::record::{
    Daemon, DaemonState, Destination, DestinationId, Service, ServiceId, Timeouts,
};

/// Holds one change. `Set*` replaces the whole record, and fails where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Adds a service.
    AddService(Service),
    /// Replaces a service's options; flags outside its mask stay.
    UpdateService(Service),
    /// Removes a service and all its destinations.
    RemoveService(ServiceId),
    /// Adds a destination.
    AddDestination(ServiceId, Destination),
    /// Replaces a destination's options.
    UpdateDestination(ServiceId, Destination),
    /// Removes a destination.
    RemoveDestination(ServiceId, DestinationId),
    /// Starts a synchronisation daemon.
    StartDaemon(Daemon),
    /// Stops the synchronisation daemon of this state.
    StopDaemon(DaemonState),
    /// Sets the timeouts that are not 0.
    SetTimeouts(Timeouts),
    /// Zeroes the counters of a service and its destinations, or of everything.
    Zero(Option<ServiceId>),
    /// Removes all services; timeouts and daemons stay.
    Flush,
}

impl Request {
    /// Gives the command of the request.
    pub fn command(&self) -> IpvsCommand {
        match self {
            Self::AddService(_) => IpvsCommand::NewService,
            Self::UpdateService(_) => IpvsCommand::SetService,
            Self::RemoveService(_) => IpvsCommand::DelService,
            Self::AddDestination(..) => IpvsCommand::NewDest,
            Self::UpdateDestination(..) => IpvsCommand::SetDest,
            Self::RemoveDestination(..) => IpvsCommand::DelDest,
            Self::StartDaemon(_) => IpvsCommand::NewDaemon,
            Self::StopDaemon(_) => IpvsCommand::DelDaemon,
            Self::SetTimeouts(_) => IpvsCommand::SetConfig,
            Self::Zero(_) => IpvsCommand::Zero,
            Self::Flush => IpvsCommand::Flush,
        }
    }

    /// Writes the attributes of its message to the end of a datagram: the same bytes as
    /// [`IpvsMessage::append`], without making a message first.
    pub fn append(&self, datagram: &mut Vec<u8>) {
        match self {
            Self::AddService(service) | Self::UpdateService(service) => {
                IpvsAttr::append_service(datagram, |wire| service.write(wire));
            }
            Self::AddDestination(id, destination) | Self::UpdateDestination(id, destination) => {
                IpvsAttr::append_service(datagram, |wire| id.write(wire));
                IpvsAttr::append_destination(datagram, |wire| destination.write(wire));
            }
            Self::RemoveDestination(id, destination) => {
                IpvsAttr::append_service(datagram, |wire| id.write(wire));
                IpvsAttr::append_destination(datagram, |wire| destination.write(wire));
            }
            Self::RemoveService(id) => IpvsAttr::append_service(datagram, |wire| id.write(wire)),
            // There are never many of the others.
            other => other.to_message().append(datagram),
        }
    }

    /// Gives the message that asks for it.
    pub fn to_message(&self) -> IpvsMessage {
        let in_service = |id: &ServiceId| IpvsAttr::Service(id.to_attributes());
        let attrs = match self {
            Self::AddService(service) | Self::UpdateService(service) => {
                vec![IpvsAttr::Service(service.to_attributes())]
            }
            Self::RemoveService(id) | Self::Zero(Some(id)) => vec![in_service(id)],
            Self::AddDestination(id, destination) | Self::UpdateDestination(id, destination) => {
                vec![in_service(id), IpvsAttr::Dest(destination.to_attributes())]
            }
            Self::RemoveDestination(id, destination) => {
                vec![in_service(id), IpvsAttr::Dest(destination.to_attributes())]
            }
            Self::StartDaemon(daemon) => vec![IpvsAttr::Daemon(daemon.to_attributes())],
            Self::StopDaemon(state) => {
                vec![IpvsAttr::Daemon(vec![DaemonAttr::State(state.number())])]
            }
            Self::SetTimeouts(timeouts) => timeouts.to_attributes(),
            Self::Zero(None) | Self::Flush => Vec::new(),
        };
        IpvsMessage::new(self.command(), attrs)
    }
}
