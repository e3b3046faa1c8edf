//! Describes a product: its name and its price, never its stock.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::types::AttributeValue;
use http::StatusCode;
use once::{Effect, Item, Pace, Session, Written, number, text};

use crate::answer::{Answer, Outcome};
use crate::body::{self, Object};
use crate::draft::QUANTITY;
use crate::error::Error;
use crate::fault::{Fault, Faults};
use crate::hints::Hints;
use crate::moment::Moment;
use crate::precondition::Precondition;
use crate::product::{
    Currency, OWNER, Product, ProductName, SHARD, Sku, UNIT_PRICE_MAX, stock_key,
};
use crate::read;
use crate::roll::{ROLLING, make, roll};
use crate::shard::SHARDS_MAX;

/// Writes a product's description. A missing product is created, without stock.
///
/// An existing product's stock is left as it is, so a description that was
/// read before a sale can be written after it. The arguments write or remove the
/// limit of an order, and write what a product of several shards has.
macro_rules! describe {
    ($limit:literal, $shards:literal) => {
        concat!(
            $limit,
            $shards,
            " #name = :name, unit_price = :price, currency = :currency, sellable = :sellable, \
            details_version = if_not_exists(details_version, :zero) + :one, \
            available = if_not_exists(available, :zero), taken = if_not_exists(taken, :zero), \
            received = if_not_exists(received, :zero), version = if_not_exists(version, :zero), \
            #owner = :owner, created_at = if_not_exists(created_at, :now)"
        )
    };
}

/// How many shards there are, and the mark that some may be behind: [`roll`] removes it.
macro_rules! describe_all {
    ($limit:literal) => {
        describe!(
            $limit,
            " shards = :shards, expiry_shard = :rolling, hold_expires_at = :now,"
        )
    };
}

const DESCRIBE_LIMITED: &str = describe!("SET quantity_max = :quantity_max,", "");

const DESCRIBE_UNLIMITED: &str = describe!("REMOVE quantity_max SET", "");

const DESCRIBE_ALL_LIMITED: &str = describe_all!("SET quantity_max = :quantity_max,");

const DESCRIBE_ALL_UNLIMITED: &str = describe_all!("REMOVE quantity_max SET");

/// How many shards a product can have.
const SHARDS: RangeInclusive<i64> = 1..=SHARDS_MAX as i64;

const NAMES: &[(&str, &str)] = &[("#name", "name"), ("#owner", "owner")];

/// A valid description.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Description {
    name: ProductName,
    unit_price: i64,
    currency: Currency,
    sellable: bool,
    quantity_max: Option<i64>,
    /// Over how many shards the stock is spread. `None` leaves that as it is.
    shards: Option<u32>,
}

impl Description {
    /// Parses the body of `PUT /products/{sku}`.
    ///
    /// # Errors
    /// Returns all faults, each with its JSON pointer.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Vec<Fault>> {
        body::read(body, Self::take)
    }

    fn take(mut object: Object<'_>, faults: &mut Faults) -> Option<Self> {
        let name = object.text("name", faults);
        let unit_price = object.integer("unit_price", &(0..=UNIT_PRICE_MAX), faults);
        let currency = object.text("currency", faults);
        let sellable = object.truth("sellable", faults);
        let quantity_max = object.optional_integer("quantity_max", &QUANTITY, faults);
        let shards = object.optional_integer("shards", &SHARDS, faults);
        object.end(faults);
        Some(Self {
            name: name?,
            unit_price: unit_price?,
            currency: currency?,
            sellable: sellable?,
            quantity_max,
            shards: shards.and_then(|shards| u32::try_from(shards).ok()),
        })
    }

    fn describes(&self, product: &Product) -> bool {
        product.name == self.name.as_str()
            && product.unit_price == self.unit_price
            && product.currency == self.currency
            && product.sellable == self.sellable
            && product.quantity_max == self.quantity_max
            && self.shards.is_none_or(|shards| shards == product.shards)
    }

    /// How many shards a product has after this description, if it has so many before.
    fn shards_after(&self, before: u32) -> Result<u32, Error> {
        match self.shards {
            Some(shards) if shards < before => Err(Error::FewerShards(before)),
            Some(shards) => Ok(shards),
            None => Ok(before),
        }
    }
}

/// Describes a product. Reads it first, unless the precondition names a version,
/// and writes at that version.
///
/// A write without a version could be undone by an earlier write whose first copy
/// arrives late:
///
/// ```text
/// price 1 ──► no answer ──► again ──► 200
///    │                                    price 2 ──► 200
///    └───────────── the first copy lands ─────────────────► price 1
/// ```
///
/// And after a write without an answer, it is never written at a newer version: the
/// first copy may have landed, and another client may have changed what it wrote.
///
/// ```text
/// price 1 ──► lands, no answer ────────────────► again, at version 3 ──► price 1
///                         price 2 at version 2 ──► 200
/// ```
///
/// # Errors
/// The precondition fails, or the outcome is not known.
pub(crate) async fn describe(
    session: &Session<'_>,
    hints: &Hints,
    sku: &Sku,
    description: &Description,
    precondition: &Precondition,
) -> Result<Answer, Error> {
    let now = Moment::from(session.world().now());
    // A base that the precondition names saves the read, for a product of one shard.
    let base = if let Some(base) = base_named_by(precondition) {
        base
    } else {
        let current = read::product(session, sku).await?;
        if let Some(product) = current.as_ref().filter(|it| it.expiry_shard.is_some())
            && precondition == &Precondition::None
            && description.describes(product)
        {
            // It was stored before, and is not everywhere yet.
            return finish(session, hints, sku, product).await;
        }
        base_allowed_by(precondition, current.as_ref())?
    };
    let described = describe_from(session, sku, description, precondition, base, now);
    let product = described.await.map_err(|error| match error {
        Error::OutcomeUnknown | Error::Internal(_) | Error::Unavailable
            if session.may_have_written() && !is_repeatable(precondition) =>
        {
            Error::ReadFirst
        }
        error => error,
    })?;
    finish(session, hints, sku, &product).await
}

/// Brings a stored description to all shards, and answers.
async fn finish(
    session: &Session<'_>,
    hints: &Hints,
    sku: &Sku,
    product: &Product,
) -> Result<Answer, Error> {
    if product.expiry_shard.is_some() {
        // The description is stored, so the outcome is known.
        roll(session, sku, product).await.map_err(|unsettled| {
            let cause = format!("{unsettled:?}");
            tracing::warn!(
                sku = sku.as_str(),
                cause,
                "a description is not everywhere yet"
            );
            Error::ProductRolling
        })?;
    }
    hints.forget_available(sku.as_str());
    let available = read::available_of(session, hints, product).await;
    answer(product, available.map_err(|_| Error::ProductRolling)?)
}

/// Writes a description at `base`, or at what came in its place.
async fn describe_from(
    session: &Session<'_>,
    sku: &Sku,
    description: &Description,
    precondition: &Precondition,
    mut base: Base,
    now: Moment,
) -> Result<Product, Error> {
    let mut pace = Pace::default();
    loop {
        let shards = description.shards_after(base.shards())?;
        if 1 < shards {
            make(session, sku, shards).await?;
        }
        let send = |(): &()| session.update_item(effect(sku, description, base, shards, now));
        let read = |written, (): &mut ()| Ok::<_, Error>(Some(written));
        let written = pace.repeat(session, (), send, read).await?;
        let current = match written.ok_or_else(|| pace.gave_up(session))? {
            Written::Done(item) => return read::parse_product(item),
            Written::ConditionFailed(Some(item)) => Some(read::parse_product(item)?),
            // There is no such product, or the answer left it out.
            Written::ConditionFailed(None) => read::product(session, sku).await?,
        };
        if let Some(product) = &current
            && as_requested(product, description, base)
        {
            return Ok(product.clone());
        }
        // A write without an answer may have landed at `base`. Then others have seen it,
        // and what stands there now came after it.
        if session.may_have_written() {
            return Err(Error::ReadFirst);
        }
        base = base_allowed_by(precondition, current.as_ref())?;
    }
}

/// Whether a client can repeat a description that may have been written: only where
/// the precondition stops it if others have described the product since.
fn is_repeatable(precondition: &Precondition) -> bool {
    match precondition {
        Precondition::Absent | Precondition::Versions(_) => true,
        Precondition::None | Precondition::Exists => false,
    }
}

/// What a description replaces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Base {
    /// Nothing: the product is created.
    Absent,
    /// The product at this version of its details, with so many shards.
    Version(i64, u32),
}

impl Base {
    const fn shards(self) -> u32 {
        match self {
            Self::Absent => 1,
            Self::Version(_, shards) => shards,
        }
    }
}

/// The base that the precondition names. It saves the read. That the product has one shard
/// is a guess, and a part of the condition.
fn base_named_by(precondition: &Precondition) -> Option<Base> {
    match precondition {
        Precondition::Absent => Some(Base::Absent),
        Precondition::Versions(versions) => match versions.as_slice() {
            [version] => Some(Base::Version(*version, 1)),
            _ => None,
        },
        Precondition::None | Precondition::Exists => None,
    }
}

/// The base that was read, if the precondition allows it.
fn base_allowed_by(precondition: &Precondition, current: Option<&Product>) -> Result<Base, Error> {
    match (precondition, current) {
        (Precondition::None | Precondition::Absent, None) => Ok(Base::Absent),
        (Precondition::Exists | Precondition::Versions(_), None) => Err(Error::Stale("If-Match")),
        (Precondition::Absent, Some(_)) => Err(Error::Stale("If-None-Match")),
        (_, Some(product)) if precondition.allows(product.details_version) => {
            Ok(Base::Version(product.details_version, product.shards))
        }
        (_, Some(_)) => Err(Error::Stale("If-Match")),
    }
}

/// Whether a product is as requested, one version after the base. Then this is the
/// repeat of a write whose answer was lost, and it is answered as a success. RFC
/// 9110, section 13.1.1 allows this.
fn as_requested(product: &Product, description: &Description, base: Base) -> bool {
    let after = match base {
        Base::Absent => 1,
        Base::Version(version, _) => version + 1,
    };
    product.details_version == after && description.describes(product)
}

fn answer(product: &Product, available: i64) -> Result<Answer, Error> {
    let status = match product.details_version {
        1 => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    let answer = Answer::json(Outcome::Described, status, &product.view(available))?;
    Ok(answer.etag(product.details_version))
}

fn effect(sku: &Sku, description: &Description, base: Base, shards: u32, now: Moment) -> Effect {
    let mut values = Item::from([
        (":name".to_owned(), text(description.name.as_str())),
        (":price".to_owned(), number(description.unit_price)),
        (":currency".to_owned(), text(description.currency.as_str())),
        (
            ":sellable".to_owned(),
            AttributeValue::Bool(description.sellable),
        ),
        (":owner".to_owned(), text(OWNER)),
        (":now".to_owned(), text(now.stored())),
        (":zero".to_owned(), number(0)),
        (":one".to_owned(), number(1)),
    ]);
    let condition = match base {
        Base::Absent => "attribute_not_exists(pk)",
        Base::Version(version, before) => {
            values.insert(":base".to_owned(), number(version));
            if before == 1 {
                "details_version = :base AND attribute_not_exists(shards)"
            } else {
                "details_version = :base"
            }
        }
    };
    if let Some(quantity_max) = description.quantity_max {
        values.insert(":quantity_max".to_owned(), number(quantity_max));
    }
    if shards != 1 {
        values.insert(":shards".to_owned(), number(i64::from(shards)));
        values.insert(":rolling".to_owned(), text(ROLLING));
    }
    let update = match (shards, description.quantity_max) {
        (1, Some(_)) => DESCRIBE_LIMITED,
        (1, None) => DESCRIBE_UNLIMITED,
        (_, Some(_)) => DESCRIBE_ALL_LIMITED,
        (_, None) => DESCRIBE_ALL_UNLIMITED,
    };
    Effect {
        key: stock_key(sku, SHARD),
        update,
        condition: condition.into(),
        names: NAMES,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_count(body: &str) -> usize {
        Description::parse(body.as_bytes()).unwrap_err().len()
    }

    #[test]
    fn a_description_has_a_name_a_price_a_currency_and_whether_it_is_sold() {
        let body = r#"{"name": "Sencha", "unit_price": 0, "currency": "KRW", "sellable": false}"#;
        assert!(Description::parse(body.as_bytes()).is_ok());
        assert_eq!(fault_count("{}"), 4);
        assert_eq!(fault_count(&body.replace("false", "0")), 1);
        assert_eq!(fault_count(&body.replace("0,", "-1,")), 1);
        assert_eq!(fault_count(&body.replace("Sencha", "")), 1);
        assert_eq!(fault_count(&body.replace('}', r#", "available": 5}"#)), 1);
        for bad in ["0", "65", "1.0", "null", "\"2\""] {
            assert_eq!(
                fault_count(&body.replace('}', &format!(r#", "shards": {bad}}}"#))),
                1
            );
        }
    }
}
