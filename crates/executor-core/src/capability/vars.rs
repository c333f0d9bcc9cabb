//! `vars`: the app's variables.

use super::refuse;
use picloud_abi::{
    seam::{Refusal, RefusalCode},
    vars::{Answer, Request},
};
use picloud_shared::names::{InvalidName, VarName};
use picloud_store::AppSettings;

pub(crate) fn answer(settings: &AppSettings, request: Request) -> Result<Answer, Refusal> {
    let Request::Get(name) = request;
    let name: VarName = name.parse().map_err(|rule: InvalidName| refuse(RefusalCode::Invalid, rule.to_string()))?;
    Ok(Answer::Value(settings.vars.get(&name).map(|var| var.value.clone())))
}
