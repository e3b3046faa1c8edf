//! Random UUIDs.

use shared::world::World;

/// A random UUID of version 4.
pub fn uuid(world: &World) -> String {
    let mut bytes = [0; 16];
    world.fill(&mut bytes);
    let number = u128::from_be_bytes(bytes);
    // Version 4 and the variant of RFC 9562.
    let number = number & !(0xf << 76) | (0x4 << 76);
    let number = number & !(0b11 << 62) | (0b10 << 62);
    let hex = format!("{number:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_of_version_4() {
        let ones = World::new(
            || jiff::Timestamp::UNIX_EPOCH,
            |bytes| bytes.fill(0xff),
            |_| Box::pin(async {}),
        );
        assert_eq!(uuid(&ones), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
