//! Durability of a file folder after a power loss.

use super::{all, content, name, put, staged};
use morag_adapters::blobs::ObjectBlobs;
use morag_core::ports::{BlobPath, Blobs};
use morag_core::task::TaskId;
use morag_tests::image::Image;

fn open(disk: &Image) -> ObjectBlobs {
    ObjectBlobs::local(disk.path().join("files")).unwrap()
}

/// In one part, and in several.
const SIZES: [usize; 3] = [1, 70_000, 6 * 1024 * 1024];

#[tokio::test]
async fn a_finished_submission_is_on_the_disk() {
    let disk = Image::new();
    let blobs = open(&disk);
    for size in SIZES {
        let path = BlobPath::file(TaskId::random(), &name("original.bin"));
        put(&blobs, &path, content(size)).await;
        let found = disk.without_power();
        assert!(all(&open(&found), &path).await == content(size), "{size} bytes are not as they were written");
    }
}

#[tokio::test]
async fn what_is_published_is_on_the_disk() {
    let disk = Image::new();
    let blobs = open(&disk);
    let task = TaskId::random();
    put(&blobs, &BlobPath::file(task, &name("original.bin")), content(1)).await;
    // Into an existing folder, into a new one, and again over existing files.
    for round in 0..2 {
        let mut moves = Vec::new();
        for size in SIZES {
            let file = name(&format!("{size}.bin"));
            let (from, log) = (staged(task, &file), BlobPath::staged(task, uuid::Uuid::from_u128(1), &file));
            put(&blobs, &from, content(size + round)).await;
            put(&blobs, &log, content(size + round)).await;
            moves.extend([(from, BlobPath::file(task, &file)), (log, BlobPath::step_log(task, &file))]);
        }
        blobs.publish(&moves).await.unwrap();
        let after = disk.without_power();
        let found = open(&after);
        for (size, (_, to)) in SIZES.iter().flat_map(|size| [size, size]).zip(&moves) {
            let bytes = all(&found, to).await;
            assert!(bytes == content(size + round), "{} has {} bytes of {}", to.as_str(), bytes.len(), size + round);
        }
    }
}

/// Shows that the tests above can fail.
#[tokio::test]
async fn what_was_not_flushed_is_not_on_the_disk() {
    let disk = Image::new();
    let blobs = open(&disk);
    let path = staged(TaskId::random(), &name("a.bin"));
    put(&blobs, &path, content(70_000)).await;
    let found = disk.without_power();
    let length = open(&found).stat(&path).await.map(|meta| meta.size).unwrap_or_default();
    assert_eq!(length, 0);
}
