//! An order as a client sees it.

use serde::Serialize;

use crate::goods::Goods;
use crate::metadata::Metadata;
use crate::product::Sku;
use crate::status::Status;

/// An order as a client sees it. The order of the members is part of the answer.
#[derive(Debug, Serialize)]
pub(crate) struct OrderView<'order> {
    pub(crate) id: &'order str,
    pub(crate) status: Status,
    pub(crate) currency: &'order str,
    pub(crate) total: i64,
    pub(crate) version: i64,
    pub(crate) lines: Vec<LineView>,
    pub(crate) created_at: String,
    pub(crate) hold_expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<&'order str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub(crate) metadata: &'order Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confirmed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_reference: Option<&'order str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cancelled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expired_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fulfilled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fulfilment_reference: Option<&'order str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) returned: &'order [Goods],
}

/// A line of an order as a client sees it.
#[derive(Debug, Serialize)]
pub(crate) struct LineView {
    pub(crate) sku: Sku,
    pub(crate) quantity: i64,
    pub(crate) unit_price: i64,
}
