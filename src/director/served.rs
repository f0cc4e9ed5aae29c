//! What the real servers of a service are to be set up for.

use super::Director;
use crate::error::{Kind, Result};
use crate::model::{Forwarding, Ruleset, ServedVip, ServiceName, Tunnel};

impl Director {
    /// The VIP of a service with the way in which its packets reach the real servers, as the head says
    /// or else the kernel.
    ///
    /// # Errors
    /// `not_found` with a "did you mean"; as [`ServedVip::of_service`]; as the kernel refuses.
    pub fn served_vip(
        &mut self,
        name: &ServiceName,
        forward: Option<Forwarding>,
        tunnel: Option<Tunnel>,
    ) -> Result<ServedVip> {
        let of = |rules: &Ruleset| {
            let key = name.resolve(rules.services.keys())?;
            ServedVip::of_service(rules, &key, forward, tunnel)
        };
        match self.head_rules().and_then(|head| of(&head)) {
            // The service may be live alone, or the record out of reach.
            Err(error) if !matches!(error.kind(), Kind::Ambiguous | Kind::Invalid) => {
                of(&self.live()?.rules)
            }
            other => other,
        }
    }
}
