//! `random`: bytes and numbers from the platform's cryptographic source.

use super::{Result, at, call, unexpected};
use picloud_abi::seam::{Answer, Request};
use rhai::{Array, Blob, plugin::*};

fn draw(count: i64) -> Result<Blob> {
    let count = u32::try_from(count).map_err(|_| format!("cannot draw {count} random bytes"))?;
    match call(&Request::Random(count))? {
        Answer::Random(bytes) if bytes.len() == count as usize => Ok(bytes.into_vec()),
        _ => unexpected(),
    }
}

pub fn draw_array<const N: usize>() -> Result<[u8; N]> {
    draw(N as i64)?.try_into().or_else(|_| unexpected())
}

fn draw_u64() -> Result<u64> {
    draw_array().map(u64::from_le_bytes)
}

/// A number from 0 to `last`, each as likely as the others.
fn draw_up_to(last: u64) -> Result<u64> {
    let Some(count) = last.checked_add(1) else { return draw_u64() };
    // Of 2^64 draws the last, incomplete round of `count` would favour small numbers: draw again.
    let fair = u64::MAX - (u64::MAX % count + 1) % count;
    loop {
        let drawn = draw_u64()?;
        if drawn <= fair {
            return Ok(drawn % count);
        }
    }
}

#[export_module]
pub mod random {
    /// So many random bytes, at most 64 KiB, as a blob.
    ///
    /// Example: `random::bytes(4).len()` → `4`
    #[rhai_fn(return_raw)]
    pub fn bytes(context: NativeCallContext, count: i64) -> Result<Blob> {
        at(&context, || draw(count))
    }

    /// A whole number from `low` to `high`, both included, each as likely as the others.
    ///
    /// Example: `random::int(1, 6) in 1..=6` → `true`
    #[rhai_fn(return_raw)]
    pub fn int(context: NativeCallContext, low: i64, high: i64) -> Result<i64> {
        at(&context, || {
            if low > high {
                return Err(format!("there is no number from {low} to {high}").into());
            }
            Ok(low.wrapping_add_unsigned(draw_up_to(high.abs_diff(low))?))
        })
    }

    /// A number from 0 up to, but not including, 1.
    ///
    /// Example: `random::float() < 1.0` → `true`
    #[rhai_fn(return_raw)]
    pub fn float(context: NativeCallContext) -> Result<f64> {
        at(&context, || {
            // 53 bits are what a float between 0 and 1 can hold.
            Ok((draw_u64()? >> 11) as f64 / (1u64 << 53) as f64)
        })
    }

    /// So many random bytes in hexadecimal, for keys and tokens.
    ///
    /// Example: `random::hex(16).len()` → `32`
    #[rhai_fn(return_raw)]
    pub fn hex(context: NativeCallContext, count: i64) -> Result<String> {
        at(&context, || Ok(::hex::encode(draw(count)?)))
    }

    /// One element of an array, each as likely as the others; `()` of an empty one.
    ///
    /// Example: `random::choose(["red", "red"])` → `"red"`
    #[rhai_fn(return_raw)]
    pub fn choose(context: NativeCallContext, array: Array) -> Result<Dynamic> {
        at(&context, || {
            let mut array = array;
            let Some(last) = array.len().checked_sub(1) else { return Ok(Dynamic::UNIT) };
            Ok(array.swap_remove(draw_up_to(last as u64)? as usize))
        })
    }

    /// The elements of an array in a new order, each order as likely as the others.
    ///
    /// Example: `let mixed = random::shuffle([3, 1, 2]); mixed.sort(); mixed` → `[1, 2, 3]`
    #[rhai_fn(return_raw)]
    pub fn shuffle(context: NativeCallContext, array: Array) -> Result<Array> {
        at(&context, || {
            let mut array = array;
            // Fisher and Yates, from the end.
            for last in (1..array.len()).rev() {
                array.swap(last, draw_up_to(last as u64)? as usize);
            }
            Ok(array)
        })
    }
}
