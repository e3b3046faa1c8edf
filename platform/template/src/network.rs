//! Divides a network into smaller ones, as `Fn::Cidr` does.

use std::net::Ipv4Addr;

/// The first `count` networks of `host_bits` bits each in `network`, such as `10.0.0.0/24`.
///
/// Source: "Fn::Cidr", AWS CloudFormation Template Reference.
pub(crate) fn divide(network: &str, count: u32, host_bits: u32) -> Option<Vec<String>> {
    let (base, length) = network.split_once('/')?;
    let base: Ipv4Addr = base.parse().ok()?;
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    let own_length = 32_u32.checked_sub(host_bits).filter(|own| length <= *own)?;
    let networks = 1_u64.checked_shl(own_length - length)?;
    if networks < u64::from(count) {
        return None;
    }
    let size = 1_u64.checked_shl(host_bits)?;
    let network = |index: u32| {
        let first = u64::from(base.to_bits()) + u64::from(index) * size;
        let first = Ipv4Addr::from_bits(u32::try_from(first).ok()?);
        Some(format!("{first}/{own_length}"))
    };
    (0..count).map(network).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_divided_from_its_start() {
        let divided = divide("10.83.0.0/24", 2, 6).unwrap();
        assert_eq!(divided, ["10.83.0.0/26", "10.83.0.64/26"]);
    }

    #[test]
    fn more_than_fits_is_not_divided() {
        assert_eq!(divide("10.83.0.0/24", 5, 6), None);
        assert_eq!(divide("10.83.0.0/24", 1, 9), None);
        assert_eq!(divide("10.83.0.0", 1, 6), None);
    }
}
