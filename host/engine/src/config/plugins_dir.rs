//! Default location of the step components.

use std::path::{Path, PathBuf};

/// `plugins` beside the binary, as it is installed; else `plugins` in the folder above it, which is `target/plugins` for a
/// binary in `target/release`; else `./target/plugins`, where `cargo xtask up` builds them.
pub fn find(binary_dir: Option<&Path>) -> PathBuf {
    let beside = binary_dir.map(|dir| dir.join("plugins"));
    let above = binary_dir.and_then(Path::parent).map(|dir| dir.join("plugins"));
    let found = [beside, above].into_iter().flatten().find(|dir| dir.is_dir());
    found.unwrap_or_else(|| PathBuf::from("target/plugins"))
}

/// [`find`] for the running binary.
pub fn find_of_process() -> PathBuf {
    let binary = std::env::current_exe().ok();
    find(binary.as_deref().and_then(Path::parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_beside_the_binary_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let release = dir.path().join("release");
        std::fs::create_dir_all(&release).unwrap();
        assert_eq!(find(Some(&release)), Path::new("target/plugins"));
        std::fs::create_dir_all(dir.path().join("plugins")).unwrap();
        assert_eq!(find(Some(&release)), dir.path().join("plugins"));
        std::fs::create_dir_all(release.join("plugins")).unwrap();
        assert_eq!(find(Some(&release)), release.join("plugins"));
    }
}
