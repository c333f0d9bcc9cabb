//! `random`: bytes that nobody foretells, as far as one call may draw them.

use super::refuse;
use crate::world::World;
use picloud_abi::seam::{Refusal, RefusalCode};

pub(crate) fn draw(world: &dyn World, count: u32, limit: u32) -> Result<Vec<u8>, Refusal> {
    if count > limit {
        return Err(refuse(RefusalCode::Quota, format!("one call may draw {limit} random bytes, not {count}")));
    }
    let mut bytes = vec![0; count as usize];
    world.draw(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::RealWorld;

    #[test]
    fn draws_what_is_asked_up_to_the_limit() {
        let world = RealWorld::new();
        assert!(draw(&world, 0, 8).unwrap().is_empty());
        assert_ne!(draw(&world, 8, 8).unwrap(), [0; 8]);
        assert_eq!(draw(&world, 9, 8).unwrap_err().code, RefusalCode::Quota);
    }
}
