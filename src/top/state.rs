//! The state of the screen: what was read, and what its user wants to see of it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::column::{Order, Showing};
use super::picture::{Picture, Service};
use crate::model::{ServerKey, ServiceKey, Traffic};

/// The times between two readings that `[` and `]` choose from, in milliseconds.
const INTERVALS: [u64; 9] = [100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

/// A row: a service, or a server of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The service.
    pub service: ServiceKey,
    /// The server, where it is one.
    pub server: Option<ServerKey>,
}

/// What stands over the table, or asks something below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialog {
    /// The filter is being typed.
    Filter,
    /// The window with the keys, and how far it was scrolled.
    Help(usize),
    /// Whether the counters of a service, or of all, are to be zeroed.
    Zero(Option<ServiceKey>),
}

/// What is said in the last line until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// What was done.
    Done(String),
    /// What went wrong.
    Failed(String),
}

/// Which services show their servers: all but some, or some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Unfolded {
    all: bool,
    but: BTreeSet<ServiceKey>,
}

/// The state of the screen.
#[derive(Debug, Default)]
pub struct Top {
    /// Whose services they are: a host's name.
    pub(super) place: String,
    /// The time between two readings.
    pub(super) interval: Duration,
    pub(super) order: Order,
    pub(super) showing: Showing,
    pub(super) filter: String,
    pub(super) frozen: bool,
    pub(super) dialog: Option<Dialog>,
    pub(super) notice: Option<Notice>,
    pub(super) picture: Picture,
    /// The services that the filter fits, as many as there are.
    pub(super) fitting: Vec<ServiceKey>,
    pub(super) rows: Vec<Row>,
    /// The widest name of a service that the filter fits.
    pub(super) widest: usize,
    /// Which row is selected; the first until somebody moves.
    pub(super) cursor: usize,
    /// The first row that is shown.
    pub(super) offset: usize,
    /// How many rows are shown.
    pub(super) page: usize,
    unfolded: Unfolded,
    /// What is selected, once somebody moved: it stays so wherever its row goes.
    selected: Option<Row>,
}

impl Top {
    /// An empty screen, before anything was read.
    pub fn new(place: String, interval: Duration, order: Order) -> Top {
        Top {
            place,
            interval,
            order,
            ..Top::default()
        }
    }

    /// The time between two readings.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Says whether what is shown is to stay.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Shows what was read.
    pub fn show(&mut self, picture: Picture) {
        self.picture = picture;
        self.arrange();
    }

    /// Shows the servers of all services, or of none.
    pub fn unfold_all(&mut self, all: bool) {
        self.unfolded = Unfolded {
            all,
            but: BTreeSet::new(),
        };
        self.arrange();
    }

    /// Says something in the last line.
    pub fn say(&mut self, notice: Notice) {
        self.notice = Some(notice);
    }

    /// Fits the table into so many rows; gives the services whose servers are to be seen and of
    /// which it is not known yet what goes through them.
    pub(super) fn fit(&mut self, page: usize) -> Vec<ServiceKey> {
        self.page = page.max(1);
        let last = self.rows.len().saturating_sub(self.page);
        let lowest = self.cursor.saturating_sub(self.page - 1);
        self.offset = self.offset.clamp(lowest, self.cursor).min(last);
        if self.frozen {
            return Vec::new();
        }
        let mut wanted: Vec<ServiceKey> = Vec::new();
        for row in self.visible().filter(|row| row.server.is_some()) {
            if wanted.last() != Some(&row.service)
                && self
                    .picture
                    .service(&row.service)
                    .is_some_and(|s| !s.is_known())
            {
                wanted.push(row.service);
            }
        }
        wanted
    }

    /// Adds what was read of the servers of services, in the order that they then have.
    pub fn add(&mut self, traffic: &Traffic) {
        for (key, one) in traffic {
            self.picture.add(key, &one.servers);
        }
        self.arrange();
    }

    /// The rows that are shown.
    pub(super) fn visible(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().skip(self.offset).take(self.page)
    }

    /// The selected row.
    pub(super) fn current(&self) -> Option<Row> {
        self.rows.get(self.cursor).copied()
    }

    /// Says whether a service shows its servers.
    pub(super) fn is_unfolded(&self, key: &ServiceKey) -> bool {
        self.unfolded.all != self.unfolded.but.contains(key)
    }

    /// Shows the servers of a service, or hides them; the selection goes to the service.
    pub(super) fn unfold(&mut self, service: ServiceKey, shown: bool) {
        if self.is_unfolded(&service) != shown && !self.unfolded.but.remove(&service) {
            self.unfolded.but.insert(service);
        }
        let row = Row {
            service,
            server: None,
        };
        // Whoever unfolds something wants to look at it, wherever it goes.
        self.selected = if shown { self.current() } else { Some(row) };
        self.arrange();
    }

    /// Selects the row that is so many further, or the last.
    pub(super) fn move_to(&mut self, row: usize) {
        self.cursor = row.min(self.rows.len().saturating_sub(1));
        self.selected = self.current();
    }

    /// Selects the first row, whatever it will be.
    pub(super) fn move_home(&mut self) {
        (self.cursor, self.selected) = (0, None);
    }

    /// The next longer time between two readings, or the next shorter.
    pub(super) fn change_interval(&mut self, longer: bool) {
        let now = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        let mut choices = INTERVALS.into_iter();
        let next = match longer {
            true => choices.find(|choice| *choice > now),
            false => choices.rfind(|choice| *choice < now),
        };
        if let Some(next) = next {
            self.interval = Duration::from_millis(next);
        }
    }

    /// Makes the rows anew: filtered, in order, unfolded; the selection stays with what it was.
    pub(super) fn arrange(&mut self) {
        let words = self.filter.to_lowercase();
        let mut services: Vec<&Service> = Vec::new();
        let mut widest = 0;
        for service in &self.picture.services {
            let name = service.key.to_string();
            if fits(service, &name, &words) {
                widest = widest.max(name.len());
                services.push(service);
            }
        }
        services.sort_by(|a, b| self.order.services(self.showing, a, b));
        let mut rows = Vec::with_capacity(services.len());
        for service in &services {
            rows.push(Row {
                service: service.key,
                server: None,
            });
            if !self.is_unfolded(&service.key) {
                continue;
            }
            let mut servers: Vec<_> = service.servers.iter().collect();
            servers.sort_by(|a, b| self.order.servers(self.showing, a, b));
            rows.extend(servers.iter().map(|server| Row {
                service: service.key,
                server: Some(server.key),
            }));
        }
        self.fitting = services.iter().map(|service| service.key).collect();
        self.widest = widest;
        self.rows = rows;
        self.follow();
    }

    /// Finds what was selected; where a server went away its service, where that did, the row at
    /// the same place.
    fn follow(&mut self) {
        let place = |wanted: Row| self.rows.iter().position(|row| *row == wanted);
        let found = self.selected.and_then(|row| {
            let service = Row {
                server: None,
                ..row
            };
            place(row).or_else(|| place(service))
        });
        let at = found.unwrap_or(self.cursor);
        self.cursor = at.min(self.rows.len().saturating_sub(1));
        if self.selected.is_some() {
            self.selected = self.current().or(self.selected);
        }
    }
}

/// Says whether a filter, in lower case, is in a service's name, its scheduler's, or a server's.
fn fits(service: &Service, name: &str, words: &str) -> bool {
    words.is_empty()
        || name.contains(words)
        || service.scheduler.contains(words)
        || service
            .servers
            .iter()
            .any(|server| server.key.to_string().contains(words))
}
