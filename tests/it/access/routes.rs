//! The table of scopes is the router's: each row is a route, and no path knows a method that has no row.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, header};
use tollgate::ingress::http::scopes::ROWS;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_path_knows_the_methods_of_its_rows_and_no_others() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let mut paths: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in ROWS {
        paths.entry(row.path).or_default().insert(row.method);
    }
    for (path, methods) in paths {
        let called = path.replace("{id}", "unknown");
        // No route knows PUT; the answer says which methods the path does know.
        let answer = client.send_for_headers(client.admin(Method::PUT, &called)).await;
        assert_eq!(answer.0, 405, "no route at {path}");
        let allow = answer.1.get(header::ALLOW).and_then(|value| value.to_str().ok());
        let known: BTreeSet<&str> = allow.unwrap_or_default().split(',').collect();
        let known: BTreeSet<&str> = known.into_iter().filter(|method| *method != "HEAD").collect();
        assert_eq!(known, methods, "{path}");
    }
    app.stop().await;
}
