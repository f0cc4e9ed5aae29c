//! The IPVS table that a command line works on: the kernel's, or a simulated one's.

use crate::ipvs::{
    BatchReport, Daemon, Destination, Info, IpvsClient, IpvsError, OnError, Request, Service,
    ServiceId, Timeouts,
};

/// What a command line needs of IPVS. Each call fails as the kernel refuses, or as the exchange
/// with it fails.
pub trait KernelTable {
    /// The version and the size of the connection table.
    ///
    /// # Errors
    /// [`IpvsError`].
    fn info(&mut self) -> Result<Info, IpvsError>;

    /// All services.
    ///
    /// # Errors
    /// [`IpvsError`].
    fn services(&mut self) -> Result<Vec<Service>, IpvsError>;

    /// One service.
    ///
    /// # Errors
    /// [`IpvsError`].
    fn service(&mut self, id: &ServiceId) -> Result<Option<Service>, IpvsError>;

    /// The servers of a service.
    ///
    /// # Errors
    /// [`IpvsError`].
    fn destinations(&mut self, id: &ServiceId) -> Result<Vec<Destination>, IpvsError>;

    /// The connection timeouts.
    ///
    /// # Errors
    /// [`IpvsError`].
    fn timeouts(&mut self) -> Result<Timeouts, IpvsError>;

    /// The sync daemons.
    ///
    /// # Errors
    /// [`IpvsError`].
    fn daemons(&mut self) -> Result<Vec<Daemon>, IpvsError>;

    /// Makes changes, in order.
    fn execute(&mut self, requests: &[Request], on_error: OnError) -> BatchReport;

    /// Returns true where `/proc` lists the connections.
    fn has_connections(&self) -> bool;
}

impl KernelTable for IpvsClient {
    fn info(&mut self) -> Result<Info, IpvsError> {
        self.info()
    }

    fn services(&mut self) -> Result<Vec<Service>, IpvsError> {
        self.services()
    }

    fn service(&mut self, id: &ServiceId) -> Result<Option<Service>, IpvsError> {
        self.service(id)
    }

    fn destinations(&mut self, id: &ServiceId) -> Result<Vec<Destination>, IpvsError> {
        self.destinations(id)
    }

    fn timeouts(&mut self) -> Result<Timeouts, IpvsError> {
        self.timeouts()
    }

    fn daemons(&mut self) -> Result<Vec<Daemon>, IpvsError> {
        self.daemons()
    }

    fn execute(&mut self, requests: &[Request], on_error: OnError) -> BatchReport {
        self.execute(requests, on_error)
    }

    fn has_connections(&self) -> bool {
        true
    }
}
