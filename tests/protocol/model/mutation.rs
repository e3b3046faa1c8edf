//! Owns the ways in which the protocol could have been built wrong.

/// One thing that is done otherwise than designed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mutation {
    /// A refusal is told without being recorded.
    NoRefusalRecord,
    /// When a request gets no answer, a strong read of the record decides.
    AnswerFromARead,
    /// The stock's reasons are read before the record's.
    StockReasonsFirst,
    /// As above, and what they say is told without being recorded.
    StockReasonsFirstUnrecorded,
    /// A record of before is told as if this request had made it.
    OwnBodyReplayed,
    /// The record is put whether or not there is one.
    NoRecordCondition,
    /// The refusal is put whether or not there is a record.
    NoRefusalCondition,
    /// Stock is taken without looking whether there is enough.
    NoStockCondition,
    /// Stock is taken without looking whether it is still offered as shown.
    NoOfferCondition,
    /// Stock is adjusted without looking whether there is enough.
    NoAdjustmentCondition,
    /// A confirmation is written at whatever version there is.
    ConfirmAtAnyVersion,
    /// A cancellation is written at whatever version there is.
    CancelAtAnyVersion,
    /// An expiry is written at whatever version there is: the stale index is believed.
    ExpireAtAnyVersion,
    /// A payment is recorded whether or not it was used before.
    NoPaymentCondition,
    /// The client request token is the order's key, so another body goes out under it.
    TokenOfTheKey,
    /// The stock is given back by a write of its own, after the order's.
    ReleaseApart,
    /// An order keeps no allocation, so its release ends it and gives nothing back.
    ReleaseWithoutAllocation,
    /// DynamoDB's time-to-live ends holds.
    ExpiryByTtl,
    /// A confirmation after the end of the hold, by the handler's clock, is told "expired".
    ConfirmByTheClock,
    /// An adjustment moves stock and leaves no record.
    AdjustmentWithoutRecord,
    /// A refusal is deleted while writes that were sent before it may still land.
    RefusalDeletedEarly,
    /// A key is claimed first, "in progress", and decided afterwards.
    ClaimFirst,
    /// The Redis lock is trusted: no condition on the stock, which is read instead.
    LockForACondition,
    /// Redis remembers a refusal for longer than the table.
    CacheOutlivesTheRefusal,
}

/// Whether a model is mutated in a certain way.
pub(super) type Mutated = Option<Mutation>;
