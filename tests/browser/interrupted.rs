//! Interrupts pages that place an order with `clients/web/surefire.js`, at points that a seed chooses.
//!
//! Whatever happens, there is one order at most for each attempt, and a later page tells its final answer.

use std::collections::BTreeMap;

use local::serve::Options;
use serde_json::{Value, json};

use super::stage::{Stage, stage};
use crate::support::between::Fate;
use crate::support::cases::made_up;
use crate::support::harness::{CUSTOMER, line};

/// The seed of the interruptions. A failure names the attempt, which this seed repeats.
const SEED: u64 = 7;
const INTERRUPTIONS: u32 = 50;
const INTERRUPTIONS_MAX: u32 = 1_000;

/// The points at which a page interrupts itself. Most can be met more than once in an attempt.
const POINTS: [(&str, u64); 15] = [
    ("before the request", 2),
    ("after the request", 2),
    ("before the body", 2),
    ("after the body", 2),
    ("before the lock", 1),
    ("after the lock", 1),
    ("in the database, add", 1),
    ("in the database, put", 1),
    ("in the database, get", 3),
    ("in the database, getAll", 2),
    ("in the database, delete", 1),
    ("before the acknowledgement", 1),
    ("when trying", 2),
    ("when waiting", 1),
    ("when settled", 1),
];

/// Waits until the page has done what it came for, and says what it told so far.
const END: &str = r"
    const [name, done] = arguments;
    const told = () => done({
        told: localStorage.getItem(`told ${name}`), met: localStorage.getItem(`met ${name}`),
    });
    if (window.ended === undefined) done(null);
    else window.ended.then((error) => error ? done({error}) : told());
";

/// Leaves the page while it waits for an answer, and comes back with “back”.
const LEAVE: &str = r"
    const [elsewhere, done] = arguments;
    done(true);
    setTimeout(() => { location.href = elsewhere; });
";

/// Orders, and ends when the first try has failed.
const PLACE: &str = r#"
    const [order, done] = arguments;
    window.shop.addEventListener("waiting", () => done(true), {once: true});
    window.place(order);
"#;

struct Random(u64);

impl Random {
    /// The next number below `most` (SplitMix64).
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }

    fn of<'list, T>(&mut self, list: &'list [T]) -> &'list T {
        let most = u64::try_from(list.len()).unwrap();
        &list[usize::try_from(self.below(most)).unwrap()]
    }
}

/// One attempt, and what happens to it.
struct Attempt<'stage> {
    stage: &'stage Stage<'stage>,
    name: String,
    orders_before: usize,
}

impl Attempt<'_> {
    /// The URL of a page that resumes, and orders if there is an order.
    fn page(&self, account: &str, more: &[(&str, &str)]) -> String {
        let token = self.stage.shop.running.token(account, CUSTOMER).unwrap();
        let mut url = reqwest::Url::parse(&self.stage.allowed.origin).unwrap();
        url.set_path("/attempt");
        url.query_pairs_mut()
            .append_pair("name", &self.name)
            .append_pair("api", &self.stage.api.url)
            .append_pair("account", account)
            .append_pair("bearer", &token)
            .extend_pairs(more);
        url.into()
    }

    fn order(&self) -> String {
        let order =
            json!({"currency": "KRW", "lines": [line("TEA-01", 1)], "reference": self.name});
        order.to_string()
    }

    /// Opens a page, and waits until it or a page that follows it has ended.
    async fn open(&self, url: &str) -> Value {
        self.stage.page.open(url).await;
        self.ended().await
    }

    async fn ended(&self) -> Value {
        loop {
            // While one page follows another, a script is cut off.
            let ended = self.stage.page.try_run(END, json!(self.name)).await;
            if let Ok(ended) = ended
                && !ended.is_null()
            {
                return ended;
            }
        }
    }

    /// Orders, is interrupted, and resumes until there is an outcome. Returns the point that was met.
    async fn run(&self, random: &mut Random) -> String {
        let secure = if random.below(4) == 0 { "no" } else { "yes" };
        let secure = ("secure", secure);
        let next = self.page("demo", &[secure]);
        let order = self.order();
        let with = |more: &[(&str, &str)]| {
            let own = [("order", order.as_str()), ("next", next.as_str()), secure];
            let all = [own.as_slice(), more].concat();
            self.page("demo", &all)
        };
        if random.below(2) == 0 {
            let fates = [Fate::RequestLost, Fate::AnswerLost, Fate::AnswerCut];
            self.stage.next([random.of(&fates).clone()]);
        }
        let kind = random.below(14);
        let met = match kind {
            0 => {
                self.open(&with(&[("storage", "refused")])).await;
                "storage refused"
            }
            1 => {
                self.open(&with(&[("storage", "full")])).await;
                "storage full"
            }
            2 => {
                self.open(&with(&[("token", "expired")])).await;
                "the token expires"
            }
            3 => {
                self.another_login(&with(&[("point", "before the request"), ("nth", "1")]))
                    .await;
                "another login"
            }
            4 => {
                let first = with(&[("keep", "yes")]);
                let second = with(&[("keep", "yes"), ("again", "yes")]);
                self.two_tabs(&first, &second).await;
                "two tabs, one closed"
            }
            5 => {
                self.leave_and_come_back(&with(&[])).await;
                "left, and back"
            }
            6 => {
                self.offline(&next, &order).await;
                "offline, then online"
            }
            _ => {
                let (point, most) = random.of(&POINTS);
                let nth = (1 + random.below(*most)).to_string();
                self.open(&with(&[("point", point), ("nth", &nth)])).await;
                ""
            }
        };
        let mut ended = self.open(&next).await;
        if ended["told"].is_null() {
            // The page was left before the attempt was written down, so nothing was sent. The customer saw nothing,
            // and orders again.
            let orders = self.stage.shop.count_orders().await;
            assert_eq!(orders, self.orders_before, "{}: {ended}", self.name);
            ended = self.open(&with(&[("again", "yes")])).await;
        }
        assert!(
            ended["told"].is_string(),
            "{}: nothing was told: {ended}",
            self.name
        );
        let own = ended["met"].as_str().unwrap_or("no point of the page");
        if met.is_empty() || (kind == 5 && own.starts_with("back")) {
            own.to_owned()
        } else {
            met.to_owned()
        }
    }

    /// Another customer logs in between: this page must send and tell nothing of the attempt.
    async fn another_login(&self, interrupted: &str) {
        let other = self.page("other", &[]);
        let interrupted = interrupted.replace("&next=", "&not-next=");
        let interrupted = format!("{interrupted}&next={}", escaped(&other));
        let ended = self.open(&interrupted).await;
        assert_eq!(ended["told"], Value::Null, "{}: {ended}", self.name);
    }

    /// The same order is clicked in two tabs, neither of which acknowledges it. The first is closed.
    async fn two_tabs(&self, one: &str, other: &str) {
        let page = self.stage.page;
        let tab = page.tab().await;
        page.open(one).await;
        page.new_tab().await;
        self.open(other).await;
        page.close_tab(&tab).await;
    }

    /// The order is clicked without a network, which comes back while the page waits or has given up.
    async fn offline(&self, next: &str, order: &str) {
        let page = self.stage.page;
        self.open(next).await;
        page.be_offline(true).await;
        page.run(PLACE, json!(order)).await;
        page.be_offline(false).await;
        self.ended().await;
    }

    async fn leave_and_come_back(&self, url: &str) {
        self.stage.page.open(url).await;
        let elsewhere = json!(self.stage.foreign.origin);
        let _ = self.stage.page.try_run(LEAVE, elsewhere).await;
        self.stage.page.back().await;
        self.ended().await;
    }
}

fn escaped(text: &str) -> String {
    let pairs = [("next", text)];
    let url = reqwest::Url::parse_with_params("http://x/", pairs).unwrap();
    url.query().unwrap().trim_start_matches("next=").to_owned()
}

#[tokio::test]
async fn slow_an_interrupted_attempt_is_one_order_at_most_and_its_outcome_is_told() {
    let count = made_up(INTERRUPTIONS).cases.min(INTERRUPTIONS_MAX);
    stage(Options::in_memory(), async |stage| {
        stage.shop.stock("TEA-01", i64::from(count)).await;
        let mut random = Random(SEED);
        let mut met: BTreeMap<String, u32> = BTreeMap::new();
        for number in 0..count {
            let orders_before = usize::try_from(number).unwrap();
            let attempt = Attempt {
                stage,
                name: format!("attempt-{number}"),
                orders_before,
            };
            let point = attempt.run(&mut random).await;
            let orders = stage.shop.count_orders().await;
            assert_eq!(orders, orders_before + 1, "{}: {point}", attempt.name);
            *met.entry(point).or_default() += 1;
        }
        println!("seed {SEED}: interrupted {count} attempts, at these points:");
        for (point, times) in &met {
            println!("{times:5} {point}");
        }
        assert!(8 < met.len(), "{met:?}");
        assert_eq!(stage.shop.available("TEA-01").await, 0);
    })
    .await;
}
