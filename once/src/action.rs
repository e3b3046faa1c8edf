//! The conditional writes that a transaction consists of.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::failure::Failure;
use crate::item::Item;

/// The condition under which a record is written: no item has its primary key.
pub(crate) const ABSENT: &str = "attribute_not_exists(pk)";

/// A conditional update of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The item's primary key.
    pub key: Item,
    /// The update expression.
    pub update: &'static str,
    /// The condition expression. Empty for an update without a condition.
    pub condition: Cow<'static, str>,
    /// The attributes whose names are reserved words, by placeholder.
    pub names: &'static [(&'static str, &'static str)],
    /// The values of both expressions, by placeholder.
    pub values: Item,
}

/// One action of a transaction. Each action has an item of its own.
#[derive(Clone, Debug)]
pub enum Action<'action> {
    /// Writes a whole item if a condition holds.
    Put {
        /// The item.
        item: &'action Item,
        /// The condition expression.
        condition: &'static str,
        /// The condition's values, by placeholder.
        values: Item,
    },
    /// Changes an item if a condition holds.
    Update(&'action Effect),
}

impl<'action> Action<'action> {
    /// Writes an item if no item has its primary key.
    pub fn put_absent(item: &'action Item) -> Self {
        Self::Put {
            item,
            condition: ABSENT,
            values: Item::new(),
        }
    }

    /// The action as a part of a request. If its condition fails, the answer has the
    /// item.
    pub(crate) fn request(&self, table: &str) -> Result<TransactWriteItem, Failure> {
        let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
        let invalid = |error| Failure::Invalid(format!("{error}"));
        let item = TransactWriteItem::builder();
        Ok(match self {
            Self::Put {
                item: record,
                condition,
                values,
            } => item.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some((*record).clone()))
                    .condition_expression(*condition)
                    .set_expression_attribute_values((!values.is_empty()).then(|| values.clone()))
                    .return_values_on_condition_check_failure(all_old)
                    .build()
                    .map_err(invalid)?,
            ),
            Self::Update(effect) => item.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(effect.key.clone()))
                    .update_expression(effect.update)
                    .set_condition_expression(effect.condition_expression())
                    .set_expression_attribute_names(placeholders(effect.names))
                    .set_expression_attribute_values(Some(effect.values.clone()))
                    .return_values_on_condition_check_failure(all_old)
                    .build()
                    .map_err(invalid)?,
            ),
        }
        .build())
    }
}

impl Effect {
    /// The condition as DynamoDB takes it.
    pub(crate) fn condition_expression(&self) -> Option<String> {
        (!self.condition.is_empty()).then(|| self.condition.clone().into_owned())
    }
}

/// The names of a request as DynamoDB takes them.
pub(crate) fn placeholders(names: &[(&str, &str)]) -> Option<HashMap<String, String>> {
    let owned = |(place, name): &(&str, &str)| ((*place).to_owned(), (*name).to_owned());
    (!names.is_empty()).then(|| names.iter().map(owned).collect())
}
