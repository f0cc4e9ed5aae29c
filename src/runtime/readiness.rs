//! The note that this director was ready once: it counts until the next boot.
//!
//! The file holds `BOOT NAMESPACE TIME`: the boot id, the network namespace, and the moment in RFC 3339.

use chrono::{DateTime, SecondsFormat, Utc};

use super::directory::RuntimeDir;
use super::files::{read_line, replace};
use crate::error::Result;
use crate::kernel::Place;

/// Returns when `ipvsh ready` first said yes in this boot and network namespace; none where it did
/// not, or where the file cannot be understood.
pub fn ready_since(dir: &RuntimeDir, place: &Place) -> Option<DateTime<Utc>> {
    let line = read_line(&dir.readiness())?;
    let [boot, namespace, time] = line.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let is_here = boot == place.boot && namespace == place.namespace;
    let time = DateTime::parse_from_rfc3339(time).ok()?;
    is_here.then(|| time.with_timezone(&Utc))
}

/// Notes that this director is ready. Makes the runtime directory where it is missing.
///
/// # Errors
/// `not_permitted`, `system`.
pub fn remember_ready(dir: &RuntimeDir, place: &Place, now: DateTime<Utc>) -> Result<()> {
    dir.make()?;
    let time = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    let text = format!("{} {} {time}\n", place.boot, place.namespace);
    replace(&dir.readiness(), text.as_bytes(), false).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::super::tests::runtime_dir;
    use super::*;

    #[test]
    fn it_counts_in_its_boot_and_namespace_alone() {
        let (_lab, dir) = runtime_dir();
        let here = Place::here().unwrap();
        assert_eq!(ready_since(&dir, &here), None);
        let now = "2026-11-30T10:00:00Z".parse().unwrap();
        remember_ready(&dir, &here, now).unwrap();
        assert_eq!(ready_since(&dir, &here), Some(now));
        let (boot, namespace) = ("another".to_owned(), "net:[1]".to_owned());
        for other in [
            Place {
                boot,
                ..here.clone()
            },
            Place {
                namespace,
                ..here.clone()
            },
        ] {
            assert_eq!(ready_since(&dir, &other), None);
        }
        for damaged in ["", "x", "a b c\n", "a b 2026-11-30T10:00:00Z"] {
            std::fs::write(dir.readiness(), damaged).unwrap();
            assert_eq!(ready_since(&dir, &here), None, "{damaged:?}");
        }
    }
}
