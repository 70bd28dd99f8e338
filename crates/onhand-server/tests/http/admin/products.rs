//! The pages of products and categories.

use serde_json::json;

use super::desk::Desk;
use crate::world::World;

const ODD: &str = r#"<img src=x onerror=alert(1)>"&'"#;

#[tokio::test]
async fn a_product_is_made_changed_and_deleted() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let list = desk.page("/admin/products").await;
    list.says(&["Laptop", "Electronics"]);
    let create = "/admin/products/create-product";
    let typed = [
        ("sku", "<b>&\"'"),
        ("name", ODD),
        ("description", ODD),
        ("price", "12.5"),
        ("price/currency", "inr"),
        ("category.cat_1", "yes"),
    ];
    let wrong = desk.send(&list, create, &[&typed[..3], &[("price", "12.505")]].concat()).await;
    assert_eq!(wrong.status, 422, "{}", wrong.html);
    wrong.says(&[r#"id="create-product-price-error""#, r#"value="12.505""#, "&lt;img src=x"]);
    let category = world.get("/v1/categories").await.body["data"][0]["id"].clone();
    let tick = format!("category.{}", category.as_str().unwrap());
    let mut typed = typed;
    typed[5].0 = &tick;
    let made = desk.do_it(&list, create, &typed).await;
    made.says(&["The product is there.", "&lt;img src=x", "12.50", "INR", ">Electronics<"]);
    made.says_not(&["<img", "<b>&"]);
    let product = world.get("/v1/products?limit=1").await.body["data"][0].clone();
    assert_eq!(product["category_ids"], json!([category]));
    let path = format!("/admin/products/{}", product["id"].as_str().unwrap());

    // Two people change it: the second one is told, keeps what was typed, and decides.
    let (mine, theirs) = (desk.page(&path).await, desk.page(&path).await);
    let edit = format!("{path}/edit");
    desk.do_it(&theirs, &edit, &[("name", "Theirs"), ("description", ""), (&tick, "\0")]).await;
    let product = world.get("/v1/products?limit=1").await.body["data"][0].clone();
    assert_eq!((&product["description"], &product["category_ids"]), (&json!(""), &json!([])));
    let stale = desk.send(&mine, &edit, &[("name", "Mine"), ("price", "13")]).await;
    assert_eq!(stale.status, 412, "{}", stale.html);
    stale.says(&[r#"name="name" value="Mine""#, r#"value="13""#, "<h1>Theirs</h1>"]);
    let done = desk.do_it(&stale, &edit, &[]).await;
    done.says(&["The product is changed.", "<h1>Mine</h1>", "13.00"]);

    let gone = desk.do_it(&done, &format!("{path}/delete-product"), &[]).await;
    gone.says(&["<h1>Products</h1>", "The product is out of the catalogue."]);
    assert_eq!(desk.get(&path).await.status, 404);
    world.verify().await;
}

#[tokio::test]
async fn products_are_found_by_sku_and_category() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let category = world.get("/v1/categories").await.body["data"][0]["id"].clone();
    let category = category.as_str().unwrap();
    let filed = desk.page(&format!("/admin/products?category={category}")).await;
    filed.says(&["Laptop"]);
    filed.says_not(&["Sample product"]);
    let one = desk.page("/admin/products?sku=123").await;
    one.says(&["Sample product", "19.99"]);
    one.says_not(&["Laptop"]);
    desk.page("/admin/products?sku=none").await.says(&["No product is like that."]);
    assert_eq!(desk.get("/admin/products?category=x").await.status, 422);
    assert_eq!(desk.get("/admin/products?after=x").await.status, 422);
    // What is there is not deleted.
    let page = desk.page("/admin/products/laptop").await;
    let refused = desk.send(&page, "/admin/products/laptop/delete-product", &[]).await;
    assert_eq!(refused.status, 409, "{}", refused.html);
    refused.says(&["product_in_use"]);
}

#[tokio::test]
async fn categories_are_a_tree() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let list = desk.page("/admin/categories").await;
    let root = world.get("/v1/categories").await.body["data"][0]["id"].clone();
    let root = root.as_str().unwrap();
    let typed = [("name", ODD), ("parent_id", root)];
    let made = desk.do_it(&list, "/admin/categories/create-category", &typed).await;
    made.says(&["The category is there.", "&lt;img"]);
    made.says_not(&["<img"]);
    let below = world.get("/v1/categories").await.body["data"][0]["id"].clone();
    let below = below.as_str().unwrap();
    // A tree has no circles.
    let path = format!("/admin/categories/{root}");
    let page = desk.page(&path).await;
    let refused = desk.send(&page, &format!("{path}/edit"), &[("parent_id", below)]).await;
    assert_eq!(refused.status, 409, "{}", refused.html);
    refused.says(&["category_cycle"]);
    // Without a parent it is a root.
    let path = format!("/admin/categories/{below}");
    let page = desk.page(&path).await;
    let done = desk.do_it(&page, &format!("{path}/edit"), &[("parent_id", "")]).await;
    done.says(&["The category is changed.", "nothing: it is a root"]);
    let gone = desk.do_it(&done, &format!("{path}/delete-category"), &[]).await;
    gone.says(&["The category is gone.", "<h1>Categories</h1>"]);
    let reader = Desk::with(&world, "catalog:read").await;
    reader.page("/admin/categories").await.says_not(&["What can be done"]);
    reader.page("/admin/products/laptop").await.says_not(&["What can be done", "/admin/orders?"]);
    world.verify().await;
}
