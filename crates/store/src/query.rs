//! Parts of statements that are put together at run time.

/// Narrows a query of `invocations i` down to one script of the app.
macro_rules! push_script {
    ($query:expr, $app:expr, $script:expr) => {
        if let Some(script) = &$script {
            $query.push(" AND i.script_id = (SELECT id FROM scripts WHERE app_id = ").push_bind($app.to_string());
            $query.push(" AND name = ").push_bind(script.as_str()).push(")");
        }
    };
}

/// Narrows a query of `invocations i` down to those that ended so.
macro_rules! push_status {
    ($query:expr, $status:expr) => {
        match $status {
            Some(StatusFilter::Ok) => $query.push(" AND i.outcome = 'ok'"),
            Some(StatusFilter::Failed) => $query.push(" AND i.outcome <> 'ok'"),
            Some(StatusFilter::Class(class)) => {
                $query.push(" AND i.status >= ").push_bind(i64::from(class) * 100);
                $query.push(" AND i.status < ").push_bind((i64::from(class) + 1) * 100)
            }
            Some(StatusFilter::Code(code)) => $query.push(" AND i.status = ").push_bind(i64::from(code)),
            None => &mut $query,
        };
    };
}

/// Holds where a column of bytes has a text in it.
macro_rules! push_contains {
    ($query:expr, $is_postgres:expr, $column:literal, $text:expr) => {
        if $is_postgres {
            $query.push("POSITION(").push_bind($text.as_bytes()).push(concat!(" IN ", $column, ") > 0"));
        } else {
            $query.push(concat!("INSTR(", $column, ", ")).push_bind($text.as_bytes()).push(") > 0");
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

/// Narrows lines `l` down to those that are looked for.
macro_rules! push_lines {
    ($query:expr, $level:expr, $text:expr, $is_postgres:expr) => {
        if let Some(level) = $level {
            $query.push(" AND l.level IN (");
            push_list!($query, picloud_shared::api::LogLevel::ALL.into_iter().filter(|one| *one >= level));
            $query.push(")");
        }
        if let Some(text) = &$text {
            $query.push(" AND ");
            push_contains!($query, $is_postgres, "l.message", text);
        }
    };
}
