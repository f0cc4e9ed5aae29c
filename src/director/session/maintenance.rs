//! Maintenance of a session's candidate.

use chrono::Local;

use super::Session;
use crate::error::Result;
use crate::model::setting::maintenance::resolve_expiry;
use crate::model::{
    EntryKey, EntryValue, Maintenance, MaintenanceKey, Options, Setting, SettingKey,
};

impl Session {
    /// Declares maintenance: options left out get their defaults. What stands already as it is
    /// declared stays; see [`resolve_expiry`] and [`Maintenance::recorded`].
    ///
    /// # Errors
    /// `invalid`.
    pub fn declare_maintenance(&mut self, key: MaintenanceKey, options: &Options) -> Result<()> {
        let standing = self.maintenance_of(key)?;
        let declared = self
            .resolved(options, standing.as_ref())
            .and_then(|options| Maintenance::parse(&options))
            .map_err(|error| error.object(SettingKey::Maintenance(key)))?;
        let value = self.recorded(declared, standing.as_ref());
        self.put_maintenance(key, Some(value))
    }

    /// A setting with the options given in the place of those that it has.
    ///
    /// # Errors
    /// `invalid`, as [`Setting::with`].
    pub fn changed_setting(
        &mut self,
        key: SettingKey,
        standing: &Setting,
        options: &Options,
    ) -> Result<Setting> {
        let Setting::Maintenance(before) = standing else {
            return standing.with(key, options);
        };
        let options = self.resolved(options, Some(before))?;
        Ok(match standing.with(key, &options)? {
            Setting::Maintenance(after) => Setting::Maintenance(self.recorded(after, Some(before))),
            other => other,
        })
    }

    /// Maintenance of the candidate.
    ///
    /// # Errors
    /// As the store fails.
    pub(in crate::director) fn maintenance_of(
        &mut self,
        key: MaintenanceKey,
    ) -> Result<Option<Maintenance>> {
        let settings = &self.settings()?.rules().settings;
        Ok(match settings.get(SettingKey::Maintenance(key)) {
            Some(Setting::Maintenance(one)) => Some(one.clone()),
            _ => None,
        })
    }

    /// Sets or removes maintenance of the candidate.
    ///
    /// # Errors
    /// As the store fails.
    pub(in crate::director) fn put_maintenance(
        &mut self,
        key: MaintenanceKey,
        value: Option<Maintenance>,
    ) -> Result<()> {
        let entry = EntryKey::Setting(SettingKey::Maintenance(key));
        let value = value.map(|one| EntryValue::Setting(Setting::Maintenance(one)));
        self.settings()?.put(entry, value);
        Ok(())
    }

    /// The moment that a text names, which is to come, as an option has it.
    ///
    /// # Errors
    /// `invalid` for what is no time, and for one that is past.
    pub(in crate::director) fn coming(&self, text: &str) -> Result<String> {
        let options = Options::from_iter([("expires".to_owned(), text.into())]);
        let resolved = self.resolved(&options, None)?;
        let moment = resolved.get("expires").and_then(|value| value.as_str());
        Ok(moment.unwrap_or(text).to_owned())
    }

    fn resolved(&self, options: &Options, standing: Option<&Maintenance>) -> Result<Options> {
        let now = self.director.now().with_timezone(&Local);
        resolve_expiry(options, standing, &now)
    }

    fn recorded(&self, value: Maintenance, standing: Option<&Maintenance>) -> Maintenance {
        value.recorded(standing, self.director.now(), &self.director.author)
    }
}
