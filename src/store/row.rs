//! Reading columns: what does not decode is an error with the table's name.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row as _, any::AnyRow};

use super::StoreError;
use crate::{clock, id::IdError};

pub(super) struct Columns<'r> {
    pub(super) table: &'static str,
    pub(super) row: &'r AnyRow,
}

impl Columns<'_> {
    pub(super) fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.row.try_get::<String, _>(column)?)
    }

    pub(super) fn text_or_none(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.row.try_get::<Option<String>, _>(column)?)
    }

    pub(super) fn number(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.row.try_get::<i64, _>(column)?)
    }

    pub(super) fn number_or_none(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.row.try_get::<Option<i64>, _>(column)?)
    }

    pub(super) fn at(&self, column: &str) -> Result<Timestamp, StoreError> {
        Ok(clock::from_millis(self.number(column)?))
    }

    pub(super) fn at_or_none(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.number_or_none(column)?.map(clock::from_millis))
    }

    pub(super) fn id<T>(
        &self,
        column: &str,
        parse: impl Fn(&str) -> Result<T, IdError>,
    ) -> Result<T, StoreError> {
        parse(&self.text(column)?).map_err(|error| self.corrupt(error))
    }

    pub(super) fn id_or_none<T>(
        &self,
        column: &str,
        parse: impl Fn(&str) -> Result<T, IdError>,
    ) -> Result<Option<T>, StoreError> {
        self.text_or_none(column)?.map(|text| parse(&text).map_err(|error| self.corrupt(error))).transpose()
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|error| self.corrupt(error))
    }

    pub(super) fn json_or_none<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        self.text_or_none(column)?
            .map(|text| serde_json::from_str(&text).map_err(|error| self.corrupt(error)))
            .transpose()
    }

    pub(super) fn corrupt(&self, why: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt { table: self.table, why: why.to_string() }
    }
}

/// JSON text of a value of ours, all of which serialise.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::CalledOff { why: error.to_string() })
}
