//! Owns the model of the order protocol: every path through small worlds.
//!
//! [`protocol`] and [`explore`] are the world, [`handler`] what a handler
//! decides, [`table`] what DynamoDB does, [`property`] what must always hold.
//! [`sound`] explores the protocol as designed; [`caught`] explores it built
//! wrong, in each way of [`mutation`], and keeps the shortest counterexample.
//! [`audit`] and [`describing`] are models of their own, and small.
//!
//! # What stands for what
//!
//! | here | in `functions/orders/src` |
//! |---|---|
//! | [`handler::begin`], `Call::Make` | `once/decide.rs` `decide`; `place.rs` `take`, `adjust.rs` `movement` |
//! | [`handler::hear`], `classify`, `before` | `once/classify.rs` `classify`, `decided_before`; `before` of `place.rs`, `adjust.rs` |
//! | `Call::Refuse` | `once/record.rs` `record`, by way of `once/settle.rs` `settle` |
//! | [`handler::read`], `change` | `change.rs` `change_from`; `decide` of `confirm.rs`, `cancel.rs`, `expire.rs` |
//! | `Call::Confirm`, `Call::Release` | `confirm.rs` `confirmed`; `release.rs` `released` |
//! | `Task::Expire` | `sweeper.rs` `release` |
//! | `Step::TimeOut`, `Step::Busy` | `Failure::Unknown`; `Failure::{Cancelled, Conflict, Throttled}`, `Reason::Conflict` |
//! | `Step::Recall`, `Step::Forget` | `redis/decided.rs` `told`, `outlasts` |
//! | `Step::Lock`, `Step::GoOnWithoutLock` | `redis/locks.rs` `enter` |
//! | `offer` | `sellable`, `currency` and `unit_price` of `TAKE_CONDITION`: three conditions of one kind |
//!
//! # What is modelled
//!
//! - A handler takes a step when it is heard. Between any two it may die: a new
//!   attempt of its client begins, and what it sent stays under way. A 503 and a
//!   lost answer are the same, so they are the same step. Handlers of one key at
//!   the same time are several clients who ask for the same.
//! - A request arrives whenever, or never; once more than it was sent; long
//!   after its handler. A response is not a message: a handler reacts to it by
//!   an answer, which no other step depends on, or by a request, which may be
//!   late as well. So it arrives with its request or not at all.
//! - Tokens are remembered for ten minutes: at each arrival the service may
//!   know the token still or not any more. A token's second use with another
//!   body is a mismatch.
//! - No clock is modelled, because none is believed: a sweeper may find any hold
//!   overdue at any time, as with clocks that differ by anything, and only
//!   [`mutation::Mutation::ConfirmByTheClock`] asks a handler's. The index lags,
//!   so a sweeper may begin with an order that is not pending any more.
//! - A refusal is deleted only when nothing that was sent before it is under
//!   way: 14 days are longer than any request lives, as its signature is valid
//!   for minutes. After that the key is free, and the answers of before bind nobody.
//! - A lock may expire while it is held, and be passed over.
//!
//! Not modelled: `If-Match` (it only refuses), who may do what, several
//! products' order of locks, several shards, lists, and conditions that cannot
//! fail here, such as that a product which an order holds exists.
//!
//! # An answer is always still possible
//!
//! This is no `eventually`: a client may be unlucky for ever, and stateright's
//! `eventually` overlooks cycles. Instead every state that can be reached is
//! asked: if nothing more went wrong and a client asked once more, would it be
//! answered within a few steps? The way there is the witness, so it is at least
//! as strong as "from everywhere an answer can be reached", and the bounds on
//! attempts do not weaken it.
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
//! | confirm, cancel, expire at any version | a hold is confirmed or released, and released once | 6 each |
//! | a release apart from its order | the same | 7 |
//! | a release without its allocation | stock is conserved | 3 |
//! | no condition on the payment | a payment confirms at most one order | 6 |
//! | a confirmation by the clock | what a client was told had expired is never confirmed | 5 |
//! | an adjustment without its record | an adjustment moves stock at most once | 4 |
//! | a claim first, "in progress" | an answer is always still possible | 2 |
//!
//! One mutant survives, and should: the stock's reasons first, if what they say
//! is still recorded before it is told. The record's condition forgives it.

mod audit;
mod caught;
mod describing;
mod explore;
mod handler;
mod mutation;
mod property;
mod protocol;
mod record;
mod sound;
mod story;
mod table;
mod worlds;
