//! What a writer says that it saw last (`If-Match`, `If-None-Match`), so that of two who change the same thing one is told.
//! Reading headers is the manager's, comparing with what is there the store's, in the transaction that changes it.

/// What has to be there for a change to be made. Tags are texts that differ when what they stand for differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Whatever is there.
    #[default]
    None,
    /// Something.
    Exists,
    /// Nothing.
    Absent,
    /// What has one of these tags.
    OneOf(Vec<String>),
}

/// Something else is there than what the writer saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has been changed meanwhile: read it again, and decide anew")]
pub struct Changed;

impl Precondition {
    /// Compares it with the tag of what is there.
    ///
    /// # Errors
    /// When something else is there.
    pub fn check(&self, there: Option<impl FnOnce() -> String>) -> Result<(), Changed> {
        let holds = match (self, there) {
            (Self::None, _) | (Self::Exists, Some(_)) | (Self::Absent, None) => true,
            (Self::OneOf(tags), Some(tag)) => tags.contains(&tag()),
            (Self::Exists | Self::OneOf(_), None) | (Self::Absent, Some(_)) => false,
        };
        if holds { Ok(()) } else { Err(Changed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_for_what_was_seen() {
        let there = |tag: &str| {
            let tag = tag.to_owned();
            Some(move || tag)
        };
        let nothing = None::<fn() -> String>;
        let one_of = Precondition::OneOf(vec!["a".into(), "b".into()]);
        for (condition, of_a, of_c, of_nothing) in [
            (Precondition::None, true, true, true),
            (Precondition::Exists, true, true, false),
            (Precondition::Absent, false, false, true),
            (one_of, true, false, false),
            (Precondition::OneOf(Vec::new()), false, false, false),
        ] {
            assert_eq!(condition.check(there("a")).is_ok(), of_a, "{condition:?}");
            assert_eq!(condition.check(there("c")).is_ok(), of_c, "{condition:?}");
            assert_eq!(condition.check(nothing).is_ok(), of_nothing, "{condition:?}");
        }
    }
}
