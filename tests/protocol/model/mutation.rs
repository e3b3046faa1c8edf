//! The ways in which the protocol could have been built wrong.

/// One deviation from the design.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mutation {
    /// A refusal is sent without being recorded.
    NoRefusalRecord,
    /// When a request gets no answer, a strongly consistent read of the record decides.
    AnswerFromARead,
    /// The stock's reasons are read before the record's.
    StockReasonsFirst,
    /// As above, and the refusal is sent without being recorded.
    StockReasonsFirstUnrecorded,
    /// An existing record is returned as if this request had made it.
    OwnBodyReplayed,
    /// The record is written even if there is one.
    NoRecordCondition,
    /// The refusal is written even if there is a record.
    NoRefusalCondition,
    /// Stock is taken without checking that there is enough.
    NoStockCondition,
    /// Stock is taken without checking that the offer is still the one that was shown.
    NoOfferCondition,
    /// Stock is adjusted without checking that there is enough.
    NoAdjustmentCondition,
    /// A confirmation is written at any version of the order.
    ConfirmAtAnyVersion,
    /// A cancel is written at any version of the order.
    CancelAtAnyVersion,
    /// An expiry is written at any version of the order: it trusts the stale index.
    ExpireAtAnyVersion,
    /// A payment is recorded even if it was used before.
    NoPaymentCondition,
    /// The client request token is the order's key, so another body is sent under the same token.
    TokenOfTheKey,
    /// The stock is given back by a separate write, after the order's.
    ReleaseApart,
    /// An order keeps no allocation, so its release ends it and gives nothing back.
    ReleaseWithoutAllocation,
    /// DynamoDB's time to live deletes orders when their holds end.
    ExpiryByTtl,
    /// A confirmation after the end of the hold, by the handler's clock, is answered "expired".
    ConfirmByTheClock,
    /// An adjustment moves stock and leaves no record.
    AdjustmentWithoutRecord,
    /// A refusal is deleted while writes that were sent before it may still land.
    RefusalDeletedEarly,
    /// A key is claimed first, "in progress", and decided afterwards.
    ClaimFirst,
    /// The Redis lock is trusted: the stock is read, and written without a condition.
    LockForACondition,
    /// Redis remembers a refusal for longer than the table.
    CacheOutlivesTheRefusal,
    /// A confirmation is judged by the order's status first, and by its payment afterwards.
    StatusBeforePayment,
    /// A cancel is written at any version of the order, and without checking that its stock is
    /// still taken.
    CancelUnconditionally,
    /// Stock is given back without checking that it is taken.
    NoTakenCondition,
    /// A fulfilled order can be cancelled.
    CancelAfterShipping,
    /// A fulfilment is written at any version of the order.
    FulfilAtAnyVersion,
    /// A fulfilment moves no stock.
    FulfilWithoutStock,
    /// A return is written at any version of the order.
    ReturnAtAnyVersion,
    /// Returned stock is moved without checking that it was shipped.
    NoShippedCondition,
    /// Both.
    ReturnUnconditionally,
    /// The order's reason is read before the return's own.
    OrderReasonFirst,
    /// A return is written even if there is one under its key.
    NoReturnCondition,
    /// A return moves stock and leaves no record.
    ReturnWithoutRecord,
    /// The refusal of a return is sent without being recorded.
    NoReturnRefusalRecord,
    /// What is written off still counts as received.
    WriteOffWithoutReceived,
}

/// How a model is mutated, if it is.
pub(super) type Mutated = Option<Mutation>;
