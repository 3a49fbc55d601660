//! The books, recomputed by the program's own `verify`.

use std::path::Path;
use std::process::Command;

/// Fails with what `tollgate verify` prints if it finds a difference.
pub async fn books(data_dir: &Path) {
    let data_dir = data_dir.to_owned();
    let verify = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["verify", "--data-dir"])
            .arg(data_dir)
            .output()
            .expect("verify runs")
    });
    let output = verify.await.expect("verify ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
