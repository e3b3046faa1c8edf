//! The pages of the laptop's program: the way to them, the shop, and the description with “try it”.

use local::serve::{Options, start};
use serde_json::{Value, json};

use super::chromium::{Page, browser};
use crate::support::harness::Shop;

/// Orders one tea, and waits for what the shop says in the end.
const ORDER: &str = r#"
    const [button, done] = arguments;
    const says = document.getElementById("says");
    const look = () => {
        const text = says.textContent;
        if (!/^(Ordering|No answer yet|Choose)/.test(text)) {
            watcher.disconnect();
            done(text);
        }
    };
    const watcher = new MutationObserver(look);
    document.getElementById("of-TEA-01").value = 1;
    says.textContent = "Ordering";
    watcher.observe(says, {childList: true, characterData: true, subtree: true});
    document.getElementById(button).click();
"#;

/// Waits until the page shows the products, and its orders.
pub(super) const READY: &str = r#"
    const [_, done] = arguments;
    const look = () => document.getElementById("of-TEA-01") && document.getElementById("orders").firstElementChild
        ? done(true) : setTimeout(look, 20);
    look();
"#;

/// The counts, when every order is shown.
pub(super) const COUNTS: &str = r#"
    const [orders, done] = arguments;
    const number = (id) => Number(document.getElementById(id).textContent);
    const look = () => number("placed") === orders
        ? done(["clicks", "sent", "placed", "left"].map(number)) : setTimeout(look, 20);
    look();
"#;

/// Chooses what the network does to the next request.
const CHOOSE: &str = r#"
    const [fate, done] = arguments;
    document.querySelector(`[data-fate="${fate}"]`).click();
    done(true);
"#;

/// Opens an operation in the viewer, presses “try it out” and “execute”, and gives the status of the answer.
const TRY_IT: &str = r#"
    const [operation, done] = arguments;
    const until = (find) => new Promise((resolve) => {
        const look = () => { const found = find(); found ? resolve(found) : setTimeout(look, 20); };
        look();
    });
    const run = async () => {
        const block = await until(() => document.getElementById(operation));
        block.querySelector(".opblock-summary-control").click();
        (await until(() => block.querySelector(".try-out__btn"))).click();
        (await until(() => block.querySelector(".execute"))).click();
        const cells = () => [...block.querySelectorAll(".live-responses-table .response-col_status")];
        const status = await until(() => cells().find((cell) => /^\d/.test(cell.textContent)));
        return parseInt(status.textContent);
    };
    run().then(done, (error) => done(String(error)));
"#;

/// Runs a test with the demo products and its own browser.
pub(super) async fn with_pages(test: impl AsyncFnOnce(&Shop, &Page)) {
    let options = Options {
        schedules: false,
        ..Options::in_memory()
    };
    let shop = Shop::of(start(options).await.unwrap());
    browser(async |page| test(&shop, page).await).await;
    shop.assert_conserved().await;
    shop.running.stop().await;
}

async fn title(page: &Page) -> Value {
    page.run("arguments[1](document.title)", Value::Null).await
}

#[tokio::test]
async fn slow_the_printed_address_leads_a_person_to_the_pages() {
    with_pages(async |shop, page| {
        page.open(&shop.running.url()).await;
        assert_eq!(title(page).await, "Surefire on this machine");
        let links = "arguments[1]([...document.links].map((link) => link.href))";
        let links = page.run(links, Value::Null).await;
        for link in links.as_array().unwrap() {
            let link = link.as_str().unwrap();
            // Nobody watches the alarms of this server.
            if !["/_local/alarms", "/_local/mail"]
                .iter()
                .any(|it| link.ends_with(it))
            {
                let answer = reqwest::get(link).await.unwrap();
                assert_eq!(answer.status(), 200, "{link}");
            }
        }
        // Programs get the API's own answer.
        let answer = reqwest::get(shop.running.url()).await.unwrap();
        assert_eq!(answer.status(), 404);
    })
    .await;
}

#[tokio::test]
async fn slow_twenty_orders_at_once_in_the_shop_are_one() {
    with_pages(async |shop, page| {
        page.open(&format!("{}/_local/shop", shop.running.url()))
            .await;
        page.run(READY, Value::Null).await;
        let said = page.run(ORDER, json!("twenty")).await;
        assert!(said.as_str().unwrap().starts_with("Thank you."), "{said}");
        let counts = page.run(COUNTS, json!(1)).await;
        assert_eq!(
            (&counts[0], &counts[2]),
            (&json!(20), &json!(1)),
            "{counts}"
        );
        assert_eq!(shop.count_orders().await, 1);
        assert_eq!(shop.available("TEA-01").await, 9);
    })
    .await;
}

#[tokio::test]
async fn slow_whatever_the_network_does_each_click_in_the_shop_is_one_order() {
    with_pages(async |shop, page| {
        page.open(&format!("{}/_local/shop", shop.running.url()))
            .await;
        page.run(READY, Value::Null).await;
        let fates = [
            "lose-request",
            "lose-answer",
            "double",
            "slow",
            "unavailable",
        ];
        for (before, fate) in fates.iter().enumerate() {
            page.run(CHOOSE, json!(fate)).await;
            let said = page.run(ORDER, json!("order")).await;
            assert!(
                said.as_str().unwrap().starts_with("Thank you."),
                "{fate}: {said}"
            );
            page.run(COUNTS, json!(before + 1)).await;
            assert_eq!(shop.count_orders().await, before + 1, "{fate}");
        }
        // A killed page is loaded again, and finishes its order.
        page.run(CHOOSE, json!("kill")).await;
        let _ = page.try_run(ORDER, json!("order")).await;
        while page.try_run(READY, Value::Null).await.is_err() {}
        page.run(COUNTS, json!(6)).await;
        assert_eq!(shop.count_orders().await, 6);
    })
    .await;
}

#[tokio::test]
async fn slow_the_description_can_be_tried_out() {
    with_pages(async |shop, page| {
        page.open(&format!("{}/_local/docs", shop.running.url()))
            .await;
        for operation in [
            "operations-products-listProducts",
            "operations-orders-listOrders",
        ] {
            let status = page.run(TRY_IT, json!(operation)).await;
            assert_eq!(status, 200, "{operation}");
        }
    })
    .await;
}
