//! What a removal costs: the connections that the kernel counts at what goes.

use super::Step;
use crate::model::live::{Counts, Live};
use crate::model::{ServerKey, ServiceKey};

/// Something that a plan removes while clients are connected to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The service.
    pub service: ServiceKey,
    /// The real server; `None` where the whole service is removed.
    pub server: Option<ServerKey>,
    /// Its connections when the kernel was read.
    pub counts: Counts,
}

/// The removals among the steps that find connections or persistence templates.
pub(super) fn cuts(steps: &[Step], live: &Live) -> Vec<Cut> {
    let cut = |step: &Step| {
        let cut = match step {
            Step::RemoveServer { service, key, .. } => Cut {
                service: *service,
                server: Some(*key),
                counts: live.counts_of(service, key),
            },
            Step::RemoveService { key, .. } => Cut {
                service: *key,
                server: None,
                counts: live.service_counts(key),
            },
            _ => return None,
        };
        (cut.counts != Counts::default()).then_some(cut)
    };
    steps.iter().filter_map(cut).collect()
}
