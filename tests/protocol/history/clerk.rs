//! A shop with one clerk: what answers must look like.

use std::collections::BTreeMap;

use stateright::semantics::SequentialSpec;

/// What a client asks of the clerk.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    Place {
        key: String,
        quantity: i64,
    },
    Adjust {
        key: String,
        delta: i64,
    },
    Confirm {
        key: String,
        reference: String,
    },
    Fulfil {
        key: String,
        parcel: String,
    },
    Return {
        order: String,
        key: String,
        quantity: i64,
        restock: bool,
    },
    Cancel {
        key: String,
    },
    Count,
}

/// What the clerk answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    Placed,
    OutOfStock { available: i64 },
    KeyReused,
    Adjusted,
    BelowZero,
    Confirmed,
    Fulfilled,
    Returned,
    Cancelled,
    NotFound,
    CancelledUnpaid,
    AlreadyConfirmed,
    OrderCancelled,
    NotConfirmed,
    AlreadyFulfilled,
    OrderFulfilled,
    NotFulfilled,
    ExceedsShipped,
    Available(i64),
}

/// A shop with one product and one clerk, who serves one request at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Clerk {
    available: i64,
    orders: BTreeMap<String, (i64, Decided)>,
    adjustments: BTreeMap<String, (i64, Reply)>,
    /// By order and key: what was asked, and the first answer.
    returns: BTreeMap<(String, String), ((i64, bool), Reply)>,
}

#[derive(Clone, Debug)]
enum Decided {
    Refused {
        available: i64,
    },
    Pending,
    Confirmed {
        payment: String,
    },
    Fulfilled {
        payment: String,
        parcel: String,
        /// How many did not come back.
        out: i64,
    },
    Cancelled {
        payment: Option<String>,
    },
}

impl Decided {
    /// The payment that confirmed the order.
    fn payment(&self) -> Option<&String> {
        match self {
            Self::Refused { .. } | Self::Pending => None,
            Self::Confirmed { payment } | Self::Fulfilled { payment, .. } => Some(payment),
            Self::Cancelled { payment } => payment.as_ref(),
        }
    }
}

impl SequentialSpec for Clerk {
    type Op = Asked;
    type Ret = Reply;

    fn invoke(&mut self, asked: &Asked) -> Reply {
        match asked {
            Asked::Place { key, quantity } => self.place(key, *quantity),
            Asked::Adjust { key, delta } => self.adjust(key, *delta),
            Asked::Confirm { key, reference } => self.confirm(key, reference),
            Asked::Fulfil { key, parcel } => self.fulfil(key, parcel),
            Asked::Return {
                order,
                key,
                quantity,
                restock,
            } => self.take_back(order, key, (*quantity, *restock)),
            Asked::Cancel { key } => self.cancel(key),
            Asked::Count => Reply::Available(self.available),
        }
    }
}

impl Clerk {
    /// A shop with this much stock.
    pub(super) fn with_stock(available: i64) -> Self {
        Self {
            available,
            ..Self::default()
        }
    }

    fn place(&mut self, key: &str, quantity: i64) -> Reply {
        if let Some((asked, decided)) = self.orders.get(key) {
            return match decided {
                _ if *asked != quantity => Reply::KeyReused,
                Decided::Refused { available } => Reply::OutOfStock {
                    available: *available,
                },
                Decided::Pending
                | Decided::Confirmed { .. }
                | Decided::Fulfilled { .. }
                | Decided::Cancelled { .. } => Reply::Placed,
            };
        }
        let available = self.available;
        let (decided, reply) = if available < quantity {
            (
                Decided::Refused { available },
                Reply::OutOfStock { available },
            )
        } else {
            self.available -= quantity;
            (Decided::Pending, Reply::Placed)
        };
        self.orders.insert(key.to_owned(), (quantity, decided));
        reply
    }

    fn adjust(&mut self, key: &str, delta: i64) -> Reply {
        if let Some((asked, reply)) = self.adjustments.get(key) {
            return if *asked == delta {
                reply.clone()
            } else {
                Reply::KeyReused
            };
        }
        let reply = if self.available + delta < 0 {
            Reply::BelowZero
        } else {
            self.available += delta;
            Reply::Adjusted
        };
        self.adjustments
            .insert(key.to_owned(), (delta, reply.clone()));
        reply
    }

    fn confirm(&mut self, key: &str, reference: &str) -> Reply {
        let Some((_, decided)) = placed(&mut self.orders, key) else {
            return Reply::NotFound;
        };
        match (decided.payment(), &decided) {
            (Some(payment), _) if payment == reference => Reply::Confirmed,
            (Some(_), _) => Reply::AlreadyConfirmed,
            (None, Decided::Cancelled { .. }) => Reply::CancelledUnpaid,
            (None, _) => {
                let payment = reference.to_owned();
                *decided = Decided::Confirmed { payment };
                Reply::Confirmed
            }
        }
    }

    fn fulfil(&mut self, key: &str, reference: &str) -> Reply {
        let Some((quantity, decided)) = placed(&mut self.orders, key) else {
            return Reply::NotFound;
        };
        match decided {
            Decided::Fulfilled { parcel, .. } if parcel == reference => Reply::Fulfilled,
            Decided::Fulfilled { .. } => Reply::AlreadyFulfilled,
            Decided::Cancelled { .. } => Reply::OrderCancelled,
            Decided::Refused { .. } | Decided::Pending => Reply::NotConfirmed,
            Decided::Confirmed { payment } => {
                *decided = Decided::Fulfilled {
                    payment: payment.clone(),
                    parcel: reference.to_owned(),
                    out: *quantity,
                };
                Reply::Fulfilled
            }
        }
    }

    fn take_back(&mut self, order: &str, key: &str, asked: (i64, bool)) -> Reply {
        let Some((_, decided)) = placed(&mut self.orders, order) else {
            return Reply::NotFound;
        };
        let out = match decided {
            Decided::Fulfilled { out, .. } => Some(out),
            _ => None,
        };
        let name = (order.to_owned(), key.to_owned());
        if let Some((first, reply)) = self.returns.get(&name) {
            return if *first == asked {
                reply.clone()
            } else {
                Reply::KeyReused
            };
        }
        let (quantity, restock) = asked;
        let reply = match out {
            None => Reply::NotFulfilled,
            Some(out) if *out < quantity => Reply::ExceedsShipped,
            Some(out) => {
                *out -= quantity;
                self.available += if restock { quantity } else { 0 };
                Reply::Returned
            }
        };
        self.returns.insert(name, (asked, reply.clone()));
        reply
    }

    fn cancel(&mut self, key: &str) -> Reply {
        let Some((quantity, decided)) = placed(&mut self.orders, key) else {
            return Reply::NotFound;
        };
        match decided {
            Decided::Cancelled { .. } => Reply::Cancelled,
            Decided::Fulfilled { .. } => Reply::OrderFulfilled,
            Decided::Refused { .. } | Decided::Pending | Decided::Confirmed { .. } => {
                let payment = decided.payment().cloned();
                *decided = Decided::Cancelled { payment };
                let quantity = *quantity;
                self.available += quantity;
                Reply::Cancelled
            }
        }
    }
}

/// The order under a key, unless there is none.
fn placed<'orders>(
    orders: &'orders mut BTreeMap<String, (i64, Decided)>,
    key: &str,
) -> Option<&'orders mut (i64, Decided)> {
    let order = orders.get_mut(key);
    order.filter(|(_, decided)| !matches!(decided, Decided::Refused { .. }))
}
