//! An order as it is stored and shown.

use lambda_http::Body;
use shared::caller::Caller;

use super::*;

/// When the order of these tests was placed.
pub(crate) const NOW: Moment = Moment::from_millis(1_795_320_306_789);

/// The request that placed it.
pub(crate) const BODY: &[u8] = br#"{"currency": "KRW", "lines": [
    {"sku": "TEA-01", "quantity": 2, "unit_price": 19900},
    {"sku": "CUP-01", "quantity": 1, "unit_price": 100}
]}"#;

/// A pending order of two products.
pub(crate) fn order() -> Order {
    let caller = Caller {
        issuer: "local".to_owned(),
        sub: "demo".to_owned(),
        scopes: [].into(),
        client_id: None,
    };
    let id = OrderId::derive(&caller, &"key-1".parse().unwrap());
    let customer = Customer::try_from(&caller).unwrap();
    Order::placed(&id, &customer, &Draft::parse(BODY).unwrap(), NOW)
}

/// The version of the answers and fingerprints of a made-up later release.
pub(crate) const LATER_VERSION: i64 = 3;

/// The answer of the later release: the version is another.
pub(crate) fn later_view(order: &Order) -> OrderView<'_> {
    OrderView {
        version: LATER_VERSION,
        ..order.view_as_placed()
    }
}

/// The body of an answer.
pub(crate) fn body_of(answer: Result<Answer, Error>) -> Result<String, Error> {
    let Body::Text(body) = answer?.into_response().into_body() else {
        panic!("the body is not text");
    };
    Ok(body)
}

fn placed(order: &Order) -> Result<String, Error> {
    body_of(order.answer(Outcome::Placed))
}

#[test]
fn an_order_is_answered_in_the_version_it_was_placed_with() {
    // If this text changed, so would the replays of every order.
    let ours = Order {
        status: Status::Confirmed,
        version: 2,
        ..order()
    };
    let body = format!(
        r#"{{"id":"{}","status":"pending","currency":"KRW","total":39900,"version":1,"lines":[{{"sku":"CUP-01","quantity":1,"unit_price":100}},{{"sku":"TEA-01","quantity":2,"unit_price":19900}}],"created_at":"2026-11-22T04:05:06.789Z","hold_expires_at":"2026-11-22T04:20:06.789Z"}}"#,
        ours.id()
    );
    assert_eq!(placed(&ours), Ok(body.clone()));
    let later = Order {
        answer_version: LATER_VERSION,
        ..ours.clone()
    };
    let later_body = body.replace(r#""version":1"#, r#""version":3"#);
    assert_eq!(placed(&later), Ok(later_body));
    for answer_version in [0, LATER_VERSION + 1] {
        let unknown = Order {
            answer_version,
            ..ours.clone()
        };
        assert_eq!(placed(&unknown), Err(Error::OutcomeUnknown));
    }
}

#[test]
fn only_an_order_from_another_shard_is_in_a_partition_that_the_release_before_does_not_read() {
    let numbers = |order: &Order| {
        let number = |partition: &Option<String>| -> u32 {
            let (_, number) = partition.as_deref().unwrap().rsplit_once('#').unwrap();
            number.parse().unwrap()
        };
        (number(&order.expiry_shard), number(&order.day_shard))
    };
    let mut seen = std::collections::BTreeSet::new();
    for letter in 'a'..='z' {
        let id = format!("ord_{}", letter.to_string().repeat(26));
        let order = Order { id, ..order() };
        let first = order.clone().taken_from([SHARD, SHARD]);
        assert_eq!(first, order);
        let (expiry, day) = numbers(&order.taken_from([SHARD, 5]));
        seen.extend([expiry, day]);
    }
    assert_eq!(numbers(&order()).0 / 8, 0);
    assert_eq!(numbers(&order()).1 / 8, 0);
    assert!(seen.iter().any(|number| 8 <= *number), "{seen:?}");
    assert!(seen.iter().all(|number| *number < 32), "{seen:?}");
}

#[test]
fn a_later_change_of_an_order_does_not_change_the_answer_to_its_placement() {
    let first = order();
    let later = Order {
        status: Status::Expired,
        version: 3,
        expiry_shard: None,
        expired_at: Some(NOW.plus_seconds(1_000)),
        ..first.clone()
    };
    assert_eq!(placed(&later), placed(&first));
    assert_ne!(
        serde_json::to_string(&later.view()).unwrap(),
        placed(&first).unwrap()
    );
}

#[test]
fn a_client_sees_everything_that_happened_to_an_order() {
    let moment = |seconds| Some(NOW.plus_seconds(seconds));
    let order = Order {
        status: Status::Fulfilled,
        version: 4,
        confirmed_at: moment(1),
        payment_reference: Some("pay_1".to_owned()),
        cancelled_at: moment(2),
        expired_at: moment(3),
        fulfilled_at: moment(4),
        fulfilment_reference: Some("parcel 7".to_owned()),
        returned: vec![Goods {
            sku: "CUP-01".parse().unwrap(),
            quantity: 1,
        }],
        ..order()
    };
    let view = serde_json::to_value(order.view()).unwrap();
    let at = |second: u8| format!("2026-11-22T04:05:{:02}.789Z", 6 + second);
    for (member, expected) in [
        ("status", "fulfilled".to_owned()),
        ("confirmed_at", at(1)),
        ("payment_reference", "pay_1".to_owned()),
        ("cancelled_at", at(2)),
        ("expired_at", at(3)),
        ("fulfilled_at", at(4)),
        ("fulfilment_reference", "parcel 7".to_owned()),
    ] {
        assert_eq!(view[member], expected, "{member}");
    }
    assert_eq!(
        (&view["version"], &view["returned"][0]["quantity"]),
        (&4.into(), &1.into())
    );
}

#[test]
fn pending_orders_wait_in_each_of_the_eight_partitions() {
    let shard = |number: usize| {
        let caller = Caller {
            issuer: "local".to_owned(),
            sub: "demo".to_owned(),
            scopes: [].into(),
            client_id: None,
        };
        let key = format!("key-{number}").parse().unwrap();
        expiry_shard_of(
            OrderId::derive(&caller, &key).as_str(),
            EXPIRY_SHARDS_OF_ORDINARY,
        )
    };
    let used: std::collections::BTreeSet<String> = (0..200).map(shard).collect();
    let all: Vec<String> = (0..8).map(|number| format!("EXPIRY#{number}")).collect();
    assert_eq!(used.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn what_came_back_is_counted_for_each_product() {
    let goods = |sku: &str, quantity| Goods {
        sku: sku.parse().unwrap(),
        quantity,
    };
    let order = Order {
        returned: vec![goods("CUP-01", 1), goods("TEA-01", 5)],
        ..order()
    };
    let returned = |sku: &str| order.returned_of(&sku.parse().unwrap());
    assert_eq!(
        (returned("CUP-01"), returned("TEA-01"), returned("SOAP")),
        (1, 5, 0)
    );
}

#[test]
fn an_order_is_stored_with_its_count_of_returns_only_if_it_had_one() {
    let stored = |return_count| {
        let order = Order {
            return_count,
            ..order()
        };
        let item = crate::record::item_of(&order).unwrap();
        assert_eq!(item["pk"], once::text(format!("ORD#{}", order.id())));
        item.get("return_count").cloned()
    };
    assert_eq!(stored(0), None);
    assert_eq!(stored(2), Some(once::number(2)));
}
