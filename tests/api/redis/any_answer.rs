//! Owns arbitrary answers of a Redis: whatever it says, orders are answered as without it.

use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use local::serve::Options;
use orders::turns::{Exchange, Fault, Question, Reply};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use shared::secret::Secret;
use simulator::functions::Answer;
use simulator::history::Wish;
use simulator::shop::{FULL, Shop, caller};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::meter::Meter;
use crate::support::harness::made_up;

/// How many answers are made up, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 400;

/// A world in which everything was decided once, and what Redis was told of it.
struct Decided {
    shop: Shop,
    /// What was asked, and answered.
    first: Vec<(Wish, Answer)>,
    /// The entries that Redis was to remember, in the same order.
    entries: Vec<String>,
}

impl Decided {
    fn new() -> Self {
        let shop = Shop::open(1, false, None).unwrap();
        let told = Arc::<Mutex<Vec<String>>>::default();
        let remembered = Arc::clone(&told);
        let listens: Exchange = Arc::new(move |question| {
            let reply = match question {
                Question::Enter { .. } => Reply::Turn,
                Question::Leave { entry, .. } => {
                    remembered.lock().unwrap().extend(entry);
                    Reply::Left
                }
            };
            futures::future::ready(Ok(reply)).boxed()
        });
        let describe = Wish::Describe {
            sku: "TEA".to_owned(),
            unit_price: 100,
            sellable: true,
            if_match: None,
        };
        ask(&shop, &listens, &describe);
        let wishes = [
            Wish::stock("opening", "TEA", 5),
            Wish::stock("shrink", "TEA", -9),
            Wish::order("placed", "TEA", 2, 100),
            Wish::order("refused", "TEA", 9, 100),
            Wish::order("unknown", "NONE", 1, 100),
            // The same requests as above, under keys of their own.
            Wish::order("placed-too", "TEA", 2, 100),
            Wish::order("refused-too", "TEA", 9, 100),
        ];
        let first = wishes.map(|wish| (wish.clone(), ask(&shop, &listens, &wish)));
        assert_eq!(
            first.each_ref().map(|(_, answer)| answer.status),
            [201, 409, 201, 409, 422, 201, 409]
        );
        let entries = told.lock().unwrap().clone();
        assert_eq!(entries.len(), first.len());
        Self {
            shop,
            first: first.into(),
            entries,
        }
    }
}

/// Asks a machine of its own, whose Redis answers like this.
fn ask(shop: &Shop, exchange: &Exchange, wish: &Wish) -> Answer {
    let machine = shop.machine(0).unwrap();
    let machine = machine.with_answers(Arc::clone(exchange)).unwrap();
    let (asking, wish) = (shop.clone(), wish.clone());
    let asked = async move {
        asking
            .ask(&machine, &caller("local", "ann"), &wish, FULL)
            .await
    };
    shop.run(asked).unwrap().unwrap()
}

/// An answer that no script of ours gives to that question, or that is of no use.
fn useless() -> impl Strategy<Value = Result<Reply, Fault>> {
    prop_oneof![
        Just(Ok(Reply::Turn)),
        Just(Ok(Reply::Busy)),
        Just(Ok(Reply::Left)),
        Just(Err(Fault::NoAnswer)),
        "\\PC{0,20}".prop_map(|text| Err(Fault::Broken(text))),
        "\\PC{0,20}".prop_map(|text| Err(Fault::Refused(text))),
        "(?s).{0,200}".prop_map(|text| Ok(Reply::Decided(text))),
        json().prop_map(|record| Ok(Reply::Decided(format!(
            "{{\"version\":1,\"record\":{record}}}"
        )))),
        (1_usize..3_000).prop_map(|depth| {
            let nested = "[".repeat(depth) + &"]".repeat(depth);
            Ok(Reply::Decided(format!(
                "{{\"version\":1,\"record\":{nested}}}"
            )))
        }),
    ]
}

/// JSON with the names that records have.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("\"rejected\"".to_owned()),
        Just("\"ORDER\"".to_owned()),
        any::<f64>().prop_map(|number| serde_json::json!(number).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "\"[a-zA-Z0-9 #]{0,30}\"",
    ];
    let name = prop_oneof![
        Just("pk"),
        Just("sk"),
        Just("status"),
        Just("fingerprint"),
        Just("fingerprint_version"),
        Just("delta"),
        Just("expires_at"),
        Just("answer"),
        Just("answer_status"),
        Just("lines"),
    ];
    leaf.prop_recursive(3, 20, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|all| {
                let members = all
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

/// Where an entry is cut, how much of it is left out there, and what is put in.
fn damage() -> impl Strategy<Value = (prop::sample::Index, usize, String)> {
    let put_in = prop_oneof![
        Just(String::new()),
        "[0-9]{1,3}",
        "(?s).{0,8}",
        "[{}\\[\\]\",:]{1,3}"
    ];
    (any::<prop::sample::Index>(), 0_usize..12, put_in)
}

fn damaged(entry: &str, (place, length, put_in): &(prop::sample::Index, usize, String)) -> String {
    let characters: Vec<char> = entry.chars().collect();
    let place = place.index(characters.len());
    let rest = (place + length).min(characters.len());
    let kept = |part: &[char]| part.iter().collect::<String>();
    kept(&characters[..place]) + put_in + &kept(&characters[rest..])
}

fn answers(reply: Result<Reply, Fault>) -> Exchange {
    Arc::new(move |question| {
        let answer = match question {
            Question::Enter { .. } => reply.clone(),
            Question::Leave { .. } => Ok(Reply::Left),
        };
        futures::future::ready(answer).boxed()
    })
}

#[track_caller]
fn assert_as_before(again: &Answer, first: &Answer) {
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert!(again.replayed());
    for name in ["content-type", "location", "etag"] {
        assert_eq!(again.headers.get(name), first.headers.get(name), "{name}");
    }
}

#[test]
fn a_redis_that_says_anything_changes_no_answer() {
    let decided = Decided::new();
    let made = (useless(), 0..decided.first.len());
    let outcome = TestRunner::new(made_up(CASES)).run(&made, |(reply, which)| {
        let (wish, first) = &decided.first[which];
        assert_as_before(&ask(&decided.shop, &answers(reply), wish), first);
        Ok(())
    });
    outcome.unwrap();
    assert_sound(&decided.shop);
}

#[test]
fn an_entry_of_another_decision_changes_no_answer() {
    let decided = Decided::new();
    for (wish, first) in &decided.first {
        for entry in &decided.entries {
            let reply = answers(Ok(Reply::Decided(entry.clone())));
            assert_as_before(&ask(&decided.shop, &reply, wish), first);
        }
    }
    assert_sound(&decided.shop);
}

#[test]
fn a_damaged_entry_is_never_more_than_another_no_or_yes_of_the_same_decision() {
    let decided = Decided::new();
    let made = (damage(), 0..decided.first.len());
    let outcome = TestRunner::new(made_up(CASES)).run(&made, |(damage, which)| {
        let (wish, first) = &decided.first[which];
        let entry = damaged(&decided.entries[which], &damage);
        let again = ask(&decided.shop, &answers(Ok(Reply::Decided(entry))), wish);
        assert!(again.replayed(), "{again}");
        assert!(again.status == 201 || again.status / 100 == 4, "{again}");
        // What can change is read, so that nothing in Redis says what was ordered.
        if matches!(wish, Wish::Place { .. }) && first.status == 201 {
            assert_as_before(&again, first);
        }
        Ok(())
    });
    outcome.unwrap();
    assert_sound(&decided.shop);
}

#[test]
fn a_refusal_by_a_status_that_refuses_nothing_is_not_told() {
    let decided = Decided::new();
    for (which, (wish, first)) in decided.first.iter().enumerate() {
        let member = format!("\"answer_status\":{}", first.status);
        for status in ["99", "100", "200", "503", "599", "1000"] {
            let entry =
                decided.entries[which].replace(&member, &format!("\"answer_status\":{status}"));
            assert_eq!(entry != decided.entries[which], 400 <= first.status);
            let reply = answers(Ok(Reply::Decided(entry)));
            assert_as_before(&ask(&decided.shop, &reply, wish), first);
        }
    }
    assert_sound(&decided.shop);
}

/// Nothing was written that should not have been.
fn assert_sound(shop: &Shop) {
    shop.time.settle().unwrap();
    let violations = shop.journal(|journal| journal.violations.clone());
    assert_eq!(violations, [""; 0]);
    shop.time.end();
}

/// Bytes that no Redis sends, or none that we may ask: wrong, endless, too
/// large, too deep, of a cluster, of a replica.
fn hostile() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        "",
        "\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "+OK\r\n",
        ":7\r\n",
        ":99999999999999999999\r\n",
        "$536870912\r\n",
        "$-1\r\n",
        "$9223372036854775807\r\n",
        "*2147483647\r\n:1\r\n",
        "*9223372036854775807\r\n:1\r\n",
        "%4611686018427387903\r\n:1\r\n",
        "-MOVED 1 127.0.0.1:1\r\n",
        "-CLUSTERDOWN The cluster is down\r\n",
        "-READONLY You can't write against a read only replica.\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-NOAUTH Authentication required.\r\n",
        "-NOSCRIPT No matching script.\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    all.push(b"*1\r\n".repeat(500));
    all
}

#[tokio::test]
async fn a_server_that_sends_any_bytes_keeps_nobody_from_ordering() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let says = Arc::<Mutex<Vec<u8>>>::default();
    let said = Arc::clone(&says);
    let server = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let said = Arc::clone(&said);
            tokio::spawn(async move {
                let mut asked = vec![0; 64 * 1024];
                // A new connection introduces itself, and is welcome.
                let mut answer = b"+OK\r\n+OK\r\n".to_vec();
                while let Ok(1..) = client.read(&mut asked).await {
                    if client.write_all(&answer).await.is_err() {
                        return;
                    }
                    answer.clone_from(&said.lock().unwrap());
                }
            });
        }
    });
    let shop = crate::support::harness::Shop::open(Options {
        redis: Some(Secret::new(url)),
        ..Options::in_memory()
    })
    .await;
    let meter = Meter::start();
    shop.stock("TEA-01", 100).await;
    for (number, bytes) in hostile().into_iter().enumerate() {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        says.lock().unwrap().clone_from(&bytes);
        // Whatever the last one did, Redis is asked again.
        shop.pass_seconds(31);
        meter.reset();
        let key = format!("key-{number}");
        let placed = shop.place(&key, "TEA-01", 1).await;
        assert_eq!(placed.status, 201, "{shown:?}: {}", placed.body);
        let failed = meter.take("RedisTimeOut") + meter.take("RedisFailure");
        assert!(0.0 < failed, "{shown:?} went unnoticed");
        let again = shop.place(&key, "TEA-01", 1).await;
        assert!(again.is_replay(), "{shown:?}");
        assert_eq!(again.body, placed.body);
    }
    shop.assert_conserved().await;
    shop.running.stop().await;
    server.abort();
}
