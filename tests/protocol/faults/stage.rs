//! A stage for one test: a shop in virtual time, whose network does what the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use shared::caller::Caller;
use simulator::Sabotage;
use simulator::fault::{Accident, Fate};
use simulator::functions::{Answer, Machine, Run};
use simulator::history::Wish;
use simulator::request::{Operation, Request};
use simulator::shop::{FULL, FULL_SWEEP, Shop, caller};

use super::assert_calls_described;

/// A shop that sells TEA for 100, and CUP for 200.
pub(crate) struct Stage {
    pub(crate) shop: Shop,
    pub(crate) machine: Arc<Machine>,
    script: Arc<Mutex<VecDeque<Fate>>>,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// Runs a test on a stage with this much TEA, then checks every answer and every write.
pub(crate) fn stage(tea: i64, test: impl FnOnce(&Stage)) {
    stage_with(tea, None, test);
}

/// The same, and something tampers with the requests of the functions.
pub(crate) fn stage_with(tea: i64, sabotage: Option<Arc<dyn Sabotage>>, test: impl FnOnce(&Stage)) {
    let shop = Shop::open(1, true, sabotage).unwrap();
    let machine = Arc::new(shop.machine(0).unwrap());
    let stage = Stage {
        shop,
        machine,
        script: Arc::default(),
        seen: Arc::default(),
    };
    for (sku, unit_price, delta) in [("TEA", 100, tea), ("CUP", 200, 10)] {
        let wish = Wish::Describe {
            sku: sku.to_owned(),
            unit_price,
            sellable: true,
            if_match: None,
            shards: None,
        };
        assert_eq!(stage.status(&wish), 201);
        if delta != 0 {
            assert_eq!(stage.status(&Wish::stock("opening", sku, delta)), 201);
        }
    }
    stage.listen();
    test(&stage);
    stage.judge();
}

impl Stage {
    fn listen(&self) {
        let (script, seen) = (Arc::clone(&self.script), Arc::clone(&self.seen));
        self.shop.direct(move |request| {
            seen.lock().unwrap().push(request.clone());
            if !request.operation.writes() {
                return calm();
            }
            script.lock().unwrap().pop_front().unwrap_or_else(calm)
        });
    }

    /// Sets the fates of the next writes, in order.
    pub(crate) fn next(&self, fates: impl IntoIterator<Item = Fate>) {
        self.script.lock().unwrap().extend(fates);
    }

    /// Forgets the fates that were set and did not come about.
    pub(crate) fn next_clear(&self) {
        self.script.lock().unwrap().clear();
    }

    /// The requests that the functions sent since the last call.
    pub(crate) fn seen(&self) -> Vec<Request> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// A client's request, to be awaited together with others.
    pub(crate) fn asking(
        &self,
        who: Caller,
        wish: Wish,
        run: Run,
    ) -> impl Future<Output = Option<Answer>> + Send + use<> {
        let (shop, machine) = (self.shop.clone(), Arc::clone(&self.machine));
        async move { shop.ask(&machine, &who, &wish, run).await }
    }

    /// Asks as a customer.
    pub(crate) fn ask(&self, wish: &Wish) -> Answer {
        self.ask_within(wish, FULL).expect("an answer")
    }

    /// Asks as a customer, in an invocation that may end before it has an answer.
    pub(crate) fn ask_within(&self, wish: &Wish, run: Run) -> Option<Answer> {
        self.shop
            .run(self.asking(ann(), wish.clone(), run))
            .unwrap()
    }

    /// Asks as a customer, and returns the status only.
    pub(crate) fn status(&self, wish: &Wish) -> u16 {
        self.ask(wish).status
    }

    /// Sweeps with a clock that is ahead by this many seconds.
    pub(crate) fn sweep(&self, ahead_seconds: i64) -> Value {
        self.sweep_within(ahead_seconds, FULL_SWEEP)
            .expect("the sweep ends")
    }

    /// Sweeps. Returns `None` if the run ends before the sweep does.
    pub(crate) fn sweep_within(&self, ahead_seconds: i64, run: Run) -> Option<Value> {
        let shop = self.shop.clone();
        let machine = shop.machine(ahead_seconds * 1_000).unwrap();
        let swept = self
            .shop
            .run(async move { shop.sweep(&machine, run).await });
        swept
            .unwrap()
            .map(|swept| swept.expect("the sweep succeeds"))
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: u64) {
        let shop = self.shop.clone();
        self.shop
            .run(async move { shop.sleep(Duration::from_secs(seconds)).await })
            .unwrap();
    }

    /// How much TEA can be ordered.
    pub(crate) fn tea(&self) -> i64 {
        let answer = self.ask(&Wish::ReadProduct {
            sku: "TEA".to_owned(),
        });
        answer.member("available").unwrap().as_i64().unwrap()
    }

    /// Places an order of this much TEA, and confirms it. Returns its id.
    pub(crate) fn paid(&self, quantity: i64) -> String {
        let id = id(&self.ask(&tea("key-1", quantity)));
        assert_eq!(self.status(&confirm(&id, "pay-1")), 200);
        id
    }

    /// Places, confirms and fulfils an order of this much TEA. Returns its id.
    pub(crate) fn shipped(&self, quantity: i64) -> String {
        let id = self.paid(quantity);
        assert_eq!(self.status(&fulfil(&id, "parcel 7")), 200);
        id
    }

    /// How many orders there are.
    pub(crate) fn orders(&self) -> usize {
        self.shop.orders()
    }

    fn judge(&self) {
        self.shop.time.settle().unwrap();
        self.shop.judge();
        let violations = self.shop.journal(|journal| journal.violations.clone());
        self.shop.time.end();
        assert_calls_described(&self.shop.history());
        assert!(
            violations.is_empty(),
            "{}\n{violations:#?}",
            self.shop.trace.text()
        );
    }
}

/// The customer in these tests.
pub(crate) fn ann() -> Caller {
    caller("local", "ann")
}

/// An order of this much TEA.
pub(crate) fn tea(key: &str, quantity: i64) -> Wish {
    Wish::order(key, "TEA", quantity, 100)
}

/// A confirmation at any version.
pub(crate) fn confirm(id: &str, reference: &str) -> Wish {
    Wish::Confirm {
        id: id.to_owned(),
        reference: reference.to_owned(),
        if_match: None,
    }
}

/// A fulfilment at any version.
pub(crate) fn fulfil(id: &str, reference: &str) -> Wish {
    Wish::Fulfil {
        id: id.to_owned(),
        reference: reference.to_owned(),
        if_match: None,
    }
}

/// A return of this much TEA.
pub(crate) fn tea_back(id: &str, key: &str, quantity: i64, restock: bool) -> Wish {
    Wish::goods_back(id, key, &[("TEA", quantity)], restock)
}

/// The id in an answer.
pub(crate) fn id(answer: &Answer) -> String {
    answer.member("id").unwrap().as_str().unwrap().to_owned()
}

/// An invocation that is killed at this wait, counted from 0.
pub(crate) fn killed_at(wait: u32) -> Run {
    Run {
        killed_at_wait: Some(wait),
        ..FULL
    }
}

/// Nothing goes wrong: a millisecond each way.
pub(crate) fn calm() -> Fate {
    let millisecond = Duration::from_millis(1);
    Fate {
        there: millisecond,
        back: millisecond,
        ..Fate::default()
    }
}

/// This accident happens.
pub(crate) fn goes_wrong(accident: Accident) -> Fate {
    Fate {
        accident: Some(accident),
        ..calm()
    }
}

/// The request travels for this many milliseconds.
pub(crate) fn delayed(milliseconds: u64) -> Fate {
    Fate {
        there: Duration::from_millis(milliseconds),
        ..calm()
    }
}

/// The request arrives again after this many seconds.
pub(crate) fn arrives_again(seconds: u64) -> Fate {
    Fate {
        again: Some(Duration::from_secs(seconds)),
        ..calm()
    }
}

/// The operations of those requests that write.
pub(crate) fn writes(seen: &[Request]) -> Vec<Operation> {
    let writes = seen.iter().filter(|request| request.operation.writes());
    writes.map(|request| request.operation).collect()
}
