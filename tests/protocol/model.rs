//! A model of the order protocol. A model checker explores every path through small worlds.
//!
//! [`protocol`], [`state`] and [`explore`] are the world. [`handler`] is what a handler decides, and
//! [`request`] what it sends. [`items`] is what the table holds. [`table`] and [`shipping`] are what
//! DynamoDB does. [`property`] is what must always hold. [`sound`] explores the protocol as
//! designed. [`caught`] explores it built wrong, in each way of [`mutation`], and keeps the shortest
//! counterexample. [`audit`] and [`describing`] are separate, small models.
//!
//! # What stands for what
//!
//! | here | in `once/src` and `functions/orders/src` |
//! |---|---|
//! | [`handler::begin`], `Call::Make` | `decide.rs` `decide`; `place.rs` `take`, `adjust.rs` `movement` |
//! | [`handler::hear`], `classify`, `before` | `classify.rs` `classify`, `decided_before`; `orders/src/record.rs` `replay` |
//! | `Call::Refuse` | `once/src/record.rs` `record`, by way of `settle.rs` `settle` |
//! | [`handler::read`], `change` | `change.rs` `change_from`; `decide` of `confirm.rs`, `cancel.rs`, `expire.rs`, `fulfil.rs` |
//! | `take_back` of [`handler`], `Record::can_return` | `returns.rs`: the judgement of the order as it is now |
//! | `Call::Confirm`, `Call::Release` | `confirm.rs` `confirmed`; `release.rs` `released` |
//! | `Call::Fulfil`, `Call::Return` | the transactions of `fulfil.rs` and `returns.rs` |
//! | `can_give_back`; `effect` in [`shipping`] | `taken >= :q` of a release and a fulfilment; `shipped >= :q` of a return |
//! | `Failed` without record and order: `Next::Stop` | 500: only the stock failed, which is a defect |
//! | `Task::Expire` | `sweeper.rs` `release` |
//! | `Step::TimeOut`, `Step::Busy` | `Failure::Unknown`; `Failure::Busy`, `Transacted::Busy`, `Reason::Conflict` |
//! | `Step::Recall`, `Step::Forget` | `turns.rs` `known`; `turns/decided.rs` `outlasts` |
//! | `Step::Lock`, `Step::GoOnWithoutLock` | `turns/locks.rs` `enter` |
//! | `offer` | `sellable`, `currency` and `unit_price` of `TAKE_CONDITION`: three conditions of one kind |
//!
//! # What is modelled
//!
//! - A handler takes a step when it gets a response. Between any two steps it may die: its client
//!   begins a new attempt, and what the handler sent stays under way. A 503 and a lost answer are
//!   the same to a client, so they are the same step. Several handlers of one key at the same time
//!   are several clients that ask for the same thing.
//! - A request arrives at any time, or never. It may arrive once more than it was sent, and long
//!   after its handler has ended. A response is not a message of its own. A handler reacts to it
//!   with an answer, on which no other step depends, or with a request, which may be late as well.
//!   So a response arrives together with its request, or not at all.
//! - Tokens are remembered for ten minutes: at each arrival, the service may or may not still know
//!   the token. The second use of a token with another body is a mismatch.
//! - There is no clock, because the protocol trusts none. A sweeper may find any hold overdue at
//!   any time, as if clocks differed by any amount. Only [`mutation::Mutation::ConfirmByTheClock`]
//!   reads a handler's clock. The index lags, so a sweeper may begin with an order that is no
//!   longer pending.
//! - A refusal is deleted only when no request from before it is under way: 14 days are longer than
//!   any request lives, because its signature is valid for minutes. After that the key is free, and
//!   earlier answers no longer count.
//! - A lock may expire while it is held, and a handler may go on without it.
//!
//! Not modelled: `If-Match` (it only refuses), permissions, the order of the locks of several
//! products, several shards, lists, the limit on the number of returns (a refusal like the others),
//! and conditions that cannot fail here, for example that the product of an order exists.
//!
//! # An answer is always still possible
//!
//! This is not stateright's `eventually`: a client may be unlucky for ever, and `eventually`
//! overlooks cycles. Instead, the property asks in every state that can be reached: if nothing more
//! went wrong and a client asked once more, would it get an answer within a few steps? The path to
//! that answer is the witness. So the property is at least as strong as "from everywhere an answer
//! can be reached", and the bounds on attempts do not weaken it.
//!
//! # Mutants
//!
//! | mutant | violates | in steps |
//! |---|---|---|
//! | a refusal without its record | every definitive answer agrees with the table | 5 |
//! | an answer from a read | the same | 3 |
//! | the stock's reasons first, unrecorded | the same | 4 |
//! | the token of the key, reused for a changed body | the same | 4 |
//! | a refusal deleted early | the same | 7 |
//! | Redis remembers a refusal for longer than the table | the same | 11 |
//! | a replay with the repeat's own body | all definitive answers for a key are the same | 4 |
//! | no condition on the record | a key makes at most one order | 3 |
//! | expiry by time-to-live | a key makes at most one order; stock is conserved | 5; 3 |
//! | no condition on the refusal | stock is conserved | 6 |
//! | no condition on the stock | stock is never negative | 4 |
//! | no condition on the adjusted stock | the same | 2 |
//! | the lock instead of the condition | the same | 9 |
//! | no condition on the offer | an order is placed at the offer that its customer saw | 3 |
//! | a confirmation, cancel or expiry at any version | a hold is confirmed or released, and released once | 6 each |
//! | a release apart from its order | the same | 7 |
//! | a release without its allocation | stock is conserved | 3 |
//! | no condition on the payment | a payment confirms at most one order | 6 |
//! | a cancel at any version, and no other order holds such stock | the stock alone never stops a change of an order | 6 |
//! | a cancel at any version, without the condition on `taken` | a hold is confirmed or released, and released once | 6 |
//! | the same | stock is never negative | 6 |
//! | the order's status judged before its payment | every definitive answer agrees with the table | 8 |
//! | a confirmation by the clock | an order that a client saw as expired is never confirmed | 5 |
//! | an adjustment without its record | an adjustment moves stock at most once | 4 |
//! | the key is claimed first, "in progress" | an answer is always still possible | 2 |
//! | a cancel after shipping | a fulfilled order never gives back what it took | 6 |
//! | the same, and no other order holds such stock | the stock alone never stops a change of an order | 6 |
//! | a cancel at any version of a fulfilled order | a fulfilled order never gives back what it took | 6 |
//! | a fulfilment at any version | an order ships at most once | 6 |
//! | the same | a fulfilled order never gives back what it took | 6 |
//! | a fulfilment that forgets the stock | stock is conserved | 3 |
//! | the same | the stock alone never stops a change of an order | 6 |
//! | a return at any version | no more is returned than was shipped | 6 |
//! | the same, and no other order was shipped | the stock alone never stops a change of an order | 6 |
//! | a return at any version, without the condition on `shipped` | no more is returned than was shipped | 6 |
//! | the same | stock is never negative | 6 |
//! | no condition on the return's record | a return moves stock at most once | 6 |
//! | a return without its record | the same; stock is conserved | 6; 3 |
//! | a refusal of a return without its record | every definitive answer agrees with the table | 8 |
//! | the same | all definitive answers for a key are the same | 5 |
//! | no condition on the refusal of a return | every definitive answer agrees with the table | 6 |
//! | a write-off that still counts as received | stock is conserved | 3 |
//!
//! The conditions `taken >= :q` and `shipped >= :q` see a second release or return of an order only
//! if no other order's units cover it. So they are a second guard, and the version condition is the
//! first.
//!
//! Four mutants survive, as they should:
//!
//! - The stock's reasons are read first, but the refusal is still recorded before it is sent. The
//!   condition on the record makes that harmless.
//! - The reason of a return's order is read before the return's own. The next write meets the
//!   record.
//! - `taken >= :q` alone is missing, or `shipped >= :q` alone. The version condition still makes a
//!   change happen once, so neither can fail.

mod audit;
mod caught;
mod describing;
mod explore;
mod handler;
mod items;
mod mutation;
mod property;
mod protocol;
mod record;
mod request;
mod shipping;
mod sound;
mod state;
mod story;
mod table;
mod worlds;
