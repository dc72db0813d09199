//! Attacks on the metrics: made-up labels, and readers without a right.

use std::net::TcpListener;

use reqwest::Method;

use crate::support::{Caller, Engine, World, process::House, story, until::within};

async fn lines(world: &World) -> Vec<String> {
    let told = world.caller("sun").await.get("/metrics").await;
    assert_eq!(told.status, 200);
    String::from_utf8(told.bytes.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

story!(made_up_methods_and_paths_do_not_grow_the_metrics, async |world: World| {
    let nobody = Caller::nobody(&world);
    let make_up = async |n: u32| {
        let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
        nobody.send(nobody.request(method.clone(), "/api/flows")).await.expect_problem(405, "method_not_allowed");
        nobody.send(nobody.request(method, &format!("/made/up/{n}"))).await.expect_problem(404, "not_found");
        nobody.get(&format!("/api/made-up-{n}")).await.expect_problem(404, "not_found");
        nobody.get(&format!("/api/flows/{n}")).await.expect_problem(401, "not_logged_in");
    };
    make_up(0).await;
    lines(&world).await;
    let before = lines(&world).await.len();
    for n in 1..40 {
        make_up(n).await;
    }
    let after = lines(&world).await;
    assert_eq!(after.len(), before, "{}", after.join("\n"));
    let other = r#"yinku_http_requests_total{method="other",route="other",status="404"} 40"#;
    assert!(after.iter().any(|line| line == other), "{}", after.join("\n"));
});

story!(metrics_are_for_administrators_and_auditors, async |world: World| {
    Caller::nobody(&world).get("/metrics").await.expect_problem(401, "not_logged_in");
    for username in ["zhang", "li", "wang", "zhao"] {
        world.caller(username).await.get("/metrics").await.expect_problem(403, "forbidden");
    }
    for username in ["sun", "admin"] {
        assert_eq!(world.caller(username).await.get("/metrics").await.status, 200, "{username}");
        assert_eq!(world.session(username).await.get("/metrics").await.status, 200, "{username}");
    }
});

story!(an_address_of_their_own_is_the_only_one_that_has_the_metrics, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let process = house.command().env("YINKU_METRICS__LISTEN", address.to_string()).spawn().unwrap();
    let admin = house.caller("admin").await;
    admin.get("/metrics").await.expect_problem(404, "not_found");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str| client.get(format!("http://{address}{path}")).send().await;
    within("the metrics are served", async {
        while get("/metrics").await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let metrics = get("/metrics").await.unwrap();
    assert_eq!(metrics.status(), 200);
    assert!(metrics.text().await.unwrap().contains("yinku_photos_stored_total 0"));
    for path in ["/api/flows", "/healthz", "/", "/papi/signcenter/qiyuesuo/categoryCallback"] {
        assert_eq!(get(path).await.unwrap().status(), 404, "{path}");
    }
    house.retire(process).await;
});
