//! Parts of statements that are put together at run time.

/// Narrows a query of `invocations i` down to one script of the app and to what is older than one invocation.
macro_rules! push_filter {
    ($query:expr, $app:expr, $script:expr, $before:expr) => {
        if let Some(script) = &$script {
            $query.push(" AND i.script_id = (SELECT id FROM scripts WHERE app_id = ").push_bind($app.to_string());
            $query.push(" AND name = ").push_bind(script.as_str()).push(")");
        }
        if let Some(before) = $before {
            $query.push(" AND i.id < ").push_bind(before.to_string());
        }
    };
}

/// Binds values, separated by commas.
macro_rules! push_list {
    ($query:expr, $values:expr) => {
        let mut list = $query.separated(", ");
        for value in $values {
            list.push_bind(value.as_str());
        }
    };
}
