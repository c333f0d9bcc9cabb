//! Pages of lists that grow: how many items, and where the next page begins.

use super::error::ApiError;
use picloud_shared::{api::Page, names::Username};
use serde::Deserialize;
use std::fmt::Display;
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// Where a page of a list by name begins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ByName {
    /// Only what comes after this: `next` of the page before.
    pub(super) after: Option<String>,
    /// Most items of the page: 1 to 200, 50 if not given.
    pub(super) limit: Option<u32>,
}

/// Where a page of a list by age begins, the newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Before<I: ToSchema + PartialSchema> {
    /// Only what comes before this one: `next` of the page before.
    pub(super) before: Option<I>,
    /// Most items of the page: 1 to 200, 50 if not given.
    pub(super) limit: Option<u32>,
}

/// Where a page of a list of users begins, by name.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AfterUser {
    /// Only what comes after this one: `next` of the page before.
    pub(super) after: Option<Username>,
    /// Most items of the page: 1 to 200, 50 if not given.
    pub(super) limit: Option<u32>,
}

/// Where a page of a list by the bytes of its keys or paths begins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Prefixed {
    /// Only what begins with this.
    #[serde(default)]
    #[param(required = false)]
    pub(super) prefix: String,
    /// Only what comes after this one.
    pub(super) after: Option<String>,
    /// Most items of the page: 1 to 200, 50 if not given.
    pub(super) limit: Option<u32>,
}

impl Prefixed {
    /// How many items the asker wants, if both texts could be those of an item, which `what` names.
    pub(super) fn size(&self, what: &str, most: usize) -> Result<u32, ApiError> {
        if [Some(&self.prefix), self.after.as_ref()].into_iter().flatten().any(|text| text.len() > most) {
            return Err(ApiError::Invalid(format!("{what} has at most {most} bytes")));
        }
        size(self.limit)
    }
}

const DEFAULT: u32 = 50;
const MOST: u32 = 200;

/// How many items the asker wants on a page.
pub(super) fn size(limit: Option<u32>) -> Result<u32, ApiError> {
    match limit.unwrap_or(DEFAULT) {
        size @ 1..=MOST => Ok(size),
        _ => Err(ApiError::Invalid(format!("a page's limit is 1 to {MOST}"))),
    }
}

/// Most characters of a text that is looked for.
const TEXT_CHARS: usize = 200;

/// What is looked for in texts; an empty one is in all of them.
pub(super) fn text(text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.chars().count() > TEXT_CHARS => {
            Err(ApiError::Invalid(format!("a text to look for has at most {TEXT_CHARS} characters")))
        }
        text => Ok(text.filter(|text| !text.is_empty())),
    }
}

impl ByName {
    /// A page of a list that is bounded, was read whole and is in the order of these names.
    pub(super) fn cut<T, N: Display>(self, items: Vec<T>, name: impl Fn(&T) -> N) -> Result<Page<T>, ApiError> {
        let size = size(self.limit)?;
        let behind = |item: &T| self.after.as_ref().is_none_or(|after| name(item).to_string() > *after);
        Ok(of(items.into_iter().filter(behind).take(size as usize + 1).collect(), size, name))
    }
}

/// A page of at most `size` items, of which one more was looked up than is shown.
pub(super) fn of<T, I: Display>(mut items: Vec<T>, size: u32, id: impl Fn(&T) -> I) -> Page<T> {
    let more = items.len() > size as usize;
    items.truncate(size as usize);
    let next = items.last().filter(|_| more).map(|last| id(last).to_string());
    Page { items, next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_shared::ids::InvocationId;

    #[test]
    fn the_next_page_begins_after_the_last_item() {
        let ids: Vec<_> = (0..3).map(|_| InvocationId::new()).collect();
        assert_eq!(of(ids.clone(), 3, |&id| id), Page { items: ids.clone(), next: None });
        assert_eq!(of(ids.clone(), 2, |&id| id), Page { items: ids[..2].to_vec(), next: Some(ids[1].to_string()) });
        assert_eq!(of(Vec::new(), 2, |id: &InvocationId| *id), Page { items: Vec::new(), next: None });
    }

    #[test]
    fn a_list_by_name_is_cut_behind_what_was_seen() {
        let names = vec!["a", "b", "c", "d"];
        let cut = |after: Option<&str>, limit| {
            ByName { after: after.map(Into::into), limit: Some(limit) }.cut(names.clone(), |name| *name).unwrap()
        };
        assert_eq!(cut(None, 3), Page { items: vec!["a", "b", "c"], next: Some("c".into()) });
        assert_eq!(cut(Some("c"), 3), Page { items: vec!["d"], next: None });
        assert_eq!(cut(Some("aa"), 200).items, ["b", "c", "d"], "it may be gone meanwhile");
        assert!(cut(Some("z"), 1).items.is_empty());
        assert!(ByName { after: None, limit: Some(0) }.cut(names.clone(), |name| *name).is_err());
    }

    #[test]
    fn pages_are_bounded() {
        assert_eq!(size(None).unwrap(), 50);
        assert_eq!(size(Some(200)).unwrap(), 200);
        assert!(size(Some(0)).is_err() && size(Some(201)).is_err());
        assert_eq!(text(Some(String::new())).unwrap(), None);
        assert!(text(Some("ü".repeat(200))).unwrap().is_some() && text(Some("ü".repeat(201))).is_err());
    }
}
