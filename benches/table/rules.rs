//! The tables that are loaded: as lines for `ipvsadm -R`, and as requests.

use std::fmt::Write as _;
use std::net::SocketAddr;

use ipvsh::ipvs::{Destination, ForwardMethod, Name, Request, Service, ServiceId};

/// So many services with so many servers each.
#[derive(Clone, Copy)]
pub struct Table {
    pub services: usize,
    pub servers: usize,
    pub scheduler: &'static str,
}

impl Table {
    pub fn new(services: usize, servers: usize) -> Table {
        Table {
            services,
            servers,
            scheduler: "wrr",
        }
    }

    pub fn scheduled(self, scheduler: &'static str) -> Table {
        Table { scheduler, ..self }
    }

    fn vip(service: usize) -> SocketAddr {
        let addr = [198, 18, byte(service / 250), byte(service % 250 + 1)];
        (addr, 80).into()
    }

    fn server(service: usize, server: usize) -> SocketAddr {
        let number = service * 7 + server;
        let addr = [
            10,
            byte(server / 250 % 200 + 1),
            byte(number / 250 % 250),
            byte(server % 250 + 1),
        ];
        (addr, 8080).into()
    }

    /// As `ipvsadm -Sn` prints it.
    pub fn lines(self) -> String {
        let mut lines = String::new();
        for service in 0..self.services {
            let vip = Table::vip(service);
            let _ = writeln!(lines, "-A -t {vip} -s {}", self.scheduler);
            for server in 0..self.servers {
                let server = Table::server(service, server);
                let _ = writeln!(lines, "-a -t {vip} -r {server} -m -w 1");
            }
        }
        lines
    }

    pub fn requests(self) -> Vec<Request> {
        let mut requests = Vec::new();
        for service in 0..self.services {
            let id = ServiceId::tcp(Table::vip(service));
            let scheduler = Name::new(self.scheduler).unwrap();
            requests.push(Request::AddService(Service::new(id, scheduler)));
            requests.extend((0..self.servers).map(|server| {
                let server = Table::server(service, server);
                let mut destination = Destination::new(server, ForwardMethod::Masq);
                destination.weight = 1;
                Request::AddDestination(id, destination)
            }));
        }
        requests
    }
}

fn byte(number: usize) -> u8 {
    u8::try_from(number).unwrap()
}
