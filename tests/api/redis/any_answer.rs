//! Arbitrary answers of Redis never change the answer to an order.

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

use crate::support::cases::made_up;
use crate::support::meter::Meter;

/// How many random answers are tried. `PROPTEST_CASES` overrides it.
const CASES: u32 = 400;

/// A world with one decision of each kind, and the entries that were sent to Redis.
struct Decided {
    shop: Shop,
    /// The requests and their answers.
    first: Vec<(Wish, Answer)>,
    /// The entries that Redis had to remember, in the same order.
    entries: Vec<String>,
}

impl Decided {
    fn new() -> Self {
        let shop = Shop::open(1, false, None).unwrap();
        let entries = Arc::<Mutex<Vec<String>>>::default();
        let remembered = Arc::clone(&entries);
        let records: Exchange = Arc::new(move |question| {
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
            shards: None,
        };
        ask(&shop, &records, &describe);
        let wishes = [
            Wish::stock("opening", "TEA", 5),
            Wish::stock("shrink", "TEA", -9),
            Wish::order("placed", "TEA", 2, 100),
            Wish::order("refused", "TEA", 9, 100),
            Wish::order("unknown", "NONE", 1, 100),
            // The same requests as above with other keys.
            Wish::order("placed-too", "TEA", 2, 100),
            Wish::order("refused-too", "TEA", 9, 100),
        ];
        let first = wishes.map(|wish| (wish.clone(), ask(&shop, &records, &wish)));
        assert_eq!(
            first.each_ref().map(|(_, answer)| answer.status),
            [201, 409, 201, 409, 422, 201, 409]
        );
        let entries = entries.lock().unwrap().clone();
        assert_eq!(entries.len(), first.len());
        Self {
            shop,
            first: first.into(),
            entries,
        }
    }
}

/// Sends a request to a new machine whose Redis is `exchange`.
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

/// An answer that our scripts never give to that question, or that cannot be used.
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

/// JSON with the member names of records.
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

/// A place in an entry, how many characters are removed there, and what is put in.
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
fn a_random_answer_of_redis_changes_no_answer() {
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
fn the_entry_of_another_decision_changes_no_answer() {
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
fn a_damaged_entry_gets_at_most_another_final_answer_and_never_changes_an_order() {
    let decided = Decided::new();
    let made = (damage(), 0..decided.first.len());
    let outcome = TestRunner::new(made_up(CASES)).run(&made, |(damage, which)| {
        let (wish, first) = &decided.first[which];
        let entry = damaged(&decided.entries[which], &damage);
        let again = ask(&decided.shop, &answers(Ok(Reply::Decided(entry))), wish);
        assert!(again.replayed(), "{again}");
        assert!(again.status == 201 || again.status / 100 == 4, "{again}");
        // An order that can still change is read from the table, so Redis cannot change its answer.
        if matches!(wish, Wish::Place { .. }) && first.status == 201 {
            assert_as_before(&again, first);
        }
        Ok(())
    });
    outcome.unwrap();
    assert_sound(&decided.shop);
}

#[test]
fn a_remembered_refusal_with_an_impossible_status_is_ignored() {
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

/// Checks that nothing wrong was written.
fn assert_sound(shop: &Shop) {
    shop.time.settle().unwrap();
    let violations = shop.journal(|journal| journal.violations.clone());
    assert_eq!(violations, [""; 0]);
    shop.time.end();
}

/// Bytes that a usable Redis never sends: wrong, endless, too large or too deeply nested answers, and
/// the errors of a cluster, of a replica and of a server that is not ready.
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
async fn a_server_that_sends_wrong_bytes_prevents_no_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let says = Arc::<Mutex<Vec<u8>>>::default();
    let said = Arc::clone(&says);
    let server = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let said = Arc::clone(&said);
            tokio::spawn(async move {
                let mut asked = vec![0; 64 * 1024];
                // The first commands of a new connection succeed.
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
        // After half a minute Redis is asked again, even if it failed before.
        shop.pass_seconds(31);
        meter.reset();
        let key = format!("key-{number}");
        let placed = shop.place(&key, "TEA-01", 1).await;
        assert_eq!(placed.status, 201, "{shown:?}: {}", placed.body);
        let failed = meter.take("RedisTimeOut") + meter.take("RedisFailure");
        assert!(0.0 < failed, "{shown:?} was not counted as a failure");
        let again = shop.place(&key, "TEA-01", 1).await;
        assert!(again.is_replay(), "{shown:?}");
        assert_eq!(again.body, placed.body);
    }
    shop.assert_conserved().await;
    shop.running.stop().await;
    server.abort();
}
