//! Stories of requests that the service cannot take: each is refused in the words that the OpenAPI document gives.

use reqwest::{Method, header};
use serde_json::{Value, json};
use yinku::config::{ByteSize, Config};

use crate::support::{Caller, Engine, Plan, World, story::on_both_engines};

on_both_engines!(
    a_path_that_names_nothing_is_answered_with_a_problem,
    a_method_that_is_not_possible_is_answered_with_those_that_are,
    a_body_may_be_left_out_but_is_not_null,
    a_whole_number_may_be_written_with_a_point,
    a_callback_that_is_too_large_is_refused_in_the_vendors_words,
);

async fn a_path_that_names_nothing_is_answered_with_a_problem(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let (zhang, flow) = (world.caller("zhang").await, world.start_flow(1).await);
    let id = flow.as_str();
    for (method, path) in [
        (Method::GET, format!("/api/documents/{id}/thumbnail/large")),
        (Method::GET, format!("/api/documents/{id}/thumbnail/-1")),
        (Method::GET, "/api/documents/%ff/thumbnail/256".to_owned()),
        (Method::GET, "/api/flows/%ff".to_owned()),
        (Method::GET, "/api/flows/1".to_owned()),
        // Other ways to write the same UUID.
        (Method::GET, format!("/api/flows/{}", id.replace('-', ""))),
        (Method::GET, format!("/api/flows/urn:uuid:{id}")),
        (Method::GET, format!("/api/flows/%7B{id}%7D")),
        (Method::POST, format!("/api/flows/{id}/fields/%ff/files")),
        (Method::DELETE, format!("/api/flows/{id}/fields/%ff/files/{id}")),
        (Method::GET, "/api/nothing".to_owned()),
        (Method::POST, "/nothing/at/all".to_owned()),
    ] {
        zhang.send(zhang.request(method, &path)).await.expect_problem(404, "not_found");
    }
    zhang.get(&format!("/api/flows/{}", id.to_uppercase())).await.expect(200);
}

async fn a_method_that_is_not_possible_is_answered_with_those_that_are(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let zhang = world.caller("zhang").await;
    for (method, path, allowed) in [
        (Method::PUT, "/api/flows", "GET,HEAD,POST"),
        (Method::DELETE, "/api/flows/counts", "GET,HEAD"),
        (Method::TRACE, "/metrics", "GET,HEAD"),
        (Method::PUT, "/papi/signcenter/qiyuesuo/categoryCallback", "GET,HEAD,POST"),
    ] {
        let told = zhang.send(zhang.request(method, path)).await;
        assert_eq!(told.header("allow"), allowed, "{path}");
        told.expect_problem(405, "method_not_allowed");
    }
}

async fn a_body_may_be_left_out_but_is_not_null(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let (li, flow) = (world.caller("li").await, world.start_flow(1).await);
    for step in ["approve", "reject", "withdraw", "submit", "archive"] {
        let path = format!("/api/flows/{flow}/{step}");
        li.post(&path, &Value::Null).await.expect_problem(422, "invalid");
    }
    let approve = li.request(Method::POST, &format!("/api/flows/{flow}/approve"));
    assert_eq!(li.send(approve).await.expect(200)["node"], "seal");
}

async fn a_whole_number_may_be_written_with_a_point(engine: Engine) {
    let world = World::new(engine, Plan::default()).await;
    let (flow, ..) = world.seal_use(1).await;
    let (wang, path) = (world.caller("wang").await, format!("/api/flows/{flow}/seal-append"));
    for (wrong, why) in
        [("1.5", "whole"), ("-1", "whole"), ("1e300", "whole"), ("\"1\"", "invalid type"), ("0.0", "100000")]
    {
        let body = format!("{{\"count\":{wrong}}}");
        let request = wang.request(Method::POST, &path).header(header::CONTENT_TYPE, "application/json").body(body);
        let problem = wang.send(request).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "count", "{problem}");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(why), "{problem}");
    }
    let appended = wang.post(&path, &json!({ "count": 2.0 })).await.expect(200);
    assert_eq!(appended["sealUses"][0]["authorised"], 3);
}

async fn a_callback_that_is_too_large_is_refused_in_the_vendors_words(engine: Engine) {
    fn small(config: &mut Config) {
        config.callback.max_body = ByteSize::mib(1);
    }
    let world = World::new(engine, Plan { config: Some(small), ..Plan::default() }).await;
    let nobody = Caller::nobody(&world);
    let request = nobody.request(Method::POST, "/papi/signcenter/qiyuesuo/categoryCallback");
    let told = nobody.send(request.body(vec![b'x'; 1024 * 1024 + 1])).await;
    assert_eq!(told.expect(413)["code"], 1_000_000);
    assert_eq!(world.count("SELECT COUNT(*) FROM callbacks").await, 0);
}
