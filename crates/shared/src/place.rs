//! Places in sources, as people, editors and CI read them.

/// `:line:column`, to be put behind a name, as far as they are known. Both are counted from 1.
pub fn behind_name(line: Option<u32>, column: Option<u32>) -> String {
    let column = line.and(column);
    line.into_iter().chain(column).map(|number| format!(":{number}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_as_far_as_it_is_known() {
        let told = [(Some(3), Some(7)), (Some(3), None), (None, Some(7)), (None, None)];
        assert_eq!(told.map(|(line, column)| behind_name(line, column)), [":3:7", ":3", "", ""]);
    }
}
