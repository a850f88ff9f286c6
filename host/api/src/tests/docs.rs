//! The documentation page.

use super::*;

#[tokio::test]
async fn the_documentation_loads_nothing_from_elsewhere() {
    let server = server(&[]);
    let page = server.get("/docs").await;
    let html = String::from_utf8_lossy(&page.body).into_owned();
    for address in html.split(['"', '\'']).filter(|text| text.ends_with(".js") || text.ends_with(".css")) {
        assert!(address.starts_with("/docs/"), "{address}");
        assert_eq!(server.get(address).await.status, StatusCode::OK, "{address}");
    }
    assert!(html.contains("/docs/swagger-initializer.js"));
    assert_eq!(server.get("/docs/nonsense.js").await.error(), "not_found");
    assert_eq!(server.get("/openapi.json").await.json()["openapi"], "3.1.0");
}
