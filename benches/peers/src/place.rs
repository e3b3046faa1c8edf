//! The surroundings of one part of the measurement: a fresh database, and the way to it.

use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use database::Embedded;
use template::{SHIPPED, Template};
use tokio::sync::watch;

use crate::Fallible;
use crate::meter::Meter;
use crate::tls::{self, Terminator};
use crate::wire::Wire;

/// The peers' own table, beside the shop's.
pub(crate) const IDEMPOTENCY: &str = "idempotency";

/// The product that is ordered, with enough stock for every order of a run.
const STOCK: i64 = 1_000_000_000;

/// A fresh database and the way to it.
#[derive(Debug)]
pub(crate) struct Place {
    /// The URL that functions get.
    pub(crate) url: String,
    /// The shop's table.
    pub(crate) table: String,
    /// A client that reaches the database directly.
    pub(crate) client: Client,
    /// What crosses the way.
    pub(crate) wire: Wire,
    /// What is requested, if this place counts it.
    pub(crate) meter: Option<Meter>,
    /// The certificate that functions must trust, if the way is TLS.
    pub(crate) certificate: Option<std::path::PathBuf>,
    /// The database stops when this is dropped.
    _stop: watch::Sender<bool>,
}

struct Database {
    address: String,
    client: Client,
    table: String,
    stop: watch::Sender<bool>,
}

impl Place {
    /// Without TLS. Each database call takes `added` longer.
    pub(crate) async fn plain(added: Duration) -> Fallible<Self> {
        let database = database().await?;
        let wire = Wire::start(database.address.clone(), added).await?;
        // Where nothing is added, nothing is between the function and the database.
        let address = if added.is_zero() {
            database.address
        } else {
            wire.address.clone()
        };
        Ok(Self {
            url: format!("http://{address}"),
            table: database.table,
            client: database.client,
            wire,
            meter: None,
            certificate: None,
            _stop: database.stop,
        })
    }

    /// With TLS, and a round trip to the database of this length.
    pub(crate) async fn tls(round_trip: Duration) -> Fallible<Self> {
        let database = database().await?;
        let terminator = Terminator::start(database.address).await?;
        let wire = Wire::start(terminator.address, round_trip).await?;
        Ok(Self {
            url: format!("https://{}", wire.address),
            table: database.table,
            client: database.client,
            wire,
            meter: None,
            certificate: Some(tls::certificate_file()),
            _stop: database.stop,
        })
    }

    /// With a meter before the database.
    pub(crate) async fn metered() -> Fallible<Self> {
        let database = database().await?;
        let meter = Meter::start(&database.address).await?;
        let wire = Wire::start(meter.address.clone(), Duration::ZERO).await?;
        Ok(Self {
            url: format!("http://{}", wire.address),
            table: database.table,
            client: database.client,
            wire,
            meter: Some(meter),
            certificate: None,
            _stop: database.stop,
        })
    }
}

/// A database in memory with the template's tables, the peers' table, and one product.
async fn database() -> Fallible<Database> {
    let (stop, stopped) = watch::channel(false);
    let embedded = Embedded::start(None::<&Path>, stopped).await?;
    let template = Template::read(SHIPPED, [])?;
    let client = database::client(&embedded.url, &template.place);
    database::prepare(&client, &embedded.url, &template.tables).await?;
    let orders = template.function(template::Kind::Orders);
    let table = orders.and_then(|(_, spec)| spec.environment.get("TABLE_NAME"));
    let table = table.ok_or("template.yaml names no table for the orders function")?;
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash)
        .build()?;
    let attribute = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S)
        .build()?;
    client
        .create_table()
        .table_name(IDEMPOTENCY)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key)
        .attribute_definitions(attribute)
        .send()
        .await?;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: i64| AttributeValue::N(number.to_string());
    client
        .put_item()
        .table_name(table)
        .item("pk", text("SKU#TEA-01"))
        .item("sk", text("STOCK#0"))
        .item("owner", text("products"))
        .item("created_at", text("2026-11-22T04:05:06.789Z"))
        .item("name", text("Sencha, 100 g"))
        .item("currency", text("KRW"))
        .item("unit_price", number(19_900))
        .item("sellable", AttributeValue::Bool(true))
        .item("available", number(STOCK))
        .item("received", number(STOCK))
        .item("taken", number(0))
        .item("shipped", number(0))
        .item("version", number(1))
        .item("details_version", number(1))
        .send()
        .await?;
    let address = embedded.url.trim_start_matches("http://").to_owned();
    Ok(Database {
        address,
        client,
        table: table.clone(),
        stop,
    })
}
