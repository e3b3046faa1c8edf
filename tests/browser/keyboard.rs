//! The local pages without a mouse: every control is reached in reading order, shows that it has the focus, and does
//! its work.

use serde_json::{Value, json};

use super::chromium::{ENTER, Page, SPACE, TAB, UP};
use super::local_pages::{COUNTS, READY, with_pages};

/// The element with the focus: `{at, seen}`, its place among the controls of the page, and whether an outline shows it.
const FOCUSED: &str = r"
    const [controls, done] = arguments;
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    done({
        outline: style.outline,
        box: [box.top, box.bottom, innerHeight],
        at: [...document.querySelectorAll(controls)].indexOf(element),
        what: element.outerHTML.slice(0, 200),
        seen: style.outlineStyle !== 'none' && 0 < parseFloat(style.outlineWidth) && 0 < box.width && 0 <= box.top && box.bottom < innerHeight + 1,
    });
";

/// How many controls the page shows.
const CONTROLS: &str = r"
    const [controls, done] = arguments;
    done(document.querySelectorAll(controls).length);
";

/// Everything that a keyboard must reach.
const ALL: &str =
    "a[href], button:not(:disabled), input:not(:disabled), select, textarea, [tabindex='0']";

/// Waits until the element with this selector is there.
const THERE: &str = r"
    const [selector, done] = arguments;
    const look = () => document.querySelector(selector) ? done(true) : setTimeout(look, 20);
    look();
";

/// Presses Tab until the element with this selector has the focus.
async fn tab_to(page: &Page, selector: &str) {
    page.run(THERE, json!(selector)).await;
    for _ in 0..200 {
        let focused = page.run(FOCUSED, json!(selector)).await;
        if focused["at"] == 0 {
            assert_eq!(
                focused["seen"], true,
                "{selector} shows no focus: {focused}"
            );
            return;
        }
        page.press(TAB).await;
    }
    panic!("200 times Tab did not reach {selector}");
}

#[tokio::test]
async fn slow_a_keyboard_reaches_every_control_of_the_local_pages_in_order() {
    with_pages(async |shop, page| {
        for path in ["/_local", "/_local/shop"] {
            page.open(&format!("{}{path}", shop.running.url())).await;
            if path == "/_local/shop" {
                page.run(READY, Value::Null).await;
            }
            let controls = page.run(CONTROLS, json!(ALL)).await.as_i64().unwrap();
            assert!(5 < controls, "{path} has {controls} controls");
            for expected in 0..controls {
                page.press(TAB).await;
                let focused = page.run(FOCUSED, json!(ALL)).await;
                assert_eq!(focused["at"], expected, "{path}: {focused}");
                assert_eq!(focused["seen"], true, "{path}: {focused}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn slow_a_keyboard_orders_and_pays_in_the_shop() {
    with_pages(async |shop, page| {
        page.open(&format!("{}/_local/shop", shop.running.url()))
            .await;
        page.run(READY, Value::Null).await;
        tab_to(page, "#of-TEA-01").await;
        page.press(UP).await;
        tab_to(page, "#order").await;
        page.press(ENTER).await;
        page.run(COUNTS, json!(1)).await;
        assert_eq!(shop.available("TEA-01").await, 8);

        tab_to(page, "#orders button").await;
        page.press(SPACE).await;
        let paid = "#orders li[data-order] > .quiet:not(:empty)";
        page.run(THERE, json!(paid)).await;
        let status = "const done = arguments[1]; const look = () => \
            document.querySelector('#orders .quiet').textContent === 'confirmed' ? done(true) : setTimeout(look, 20); look();";
        page.run(status, Value::Null).await;
        // The list was drawn again, and the keyboard is still where it was.
        let focused = page.run(FOCUSED, json!("#orders button")).await;
        assert_eq!(focused["at"], 0, "{focused}");
    })
    .await;
}

#[tokio::test]
async fn slow_a_keyboard_tries_an_operation_of_the_description() {
    with_pages(async |shop, page| {
        page.open(&format!("{}/_local/docs", shop.running.url()))
            .await;
        let operation = "#operations-orders-listOrders";
        tab_to(page, &format!("{operation} .opblock-summary-control")).await;
        page.press(ENTER).await;
        for button in [".try-out__btn", ".execute"] {
            tab_to(page, &format!("{operation} {button}")).await;
            page.press(SPACE).await;
        }
        let status = format!("{operation} .live-responses-table .response-col_status");
        page.run(THERE, json!(status)).await;
    })
    .await;
}
