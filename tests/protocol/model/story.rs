//! Writes a path in words: one line per step, and how it ends.

use std::fmt;

use stateright::Path;

use super::handler::{Answer, Task};
use super::protocol::{Protocol, Step};
use super::record::{Intent, Lines, Record, SKUS, Standing};
use super::request::{Call, Request};
use super::state::State;

/// A path through a world.
pub(super) struct Story<'path> {
    pub(super) world: &'path Protocol,
    pub(super) path: &'path Path<State, Step>,
}

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, client) in self.world.clients.iter().enumerate() {
            writeln!(f, "      client {number} {}", client.task)?;
        }
        let steps = self.path.clone().into_actions();
        for (number, step) in steps.iter().enumerate() {
            writeln!(f, "{:>3}.  {step}", number + 1)?;
        }
        write!(f, "{}", self.path.last_state())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin { client } => write!(f, "client {client} asks"),
            Self::Read { client, overdue } => {
                let clock = if *overdue {
                    ", with the hold over by its clock"
                } else {
                    ""
                };
                write!(f, "client {client}'s handler reads{clock}")
            }
            Self::Arrive {
                request,
                heard,
                again,
                recognised,
            } => {
                write!(f, "{request} arrives")?;
                f.write_str(if *heard { ", heard" } else { ", unheard" })?;
                f.write_str(if *again { ", and will once more" } else { "" })?;
                f.write_str(if *recognised {
                    ""
                } else {
                    ", its token forgotten"
                })
            }
            Self::TimeOut { client } => {
                write!(
                    f,
                    "client {client}'s handler sends it again: no answer in time"
                )
            }
            Self::Busy { client } => {
                write!(
                    f,
                    "client {client}'s handler sends it under a new token: a conflict"
                )
            }
            Self::Delete { key } => write!(f, "time to live deletes the record of key {key}"),
            Self::Reprice { sku } => write!(f, "the offer of product {sku} changes"),
            Self::Lock { client } => write!(f, "client {client}'s handler gets the lock"),
            Self::GoOnWithoutLock { client } => {
                write!(f, "client {client}'s handler goes on without the lock")
            }
            Self::LockExpires { sku } => write!(f, "the lock of product {sku} expires"),
            Self::Recall { client } => write!(f, "client {client} is answered from Redis"),
            Self::Forget { key } => write!(f, "Redis forgets key {key}"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "client {}'s request (token {}) to {}",
            self.client, self.token, self.call
        )
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make { intent, by } => write!(f, "make {intent} as #{by}"),
            Self::Refuse { intent, by } => write!(f, "refuse {intent} as #{by}"),
            Self::Claim { intent, by } => write!(f, "claim {intent} as #{by}"),
            Self::Confirm {
                key,
                version,
                payment,
            } => write!(
                f,
                "confirm order {key} at version {version} by payment {payment}"
            ),
            Self::Release { key, version, to } | Self::Close { key, version, to } => {
                write!(f, "make order {key} {to:?} at version {version}")
            }
            Self::Fulfil {
                key,
                version,
                parcel,
            } => write!(
                f,
                "fulfil order {key} at version {version} in parcel {parcel}"
            ),
            Self::Return {
                intent,
                by,
                version,
            } => write!(f, "make {intent} at version {version} as #{by}"),
            Self::GiveBack { key } => write!(f, "give back the stock of order {key}"),
        }
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order { key, lines, offer } => {
                write!(f, "order {key} of {} at offer {offer}", in_words(*lines))
            }
            Self::Adjustment { key, sku, delta } => {
                write!(f, "adjustment {key} of product {sku} by {delta:+}")
            }
            Self::Return {
                key,
                order,
                lines,
                restock,
            } => {
                let lines = in_words(*lines);
                let end = if *restock { "sell again" } else { "write off" };
                write!(f, "return {key} from order {order} of {lines} to {end}")
            }
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make(intent) => write!(f, "asks for {intent}"),
            Self::Confirm { key, payment } => {
                write!(f, "confirms order {key} by payment {payment}")
            }
            Self::Cancel { key } => write!(f, "cancels order {key}"),
            Self::Fulfil { key, parcel } => write!(f, "fulfils order {key} in parcel {parcel}"),
            Self::Expire { key } => write!(f, "is the sweeper and expires order {key}"),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        let records = table.orders.iter().chain(&table.ledger);
        for record in records.chain(&table.returns).flatten() {
            writeln!(f, "      the table has {record}")?;
        }
        for (sku, stock) in self.table.stock.iter().enumerate() {
            let (available, taken) = (stock.available, stock.taken);
            let (shipped, received) = (stock.shipped, stock.received);
            writeln!(
                f,
                "      product {sku}: {available} available, {taken} taken, {shipped} shipped, \
                 {received} received"
            )?;
        }
        for (client, actor) in self.actors.iter().enumerate() {
            for answer in &actor.answers {
                writeln!(f, "      client {client} got: {answer}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = match self.standing {
            Standing::Claimed => "in progress",
            Standing::Refused => "refused",
            Standing::Adjusted => "made",
            Standing::Pending => "pending",
            Standing::Returned => "made",
            Standing::Confirmed => "confirmed",
            Standing::Fulfilled => "fulfilled",
            Standing::Cancelled => "cancelled",
            Standing::Expired => "expired",
        };
        write!(
            f,
            "{}: {standing}, by #{}, version {}",
            self.intent, self.by, self.version
        )
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made(by) => write!(f, "yes, by #{by}"),
            Self::Refused(by) => write!(f, "no, by #{by}"),
            Self::KeyReused => f.write_str("the key was used for another request"),
            Self::Confirmed => f.write_str("confirmed"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Fulfilled => f.write_str("fulfilled"),
            Self::AlreadyFulfilled => f.write_str("fulfilled in another parcel"),
            Self::NotConfirmed => f.write_str("the order is not confirmed"),
            Self::OrderFulfilled => f.write_str("the order is fulfilled"),
            Self::AlreadyConfirmed => f.write_str("confirmed by another payment"),
            Self::OrderCancelled => f.write_str("the order is cancelled"),
            Self::Expired => f.write_str("the hold has expired"),
            Self::PaymentUsed => f.write_str("the payment confirmed another order"),
            Self::NotFound => f.write_str("there is no such order"),
        }
    }
}

/// `1 of product 0 and 2 of product 1`.
fn in_words(lines: Lines) -> String {
    let words: Vec<_> = (0..SKUS)
        .filter(|sku| lines[*sku] != 0)
        .map(|sku| format!("{} of product {sku}", lines[sku]))
        .collect();
    words.join(" and ")
}

#[test]
fn a_story_lists_the_clients_then_each_step_then_the_end() {
    use super::worlds;
    use stateright::Model as _;

    let world = worlds::two_handlers();
    let Task::Make(intent) = world.task(0) else {
        panic!("client 0 wants something else");
    };
    let request = Request {
        client: 0,
        token: 1,
        call: Call::Make { intent, by: 1 },
    };
    let arrives = |heard, again| Step::Arrive {
        request,
        heard,
        again,
        recognised: true,
    };
    let begins = Step::Begin { client: 0 };
    let steps = [begins, arrives(false, true), arrives(true, false)];
    let start = world.init_states().remove(0);
    let path = &Path::from_actions(&world, start, &steps).unwrap();
    let world = &world;
    assert_eq!(
        Story { world, path }.to_string(),
        "      client 0 asks for order 0 of 1 of product 0 at offer 0
      client 1 asks for order 0 of 1 of product 0 at offer 0
  1.  client 0 asks
  2.  client 0's request (token 1) to make order 0 of 1 of product 0 at offer 0 as #1 arrives, \
         unheard, and will once more
  3.  client 0's request (token 1) to make order 0 of 1 of product 0 at offer 0 as #1 arrives, \
         heard
      the table has order 0 of 1 of product 0 at offer 0: pending, by #1, version 1
      product 0: 0 available, 1 taken, 0 shipped, 1 received
      product 1: 0 available, 0 taken, 0 shipped, 0 received
      client 0 got: yes, by #1
"
    );
}
