//! `random`: bytes and numbers from the platform's cryptographic source.

use super::{Result, at, call, unexpected};
use picloud_abi::seam::{Answer, Request};
use rhai::{Blob, plugin::*};

fn draw(count: i64) -> Result<Blob> {
    let count = u32::try_from(count).map_err(|_| format!("cannot draw {count} random bytes"))?;
    match call(&Request::Random(count))? {
        Answer::Random(bytes) if bytes.len() == count as usize => Ok(bytes.into_vec()),
        _ => unexpected(),
    }
}

fn draw_u64() -> Result<u64> {
    let bytes = draw(8)?;
    bytes.try_into().map(u64::from_le_bytes).or_else(|_| unexpected())
}

#[export_module]
pub mod random {
    /// So many random bytes.
    #[rhai_fn(return_raw)]
    pub fn bytes(context: NativeCallContext, count: i64) -> Result<Blob> {
        at(&context, || draw(count))
    }

    /// A whole number from `low` to `high`, both included, each as likely as the others.
    #[rhai_fn(return_raw)]
    pub fn int(context: NativeCallContext, low: i64, high: i64) -> Result<i64> {
        at(&context, || {
            if low > high {
                return Err(format!("there is no number from {low} to {high}").into());
            }
            let span = high.abs_diff(low);
            if span == u64::MAX {
                return Ok(draw_u64()?.cast_signed());
            }
            let count = span + 1;
            // Of 2^64 draws the last, incomplete round of `count` would favour small numbers: draw again.
            let fair = u64::MAX - (u64::MAX % count + 1) % count;
            loop {
                let drawn = draw_u64()?;
                if drawn <= fair {
                    return Ok(low.wrapping_add_unsigned(drawn % count));
                }
            }
        })
    }

    /// A number from 0 up to, but not including, 1.
    #[rhai_fn(return_raw)]
    pub fn float(context: NativeCallContext) -> Result<f64> {
        at(&context, || {
            // 53 bits are what a float between 0 and 1 can hold.
            Ok((draw_u64()? >> 11) as f64 / (1u64 << 53) as f64)
        })
    }

    /// So many random bytes in hexadecimal, for keys and tokens.
    #[rhai_fn(return_raw)]
    pub fn hex(context: NativeCallContext, count: i64) -> Result<String> {
        at(&context, || Ok(draw(count)?.iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}
