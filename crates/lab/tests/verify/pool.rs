//! A pool of N serves N of the connections that stay.

use serde_json::json;

use crate::bed::{Server, alone, load, table};

const CONNECTIONS: u32 = 64;

#[test]
fn a_pool_of_n_serves_n() {
    let _alone = alone();
    let mut rows = Vec::new();
    for workers in [2, 4, 8] {
        let server = Server::lab(&["thread-pool", "--workers", &workers.to_string()]);
        let loaded = load(&json!({
            "target": server.address,
            "connections": CONNECTIONS,
            "warmup": "100ms",
            "duration": "500ms",
        }));
        let told = ["requested", "established", "served", "starved"]
            .map(|name| loaded.number(&format!("/{name}")).to_string());
        let expected = [CONNECTIONS, CONNECTIONS, workers, CONNECTIONS - workers];
        assert_eq!(told, expected.map(|count| count.to_string()), "{workers} workers");
        rows.push([vec![workers.to_string()], told.to_vec()].concat());
    }
    table(
        "a pool of N serves N",
        &["workers", "requested", "established", "served", "starved"],
        &rows,
    );
}
