//! Native Rhai with the same functions, as a host without isolation would embed it.

use crate::picloud::{BODY, NAME};
use hmac::{Hmac, KeyInit, Mac};
use regex_lite::Regex;
use rhai::{AST, Array, Blob, Dynamic, Engine, Map, Module, Scope};
use sha2::{Digest, Sha256};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

pub(crate) struct Native {
    engine: Engine,
    ast: AST,
}

impl Native {
    pub(crate) fn compile(source: &str) -> Self {
        let engine = engine();
        let ast = engine.compile(source).expect("it compiles");
        Self { engine, ast }
    }

    /// The answer as JSON.
    pub(crate) fn run(&self) -> Vec<u8> {
        answer(self.engine.eval_ast_with_scope(&mut Scope::new(), &self.ast).expect("it runs"))
    }
}

pub(crate) fn run_naively(source: &str) -> Vec<u8> {
    Native::compile(source).run()
}

fn answer(value: Dynamic) -> Vec<u8> {
    if value.is_string() { value.to_string().into_bytes() } else { serde_json::to_vec(&value).expect("it is JSON") }
}

fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.set_max_call_levels(64).set_max_expr_depths(64, 64);
    let request: Map = [
        ("method".into(), "POST".into()),
        ("path".into(), "/bench".into()),
        ("params".into(), Map::from([("name".into(), NAME.into())]).into()),
        ("body".into(), BODY.into()),
    ]
    .into();
    engine.register_fn("json", |request: &mut Map| -> Dynamic {
        let body = request["body"].clone().into_string().expect("a string");
        serde_json::from_str(&body).expect("it is JSON")
    });
    let mut globals = Module::new();
    globals.set_var("req", request);
    engine.register_global_module(globals.into());
    let entries = Rc::new(RefCell::new(BTreeMap::<String, Dynamic>::new()));
    let mut kv = Module::new();
    let all = Rc::clone(&entries);
    kv.set_native_fn("set", move |key: &str, value: Dynamic| {
        all.borrow_mut().insert(key.to_owned(), value);
        Ok(())
    });
    kv.set_native_fn("get", move |key: &str| Ok(entries.borrow().get(key).cloned().unwrap_or_default()));
    engine.register_static_module("kv", kv.into());
    register_helpers(&mut engine);
    engine
}

/// With the libraries that the guest has, and compiled patterns that are kept while the engine is.
fn register_helpers(engine: &mut Engine) {
    let patterns = Rc::new(RefCell::new(HashMap::<String, Regex>::new()));
    let compiled = move |pattern: &str| {
        let mut known = patterns.borrow_mut();
        known.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).expect("a pattern")).clone()
    };
    let mut regex = Module::new();
    let find = compiled.clone();
    regex.set_native_fn("find_all", move |pattern: &str, text: &str| {
        Ok(find(pattern).find_iter(text).map(|found| Dynamic::from(found.as_str().to_owned())).collect::<Array>())
    });
    regex.set_native_fn("replace_all", move |pattern: &str, text: &str, by: &str| {
        Ok(compiled(pattern).replace_all(text, by).into_owned())
    });
    engine.register_static_module("regex", regex.into());

    let mut crypto = Module::new();
    crypto.set_native_fn("sha256", |text: &str| Ok(Sha256::digest(text).to_vec() as Blob));
    crypto.set_native_fn("hmac_sha256", |key: &str, message: &str| {
        let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
        Ok(mac.chain_update(message).finalize().into_bytes().to_vec() as Blob)
    });
    engine.register_static_module("crypto", crypto.into());
    let mut hex = Module::new();
    hex.set_native_fn("encode", |bytes: Blob| Ok(hex::encode(bytes)));
    engine.register_static_module("hex", hex.into());
}
