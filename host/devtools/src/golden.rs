//! Golden files: `expected/report.json` and `expected/artifacts/`.

use super::case::files;
use super::project::write;
use super::report::Report;
use anyhow::Context as _;
use std::fs;
use std::path::Path;

/// File of the report.
const REPORT: &str = "report.json";

/// Reads the golden files; `None` if there are none yet.
pub fn read(folder: &Path) -> anyhow::Result<Option<Report>> {
    let path = folder.join(REPORT);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    let json = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    Ok(Some(Report { json, artifacts: files(&folder.join("artifacts"))? }))
}

/// Writes a report as the golden files. Removes files of artifacts that the report does not have.
pub fn bless(folder: &Path, report: &Report) -> anyhow::Result<()> {
    let artifacts = folder.join("artifacts");
    for name in files(&artifacts)?.into_keys().filter(|name| !report.artifacts.contains_key(name)) {
        let path = artifacts.join(name);
        fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    for (name, bytes) in &report.artifacts {
        write(&artifacts.join(name), bytes)?;
    }
    write(&folder.join(REPORT), report.text().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_blessed_report_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let expected = folder.path().join("expected");
        assert_eq!(read(&expected).unwrap(), None);
        let artifacts = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), vec![0, 255])).collect();
        let first = Report { json: json!({"result": "completed"}), artifacts: artifacts(&["a", "b"]) };
        bless(&expected, &first).unwrap();
        assert_eq!(read(&expected).unwrap(), Some(first));
        let second = Report { json: json!({"result": "failed"}), artifacts: artifacts(&["b"]) };
        bless(&expected, &second).unwrap();
        assert_eq!(read(&expected).unwrap(), Some(second), "an outdated file is removed");
        fs::write(expected.join(REPORT), "{").unwrap();
        assert!(read(&expected).unwrap_err().to_string().contains("is not JSON"));
    }
}
