//! Spending controls: create, read, change, delete.

use super::Service;
use super::error::{Error, at_version};
use crate::domain::id::ControlId;
use crate::domain::policy::Control;
use crate::wire::v1::control::{self, ControlChange, NewControl};

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

    /// Changes a control that is still at the version the caller has seen.
    pub async fn change_control(
        &self,
        id: ControlId,
        seen: i64,
        change: ControlChange,
    ) -> Result<Control, Error> {
        let found = self.resources.control(id).await?;
        let control = at_version(found, |control| control.version, seen)?;
        let changed = change.of(control);
        consistent(&changed)?;
        self.resources.update_control(changed.clone()).await?;
        Ok(changed)
    }

    /// Removes a control.
    pub async fn delete_control(&self, id: ControlId) -> Result<(), Error> {
        self.resources.delete_control(id).await?.map(|_| ()).ok_or(Error::NotFound(None))
    }
}

/// The check of a new control. Here no field is wrong by itself: together with what stays, they
/// contradict each other.
fn consistent(control: &Control) -> Result<(), Error> {
    let Some(flaw) = control.flaw() else { return Ok(()) };
    Err(Error::LimitConflict { detail: flaw.detail(), pointer: control::pointer(flaw) })
}
