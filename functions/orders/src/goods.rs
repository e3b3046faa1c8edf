//! Goods: quantities of products, each product once.

use serde::{Deserialize, Serialize};

use crate::product::Sku;

/// A quantity of one product.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Goods {
    /// The product.
    pub(crate) sku: Sku,
    /// How many.
    pub(crate) quantity: i64,
}

/// Adds goods to others. The sum has each product once, sorted by product.
pub(crate) fn sum(goods: &[Goods], more: &[Goods]) -> Vec<Goods> {
    let mut sum: Vec<Goods> = Vec::with_capacity(goods.len() + more.len());
    for one in goods.iter().chain(more) {
        match sum.iter_mut().find(|other| other.sku == one.sku) {
            // At most 50 lines of at most a million: this cannot overflow.
            Some(same) => same.quantity += one.quantity,
            None => sum.push(one.clone()),
        }
    }
    sum.sort_by(|one, other| one.sku.cmp(&other.sku));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_has_each_product_once_and_sorted() {
        let goods = |list: &[(&str, i64)]| -> Vec<Goods> {
            let goods = |(sku, quantity): &(&str, i64)| Goods {
                sku: sku.parse().unwrap(),
                quantity: *quantity,
            };
            list.iter().map(goods).collect()
        };
        assert_eq!(
            sum(&goods(&[("B", 1)]), &goods(&[("C", 2), ("A", 3), ("B", 4)])),
            goods(&[("A", 3), ("B", 5), ("C", 2)])
        );
        assert_eq!(sum(&[], &goods(&[("A", 1), ("A", 1)])), goods(&[("A", 2)]));
    }
}
