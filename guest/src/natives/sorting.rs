//! `sort` and `order` of arrays, in place of Rhai's own, which panic when a comparison contradicts itself: as one of
//! floats with NaN among them, or one that a script got wrong. A merge sort takes any comparison; it is stable.

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};
use std::cmp::Ordering;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

pub fn register(engine: &mut Engine) {
    for name in ["sort", "sort_by"] {
        engine.register_fn(name, |context: NativeCallContext, array: &mut Array, comparer: FnPtr| {
            *array = by_script(&context, std::mem::take(array), &comparer)?;
            Ok::<_, Box<EvalAltResult>>(())
        });
    }
    for name in ["order", "order_by"] {
        engine.register_fn(name, |context: NativeCallContext, array: &mut Array, comparer: FnPtr| {
            by_script(&context, array.clone(), &comparer)
        });
    }
    engine
        .register_fn("sort", |array: &mut Array| by_value(array, |order| order))
        .register_fn("sort_desc", |array: &mut Array| by_value(array, Ordering::reverse))
        .register_fn("order", |array: &mut Array| ordered(array, |order| order))
        .register_fn("order_desc", |array: &mut Array| ordered(array, Ordering::reverse));
}

/// By what the script's function says of two elements: a number below, at or above 0, or whether the first comes first.
fn by_script(context: &NativeCallContext, array: Array, comparer: &FnPtr) -> Result<Array> {
    merge_sort(array, &mut |a, b| {
        let said = comparer.call_within_context::<Dynamic>(context, (a.clone(), b.clone()))?;
        match (said.as_int(), said.as_bool()) {
            (Ok(number), _) => Ok(number.cmp(&0)),
            (_, Ok(first)) => Ok(if first { Ordering::Less } else { Ordering::Greater }),
            _ => Err("a comparison gives a whole number or a boolean".into()),
        }
    })
}

fn ordered(array: &Array, turn: fn(Ordering) -> Ordering) -> Result<Array> {
    let mut ordered = array.clone();
    by_value(&mut ordered, turn)?;
    Ok(ordered)
}

fn by_value(array: &mut Array, turn: fn(Ordering) -> Ordering) -> Result<()> {
    let same_type = array.windows(2).all(|pair| pair[0].type_id() == pair[1].type_id());
    if !same_type {
        return Err("elements of different types cannot be sorted".into());
    }
    *array = merge_sort(std::mem::take(array), &mut |a, b| compare(a, b).map(turn))?;
    Ok(())
}

/// Two values of one type.
fn compare(a: &Dynamic, b: &Dynamic) -> Result<Ordering> {
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return Ok(a.cmp(&b));
    }
    if let (Ok(a), Ok(b)) = (a.as_float(), b.as_float()) {
        return Ok(a.total_cmp(&b));
    }
    if let (Ok(a), Ok(b)) = (a.as_immutable_string_ref(), b.as_immutable_string_ref()) {
        return Ok(a.as_str().cmp(b.as_str()));
    }
    if let (Ok(a), Ok(b)) = (a.as_char(), b.as_char()) {
        return Ok(a.cmp(&b));
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return Ok(a.cmp(&b));
    }
    if a.is_unit() {
        return Ok(Ordering::Equal);
    }
    Err(format!("values of type {} cannot be sorted without a comparison", a.type_name()).into())
}

fn merge_sort(mut array: Array, compare: &mut impl FnMut(&Dynamic, &Dynamic) -> Result<Ordering>) -> Result<Array> {
    if array.len() < 2 {
        return Ok(array);
    }
    let second = array.split_off(array.len() / 2);
    let mut first = merge_sort(array, compare)?.into_iter().peekable();
    let mut second = merge_sort(second, compare)?.into_iter().peekable();
    let mut merged = Array::with_capacity(first.len() + second.len());
    while let (Some(a), Some(b)) = (first.peek(), second.peek()) {
        // Asked this way round, a comparison by `<` is stable too.
        let next = if compare(b, a)? == Ordering::Less { second.next() } else { first.next() };
        merged.extend(next);
    }
    merged.extend(first);
    merged.extend(second);
    Ok(merged)
}
