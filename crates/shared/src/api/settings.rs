//! Variables and secrets.

use crate::{
    names::{SecretName, VarName},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Var {
    /// Its name.
    pub name: VarName,
    /// What scripts read.
    pub value: String,
    /// When it was last set.
    #[schema(value_type = i64)]
    pub updated_at: TimestampMs,
}

/// A variable's new value.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetVar {
    /// At most 32 KiB.
    pub value: String,
}

/// A secret; what it holds is never told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Secret {
    /// Its name.
    pub name: SecretName,
    /// When it was last set.
    #[schema(value_type = i64)]
    pub updated_at: TimestampMs,
}

/// A secret's new value.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    /// At most 32 KiB.
    pub value: String,
}

impl fmt::Debug for SetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secrets_value_does_not_show() {
        let set = SetSecret { value: "hunter2".to_owned() };
        assert!(!format!("{set:?}").contains("hunter2"));
    }
}
