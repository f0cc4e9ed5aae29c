//! What is live, for looking at: rows of a view, traffic, what IPVS says about itself.

use super::Director;
use crate::error::Result;
use crate::model::{Info, Live, Load, ServiceKey, ServiceName, Traffic};
use crate::views::{Row, Selection, ShownService, View, of_live, of_traffic, select};

impl Director {
    /// The rows of a view of services: of what the subject means, or of all.
    ///
    /// # Errors
    /// `not_found` with a "did you mean"; as the kernel refuses.
    pub fn rows(&mut self, view: View, subject: Option<&Selection>) -> Result<Vec<Row>> {
        let keys = |shown: &[ShownService]| shown.iter().map(|one| one.key).collect::<Vec<_>>();
        let (shown, mut rows) = if matches!(view, View::Stats | View::Rates) {
            // One service costs two questions; where there is none, the others are asked for a name
            // that is like it.
            let mut traffic = match subject {
                Some(Selection::Service(ServiceName::Key(key))) => self.traffic(Some(key))?,
                _ => Traffic::new(),
            };
            if traffic.is_empty() {
                traffic = self.traffic(None)?;
            }
            let servers = |key: &ServiceKey| match traffic.get(key) {
                Some(one) => one.servers.keys().copied().collect(),
                None => Vec::new(),
            };
            let shown = select(subject, traffic.keys(), &servers)?;
            let rows = of_traffic(view, &traffic, &keys(&shown));
            (shown, rows)
        } else {
            let live = self.live()?;
            let shown = shown_of(subject, &live)?;
            let rows = of_live(view, &live, &keys(&shown));
            (shown, rows)
        };
        let mut shown = shown.iter();
        for row in &mut rows {
            // A view may leave services out: both are in the same order.
            if let Some(one) = shown.find(|one| one.key == row.key) {
                one.narrow(row);
            }
        }
        Ok(rows)
    }

    /// What went through one service, or through all.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn traffic(&mut self, service: Option<&ServiceKey>) -> Result<Traffic> {
        self.kernel.traffic(service)
    }

    /// How all services are doing, read cheaply.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn load(&mut self) -> Result<Load> {
        self.kernel.load()
    }

    /// What IPVS says about itself.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn info(&mut self) -> Result<Info> {
        self.kernel.info()
    }
}

/// The live services that a subject means; without one, all.
///
/// # Errors
/// `not_found` with a "did you mean".
pub fn shown_of(subject: Option<&Selection>, live: &Live) -> Result<Vec<ShownService>> {
    let services = &live.rules.services;
    let servers = |key: &ServiceKey| match services.get(key) {
        Some(service) => service.servers.keys().copied().collect(),
        None => Vec::new(),
    };
    select(subject, services.keys(), &servers)
}
