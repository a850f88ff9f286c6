//! Query parameters: what is refused, whatever the route.

use super::*;
use crate::{access, openapi};

#[tokio::test]
async fn every_route_with_a_key_refuses_an_unknown_parameter() {
    let server = server(&[]);
    let task = server.completed_task();
    let document: Value = serde_json::from_str(&openapi::document().unwrap()).unwrap();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| !access::is_open(path)) {
        let methods = item.as_object().unwrap().iter().filter(|(_, operation)| operation["operationId"].is_string());
        for (method, _) in methods {
            let path = path.replace("{task_id}", &task.to_string()).replace("{endpoint_id}", "crm");
            let path = path.replace("{filename}", "markdown.md").replace("{delivery_id}", &task.to_string());
            let answer = server.call(&method.to_uppercase(), &format!("{path}?nonsense=1"), &[]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{method} {path}: {:?}", answer.body);
            let detail = &answer.json()["detail"];
            assert_eq!(detail[0]["loc"], json!(["query", "nonsense"]), "{method} {path}");
            assert_eq!(detail[0]["type"], "extra_forbidden", "{method} {path}");
            operations += 1;
        }
    }
    assert!(operations > 30, "{operations}");
}

#[tokio::test]
async fn a_misspelt_parameter_is_told_with_the_nearest_and_everything_at_once() {
    let server = server(&[]);
    let answer = server.get("/api/v1/status?limt=2&status=complete&limit=0&cursor=").await;
    assert_eq!(answer.fields(), ["limt", "limit", "0"]);
    let said: Vec<_> = answer.json()["detail"].as_array().unwrap().iter().map(|item| item["msg"].clone()).collect();
    assert_eq!(
        said,
        [
            "limt is not known here: did you mean limit?",
            "limit must be a whole number, 1 to 1000",
            "status[0] must be pending, in_progress, completed, failed or cancelled",
        ]
    );
    // Empty ones count as absent, and the last of repeated ones counts.
    assert_eq!(server.get("/api/v1/status?limit=&cursor=&status=&limit=5").await.status, StatusCode::OK);
}
