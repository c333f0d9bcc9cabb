//! `pic docs` needs no server, and finds functions by what people call them.

use crate::pic::{Home, stderr};

fn told(args: &[&str]) -> String {
    String::from_utf8(Home::new().pic(args).success().get_output().stdout.clone()).unwrap()
}

#[test]
fn functions_are_found_by_their_module_their_name_and_both() {
    let all = told(&["docs"]);
    assert!(
        all.starts_with("FUNCTION") && all.contains("kv::set(key, value, seconds)") && all.contains("respond(status)")
    );
    let set = told(&["docs", "kv::set"]);
    assert!(set.starts_with("kv::set(key: string, value: any)\n  Stores a value for ever"), "{set}");
    assert_eq!((set.matches("Example: ").count(), set.matches("kv::set(key: string").count()), (2, 2), "{set}");
    assert!(told(&["docs", "set"]).starts_with(&set));
    assert!(told(&["docs", "kv"]).contains("kv::incr(key: string, by: integer) -> integer\n"));
    assert!(told(&["docs", "html_escape"]).contains("html_escape(text: string) -> string\n"));
    let json: serde_json::Value = serde_json::from_str(&told(&["docs", "hex", "-o", "json"])).unwrap();
    assert_eq!(json[0]["functions"][0]["example"]["value"], "\"616263\"");
}

#[test]
fn what_is_not_there_is_said_with_where_to_look() {
    let said = stderr(&Home::new().pic(&["docs", "kv::nothing"]).code(4).stdout(""));
    assert!(
        said.contains("there is no function or module kv::nothing") && said.contains("`pic docs` lists all"),
        "{said}"
    );
}
