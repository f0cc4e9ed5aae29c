//! A million connections pass through in constant memory, whatever they become.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may give up

use std::io::{BufReader, Read, Write};
use std::ops::ControlFlow;
use std::rc::Rc;

use ipvsh::director::{Director, Wanted};
use ipvsh::error::Result;
use ipvsh::kernel::{Kernel, Outcome, Part, Place, Sim, proc};
use ipvsh::model::{Connection, Info, Live, Ruleset, ServiceKey, Traffic};
use ipvsh::output::{Form, Listing, Paint};
use ipvsh::plan::Step;
use ipvsh::store::MemoryStores;
use ipvsh::views::{Order, View};

const CONNECTIONS: u32 = 1_000_000;

/// How much more memory a million connections may take than none, in KiB.
const MORE: u64 = 4096;

/// `/proc/net/ip_vs_conn` of a busy director, made while it is read.
struct Busy {
    made: u32,
    line: Vec<u8>,
    given: usize,
}

impl Busy {
    fn new() -> Busy {
        Busy {
            made: 0,
            line: b"Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName\n"
                .to_vec(),
            given: 0,
        }
    }
}

impl Read for Busy {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.given == self.line.len() {
            if self.made == CONNECTIONS {
                return Ok(0);
            }
            self.made += 1;
            self.given = 0;
            self.line.clear();
            let (client, port) = (0xC633_0000 + (self.made >> 4), self.made & 0xffff);
            let expires = self.made % 900;
            writeln!(
                self.line,
                "TCP {client:08X} {port:04X} C000020A 0050 0A00000B 0050 ESTABLISHED {expires:7}"
            )?;
        }
        let count = self.line[self.given..].as_ref().read(into)?;
        self.given += count;
        Ok(count)
    }
}

/// The simulated kernel with that list.
struct Crowded(Sim);

impl Kernel for Crowded {
    fn observe_part(&mut self, part: &Part) -> Result<Live> {
        self.0.observe_part(part)
    }

    fn host_settings(&mut self) -> Result<ipvsh::model::Settings> {
        self.0.host_settings()
    }

    fn apply(&mut self, steps: &[Step]) -> Vec<Outcome> {
        self.0.apply(steps)
    }

    fn zero(&mut self, service: Option<&ServiceKey>) -> Result<()> {
        self.0.zero(service)
    }

    fn traffic(&mut self, service: Option<&ServiceKey>) -> Result<Traffic> {
        self.0.traffic(service)
    }

    fn connections(&mut self, visit: &mut dyn FnMut(Connection) -> ControlFlow<()>) -> Result<()> {
        proc::connections(BufReader::new(Busy::new()), visit)
    }

    fn info(&mut self) -> Result<Info> {
        self.0.info()
    }

    fn place(&self) -> Result<Place> {
        self.0.place()
    }

    fn writes(&self) -> u64 {
        self.0.writes()
    }
}

/// Counts lines and forgets them.
#[derive(Default)]
struct Lines(u32);

impl Write for &mut Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        self.0 += u32::try_from(lines).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The most memory that this process ever held, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn director() -> Director {
    let kernel = Crowded(Sim::new(&Ruleset::default()));
    let stores = Rc::new(MemoryStores::new());
    Director::new(Box::new(kernel), stores, "tester".to_owned())
}

/// Lists as a table and as JSON at once; gives the lines of both.
fn listed(wanted: &Wanted) -> (u32, u32) {
    let (mut table, mut json) = (Lines::default(), Lines::default());
    let mut as_table = Listing::new(&mut table, Form::Table(Paint::new(false)));
    let mut as_json = Listing::new(&mut json, Form::Json);
    director()
        .connections(wanted, &mut |connection| {
            let _ = as_table.add(&connection);
            as_json.add(&connection)
        })
        .unwrap();
    assert!(as_table.end().unwrap() && as_json.end().unwrap());
    (table.0, json.0)
}

/// One test: the peak is the process's, and another one beside it would be in it.
#[test]
fn a_million_connections_stream_in_constant_memory() {
    let first = Wanted {
        limit: Some(10),
        ..Wanted::default()
    };
    // A line each; above them the titles; around them brackets.
    assert_eq!(listed(&first), (11, 12));
    let before = peak();

    let all = Wanted::default();
    assert_eq!(listed(&all), (CONNECTIONS + 1, CONNECTIONS + 2));
    let sorted = Wanted {
        order: Some(Order::parse(View::Connections, "-expires").unwrap()),
        limit: Some(100),
        ..Wanted::default()
    };
    assert_eq!(listed(&sorted), (101, 102));

    let more = peak() - before;
    assert!(more < MORE, "{more} KiB more");
}
