//! Spending controls: create, read, delete.

use super::Service;
use super::error::Error;
use crate::domain::id::ControlId;
use crate::domain::policy::Control;
use crate::wire::v1::control::NewControl;

impl Service {
    /// Creates a control.
    pub async fn create_control(&self, new: NewControl) -> Result<Control, Error> {
        let control = Control {
            id: ControlId::new(self.clock.uuid()),
            scope: self.scope(new.scope).await?,
            effect: new.effect,
            mccs: new.mccs,
            mcc_groups: new.mcc_groups,
            merchants: new.merchants,
            countries: new.countries,
            entry_modes: new.entry_modes,
            channels: new.channels,
            starts_at: new.starts_at,
            ends_at: new.ends_at,
            version: 1,
            created_at: self.clock.now(),
        };
        self.resources.insert_control(control.clone()).await?;
        Ok(control)
    }

    /// One control.
    pub async fn control(&self, id: ControlId) -> Result<Control, Error> {
        self.resources.control(id).await?.ok_or(Error::NotFound(None))
    }

    /// Removes a control.
    pub async fn delete_control(&self, id: ControlId) -> Result<(), Error> {
        self.resources.delete_control(id).await?.map(|_| ()).ok_or(Error::NotFound(None))
    }
}
