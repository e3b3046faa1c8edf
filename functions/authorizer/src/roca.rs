//! Recognizes RSA keys of a broken generator (CVE-2017-15361, "ROCA").
//!
//! A library of Infineon drew primes that are powers of 65,537 modulo the product of
//! many small primes. Such keys can be factored. Their modulus is a power of 65,537
//! modulo that product too; a random modulus has this form once in about 2¹⁵⁴ times.
//! Source: Nemec and others, "The Return of Coppersmith's Attack", ACM CCS 2017.

/// The generator of the powers.
const GENERATOR: u64 = 65_537;

/// The primes that every length of key has in its product.
const PRIMES: [u64; 39] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// An exponent, known modulo the order of the generator.
#[derive(Clone, Copy)]
struct Exponent {
    value: u64,
    order: u64,
}

/// Whether a modulus is a power of the generator modulo the product of the primes.
///
/// The logarithm exists modulo the product if it exists modulo each prime and no two of
/// these contradict each other (the Chinese remainder theorem).
pub(crate) fn is_fingerprint(modulus: &[u8]) -> bool {
    let mut exponents: Vec<Exponent> = Vec::with_capacity(PRIMES.len());
    for prime in PRIMES {
        let Some(exponent) = logarithm(remainder(modulus, prime), prime) else {
            return false;
        };
        let agrees = |other: &Exponent| {
            let common = greatest_common_divisor(exponent.order, other.order);
            exponent.value % common == other.value % common
        };
        if !exponents.iter().all(agrees) {
            return false;
        }
        exponents.push(exponent);
    }
    true
}

fn remainder(number: &[u8], prime: u64) -> u64 {
    number
        .iter()
        .fold(0, |rest, byte| (rest << 8 | u64::from(*byte)) % prime)
}

/// The logarithm to the base of the generator, with the generator's order.
fn logarithm(number: u64, prime: u64) -> Option<Exponent> {
    let one = 1 % prime;
    let (mut power, mut order, mut value) = (one, 0, None);
    loop {
        if power == number {
            value.get_or_insert(order);
        }
        power = power * GENERATOR % prime;
        order += 1;
        if power == one {
            return value.map(|value| Exponent { value, order });
        }
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Big-endian bytes of `factor * 65,537^exponent` modulo nothing: small powers only.
    fn power(exponent: u32) -> Vec<u8> {
        65_537_u128.pow(exponent).to_be_bytes().to_vec()
    }

    #[test]
    fn powers_of_the_generator_have_the_fingerprint() {
        for exponent in 0..8 {
            assert!(is_fingerprint(&power(exponent)), "{exponent}");
        }
    }

    #[test]
    fn other_numbers_have_no_fingerprint() {
        for exponent in 1..7 {
            let mut number = power(exponent);
            number[15] ^= 2;
            assert!(!is_fingerprint(&number), "{exponent}");
        }
        let random = |seed: u8| (0..=255).map(move |at: u8| at.wrapping_mul(seed) ^ (at >> 3) | 1);
        for seed in 1..100 {
            assert!(!is_fingerprint(&random(seed).collect::<Vec<_>>()), "{seed}");
        }
    }

    #[test]
    fn powers_that_contradict_each_other_are_no_fingerprint() {
        // 65,537 modulo 101, and 1 modulo each other prime: by the Chinese remainder theorem there is such a
        // number. Modulo 101 it is an odd power of the generator, and an even one modulo the others.
        let number = [
            0x07, 0xe0, 0x54, 0x2c, 0xb9, 0xe2, 0x53, 0xa3, 0x9d, 0x12, 0xb2, 0x69, 0xbb, 0xae,
            0xa6, 0xb0, 0xec, 0x0a, 0x9a, 0xd8, 0x9e, 0x0c, 0x2e, 0xaa, 0xf0, 0x5b, 0xb9, 0x83,
        ];
        for prime in PRIMES {
            let expected = if prime == 101 {
                GENERATOR % prime
            } else {
                1 % prime
            };
            assert_eq!(remainder(&number, prime), expected, "{prime}");
            assert!(logarithm(expected, prime).is_some(), "{prime}");
        }
        assert!(!is_fingerprint(&number));
    }
}
