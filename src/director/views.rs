//! What is live, for looking at: rows of a view, traffic, what IPVS says about itself.

use super::Director;
use crate::error::Result;
use crate::model::{Info, Load, ServiceKey, ServiceName, Traffic};
use crate::views::{Row, View, fitting, of_live, of_traffic};

impl Director {
    /// The rows of a view of services: of those that a name fits, or of all.
    ///
    /// # Errors
    /// `not_found` with a "did you mean"; as the kernel refuses.
    pub fn rows(&mut self, view: View, name: Option<&ServiceName>) -> Result<Vec<Row>> {
        if !matches!(view, View::Stats | View::Rates) {
            let live = self.live()?;
            let keys = fitting(name, live.rules.services.keys())?;
            return Ok(of_live(view, &live, &keys));
        }
        // One service costs two questions; where there is none, the others are asked for a name
        // that is like it.
        let mut traffic = match name {
            Some(ServiceName::Key(key)) => self.traffic(Some(key))?,
            _ => Traffic::new(),
        };
        if traffic.is_empty() {
            traffic = self.traffic(None)?;
        }
        let keys = fitting(name, traffic.keys())?;
        Ok(of_traffic(view, &traffic, &keys))
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
