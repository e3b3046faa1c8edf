//! Callers that an authorizer should not let in: the orders function refuses them by itself.

use simulator::history::Wish;
use simulator::shop::{FULL, Shop, caller};

#[test]
fn a_caller_that_cannot_be_stored_gets_a_400_on_every_route_that_stores_it() {
    let id = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned();
    let wishes = [
        Wish::order("key-1", "TEA-01", 1, 500),
        Wish::stock("key-1", "TEA-01", 1),
        Wish::Cancel {
            id: id.clone(),
            if_match: None,
        },
        Wish::ReadOrder { id },
        Wish::ListOrders,
    ];
    for sub in [
        "x".repeat(1_100),
        "\u{1}".repeat(200),
        "a\nb".to_owned(),
        "a\u{85}b".to_owned(),
    ] {
        for wish in &wishes {
            let shop = Shop::open(1, false, None).unwrap();
            let (world, wish, who) = (shop.clone(), wish.clone(), caller("local", &sub));
            let machine = shop.machine(0).unwrap();
            let asked = async move { world.ask(&machine, &who, &wish, FULL).await };
            let answer = shop.run(asked).unwrap().unwrap();
            assert_eq!(answer.status, 400, "{answer}");
            assert_eq!(answer.kind().as_deref(), Some("caller-not-accepted"));
            shop.time.end();
        }
    }
}
