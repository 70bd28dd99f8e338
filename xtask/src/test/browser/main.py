"""The administration in a real browser: what operators do all day, what must not happen to them, and
what everybody has to be able to use. Called with the server's program, the browser's and a folder
for pictures; ends with 1 when a promise is broken. The shop is made in shop.py."""

import sys
import tempfile
import traceback
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from shop import ADMIN, CUSTOMER, Shop, eventually

# As root a browser has no sandbox, and ours looks at nothing but ourselves.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
HOSTILE = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>'\"--"
SECTIONS = [
    "/admin", "/admin/orders", "/admin/payments", "/admin/stock", "/admin/products",
    "/admin/warehouse", "/admin/webhooks", "/admin/jobs", "/admin/users", "/admin/log",
]
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Desk:
    """Somebody in front of a browser."""

    def __init__(self, browser, shop, pictures, **options):
        self.shop, self.pictures = shop, pictures
        self.context = browser.new_context(viewport=DESK, **options)
        self.context.set_default_timeout(15_000)
        self.page = self.context.new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        refused = lambda message: message.type == "error" and "Content Security" in message.text
        self.page.on("console", lambda said: refused(said) and self.errors.append(said.text))

    def go(self, path):
        answer = self.page.goto(self.shop.url + path)
        return answer

    def log_in(self, who=ADMIN, path="/admin/orders"):
        self.go(path)
        self.page.get_by_label("E-mail address").fill(who[0])
        self.page.get_by_label("Password").fill(who[1])
        self.page.get_by_role("button", name="Log in").click()
        return self

    def open(self, title):
        """Opens a form and answers with it."""
        details = self.page.locator("details", has=self.page.locator(f"summary:text-is('{title}')"))
        if details.first.get_attribute("open") is None:
            details.first.locator("> summary").click()
        return details.first

    def says(self, text):
        expect(self.page.get_by_role("status")).to_contain_text(text)

    def picture(self, name):
        self.page.screenshot(path=self.pictures / f"{name}.png", full_page=True)

    def close(self):
        self.context.close()
        assert not self.errors, self.errors


@test
def an_operator_finds_an_order_and_refunds_it(world):
    order = world.shop.paid_order("refund", "headphones")
    desk = world.desk().log_in()
    desk.page.get_by_label("Find").fill(order)
    desk.page.get_by_role("button", name="Show").click()
    desk.page.get_by_role("link", name=order, exact=True).click()
    form = desk.open("Refund")
    form.get_by_label("Amount").fill("not a number")
    form.get_by_label("Reason").fill("damaged")
    form.get_by_role("button").click()
    expect(desk.page.get_by_role("alert")).to_contain_text("/amount")
    # What was typed is still there.
    form = desk.open("Refund")
    expect(form.get_by_label("Reason")).to_have_value("damaged")
    form.get_by_label("Amount").fill("10.00")
    form.get_by_role("button").click()
    desk.says("give the money back")
    refunds = desk.page.get_by_role("region", name="Refunds")
    expect(refunds).to_contain_text("10.00 INR")
    eventually("the refund is processed", lambda: "processed" in refunds.inner_text())
    desk.picture("order-refunded")
    desk.close()


@test
def stock_is_adjusted_with_a_reason(world):
    before = world.shop.api("GET", "/v1/stock/laptop")["on_hand"]
    desk = world.desk().log_in(path="/admin/stock")
    desk.page.get_by_role("link", name="laptop", exact=True).click()
    form = desk.open("Adjust")
    form.locator("[name$=delta]").fill("-1")
    form.locator("[name$=reason]").fill("damaged")
    form.get_by_role("button").click()
    expect(desk.page.get_by_role("status")).to_be_visible()
    assert world.shop.api("GET", "/v1/stock/laptop")["on_hand"] == before - 1
    expect(desk.page.locator("main")).to_contain_text("damaged")
    desk.picture("stock-adjusted")
    desk.close()


@test
def an_order_that_comes_in_is_seen_without_asking(world):
    desk = world.desk().log_in()
    expect(desk.page.locator("#orders")).to_be_visible()
    feed = desk.page.evaluate("performance.getEntriesByType('resource').length")
    assert feed > 0
    order = world.shop.order("live", "smartphone")["id"]
    expect(desk.page.get_by_role("link", name=order, exact=True)).to_be_visible()
    desk.close()


@test
def a_server_that_dies_is_told_of_and_comes_back(world):
    desk = world.desk().log_in()
    expect(desk.page.locator("#orders")).to_be_visible()
    world.shop.kill_server()
    expect(desk.page.get_by_role("status")).to_contain_text("cannot be reached", timeout=15_000)
    desk.picture("server-away")
    world.shop.start_server()
    order = world.shop.order("back", "smartphone")["id"]
    expect(desk.page.get_by_role("status")).to_have_count(0, timeout=15_000)
    expect(desk.page.get_by_role("link", name=order, exact=True)).to_be_visible()
    desk.close()


@test
def a_dead_letter_is_tried_again(world):
    world.shop.stop_gateway()
    order = world.shop.order("dead", "123", payment={})["id"]
    dead = lambda: [row for row in world.shop.api("GET", "/v1/effects?state=dead")["data"]]
    eventually("the payment is given up", dead)
    world.shop.start_gateway()
    desk = world.desk().log_in(path=f"/admin/orders/{order}")
    desk.picture("dead-letter")
    desk.open("Resume").get_by_role("button").click()
    desk.says("tried again")
    payment = order.replace("ord_", "pay_")
    status = lambda: world.shop.api("GET", f"/v1/payments/{payment}")["status"]
    eventually("the order is paid", lambda: status() == "captured")
    desk.close()


@test
def nothing_that_was_typed_is_lost_when_the_session_ends(world):
    order = world.shop.order("kept", "smartphone", payment={"provider": "manual"})["id"]
    desk = world.desk().log_in(path=f"/admin/orders/{order}")
    form = desk.open("Cancel")
    form.get_by_label("Reason").fill("custom:typed_before")
    desk.context.clear_cookies()
    form.get_by_role("button").click()
    expect(desk.page.get_by_role("status")).to_contain_text("Nothing that you typed is lost")
    desk.page.get_by_label("E-mail address").fill(ADMIN[0])
    desk.page.get_by_label("Password").fill(ADMIN[1])
    desk.page.get_by_role("button", name="Log in").click()
    expect(desk.page.locator("main")).to_contain_text("custom:typed_before")
    assert world.shop.api("GET", f"/v1/orders/{order}")["status"] == "pending"
    desk.page.get_by_role("button", name="Send it now").click()
    desk.says("cancelled")
    assert world.shop.api("GET", f"/v1/orders/{order}")["failure_reason"] == "custom:typed_before"
    desk.close()


@test
def a_form_of_another_site_changes_nothing(world):
    order = world.shop.order("forged", "smartphone", payment={"provider": "manual"})["id"]
    desk = world.desk().log_in()
    forged = (
        f"<form method=post action='{world.shop.url}/admin/orders/{order}/cancel'>"
        "<input name=reason value=fraud><button>Win a prize</button></form>"
    )
    desk.page.goto(f"data:text/html,{forged}")
    desk.page.get_by_role("button").click()
    expect(desk.page.locator("main")).to_contain_text("another site")
    assert world.shop.api("GET", f"/v1/orders/{order}")["status"] == "pending"
    desk.close()


@test
def a_customer_has_no_business_here(world):
    desk = world.desk().log_in(CUSTOMER)
    expect(desk.page.locator("main")).to_contain_text("customer")
    desk.close()


@test
def hostile_text_stays_text(world):
    reference = HOSTILE[:60]
    address = {name: HOSTILE for name in ("name", "street", "city", "country")}
    order = world.shop.order(
        "hostile", "smartphone",
        external_reference=reference, payment_method=HOSTILE, shipping_address=address,
        metadata={HOSTILE: HOSTILE},
    )["id"]
    name = {"sku": "HOSTILE-1", "name": HOSTILE, "price": {"amount": 1, "currency": "INR"}}
    world.shop.api("POST", "/v1/products", name, "hostile-product")
    desk = world.desk().log_in()
    for path in [*SECTIONS, f"/admin/orders/{order}", "/admin/stock/HOSTILE-1"]:
        desk.go(path)
        assert desk.page.evaluate("window.pwned") is None, path
    desk.go(f"/admin/orders/{order}")
    expect(desk.page.locator("main")).to_contain_text("<script>window.pwned=1</script>")
    desk.close()


@test
def everything_but_live_updates_works_without_scripts(world):
    order = world.shop.order("plain", "smartphone", payment={"provider": "manual"})["id"]
    desk = world.desk(java_script_enabled=False).log_in(path=f"/admin/orders/{order}")
    desk.open("Confirm").get_by_role("button").click()
    desk.says("confirmed")
    desk.close()


@test
def the_keyboard_is_enough(world):
    order = world.shop.order("keys", "smartphone", payment={"provider": "manual"})["id"]
    desk = world.desk()
    desk.go(f"/admin/orders/{order}")
    keys = desk.page.keyboard
    for text in ADMIN:
        keys.press("Tab")
        keys.type(text)
    keys.press("Enter")
    expect(desk.page.get_by_role("heading", level=1)).to_contain_text(order)
    keys.press("Tab")
    expect(desk.page.locator(":focus")).to_have_text("Skip to the content")
    keys.press("Enter")
    for _ in range(60):
        keys.press("Tab")
        if desk.page.locator(":focus").inner_text() == "Confirm":
            break
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Enter")
    desk.says("confirmed")
    desk.close()


@test
def every_section_can_be_used_by_everybody(world):
    order = world.shop.paid_order("axe", "headphones")
    desks = [world.desk(color_scheme=scheme).log_in() for scheme in ("light", "dark")]
    for desk in desks:
        scheme = "light" if desk is desks[0] else "dark"
        for path in [*SECTIONS, f"/admin/orders/{order}", "/admin/stock/laptop"]:
            answer = desk.go(path)
            assert answer.status == 200, f"{path}: {answer.status}"
            size = len(answer.body())
            assert size < 100_000, f"{path} has {size} bytes"
            desk.page.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")
            found = Axe().run(desk.page)
            assert found.violations_count == 0, f"{path} ({scheme}):\n{found.generate_report()}"
            desk.picture(f"{scheme}-{path.strip('/').replace('/', '-')}")
        desk.close()


@test
def a_telephone_is_wide_enough(world):
    desk = world.desk().log_in()
    desk.page.set_viewport_size(PHONE)
    for path in [*SECTIONS, "/admin/orders/ord_1", "/admin/stock/laptop"]:
        desk.go(path)
        wide = desk.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], f"{path} is {wide} pixels wide"
    desk.picture("telephone")
    desk.close()


# The last one: it empties the shop.
@test
def a_run_that_is_hard_to_believe_waits_until_it_is_approved(world):
    listed = world.shop.api("GET", "/v1/stock?limit=100")["data"]
    world.shop.warehouse.rows[:] = [{"productId": row["sku"], "stockLevel": 0} for row in listed]
    run = world.shop.api("POST", "/v1/warehouse/syncs", {}, "sync-1")["id"]
    is_held = lambda: world.shop.api("GET", f"/v1/warehouse/syncs/{run}")["status"] == "held"
    eventually("the run is held", is_held)
    desk = world.desk().log_in(path="/admin/warehouse")
    desk.page.get_by_role("link", name=run, exact=True).first.click()
    desk.picture("warehouse-held")
    form = desk.open("Approve all that is held")
    form.get_by_role("button").first.click()
    expect(desk.page.get_by_role("status").first).to_be_visible()
    applied = lambda: world.shop.api("GET", f"/v1/warehouse/syncs/{run}")["status"] != "held"
    eventually("the run goes on", applied)
    desk.close()


class World:
    def __init__(self, browser, shop, pictures):
        self.browser, self.shop, self.pictures = browser, shop, pictures

    def desk(self, **options):
        return Desk(self.browser, self.shop, self.pictures, **options)


def main(onhand, chromium, pictures):
    onhand = str(Path(onhand).resolve())
    pictures = Path(pictures)
    pictures.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[4:]
    failed = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shop = Shop(onhand, folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        world = World(browser, shop, pictures)
        for function in TESTS:
            if wanted and function.__name__ not in wanted:
                continue
            try:
                function(world)
                print(f"ok      {function.__name__}", flush=True)
            except Exception:
                failed.append(function.__name__)
                print(f"FAILED  {function.__name__}\n{traceback.format_exc()}", flush=True)
        browser.close()
        shop.stop()
    print(f"{len(failed)} failed" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
