//! The contract of the port `Blobs`.

mod power;
mod s3;

use bytes::Bytes;
use futures::TryStreamExt;
use morag_adapters::blobs::ObjectBlobs;
use morag_core::ports::{BlobError, BlobPath, Blobs};
use morag_core::task::{ArtifactName, TaskId};
use morag_testkit::MemoryBlobs;
use morag_tests::s3::Bucket;
use std::ops::Range;

/// Runs the suite against a backend. `$make` returns an empty storage and whatever must live as long.
macro_rules! suite {
    ($backend:ident, $make:expr) => {
        mod $backend {
            use super::*;
            suite!(@ $make; a_file_is_what_was_written, a_file_appears_whole_or_not_at_all, an_aborted_file_leaves_nothing,
                ranges_end_where_the_file_does, a_stream_is_the_range_and_survives_replacement, missing_files_are_not_found,
                a_change_of_content_changes_the_etag, listing_is_by_name_and_one_level_deep, publishing_moves_all_and_replaces,
                deleting_counts_files_and_spares_others, tasks_come_in_order_whatever_is_deleted_meanwhile, writers_of_one_file_do_not_mix,
                it_answers_a_ping);
        }
    };
    (@ $make:expr; $($test:ident),*) => {$(
        #[tokio::test]
        async fn $test() {
            let (blobs, _alive) = $make;
            super::$test(&blobs).await;
        }
    )*};
}

suite!(testkit, (MemoryBlobs::default(), ()));

suite!(local_folder, {
    let folder = tempfile::tempdir().unwrap();
    (ObjectBlobs::local(folder.path().join("blobs")).unwrap(), folder)
});

suite!(bucket, {
    let bucket = Bucket::new().await;
    (ObjectBlobs::s3(&bucket.url(), bucket.settings()).unwrap(), bucket)
});

suite!(bucket_below_a_prefix, {
    let bucket = Bucket::new().await;
    (ObjectBlobs::s3(&format!("{}/of/us", bucket.url()), bucket.settings()).unwrap(), bucket)
});

fn name(text: &str) -> ArtifactName {
    text.parse().unwrap()
}

/// Content in which each position is recognisable.
fn content(length: usize) -> Bytes {
    (0..length).map(|n| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0]).collect()
}

async fn put(blobs: &impl Blobs, path: &BlobPath, bytes: Bytes) {
    let mut writer = blobs.create(path).await.unwrap();
    writer.write(bytes).await.unwrap();
    writer.finish().await.unwrap();
}

/// A file that a run of a step has staged.
fn staged(task: TaskId, name: &ArtifactName) -> BlobPath {
    BlobPath::staged(task, uuid::Uuid::nil(), name)
}

async fn all(blobs: &impl Blobs, path: &BlobPath) -> Bytes {
    blobs.read(path, 0..u64::MAX).await.unwrap()
}

async fn a_file_is_what_was_written(blobs: &impl Blobs) {
    // Empty, small, exactly one part, and several parts with a remainder.
    for (n, length) in [0, 1, 100_000, 5 * 1024 * 1024, 12 * 1024 * 1024 + 3].into_iter().enumerate() {
        for make in [BlobPath::file, staged] {
            let path = make(TaskId::random(), &name(&format!("file-{n}.bin")));
            let bytes = content(length);
            let mut writer = blobs.create(&path).await.unwrap();
            for piece in bytes.chunks(777_777) {
                writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
            }
            writer.finish().await.unwrap();
            assert!(all(blobs, &path).await == bytes, "{length} bytes differ");
            let meta = blobs.stat(&path).await.unwrap();
            assert_eq!((meta.size, meta.name), (length as u64, format!("file-{n}.bin")));
            assert!(meta.modified.as_millis() > 1_700_000_000_000, "{:?}", meta.modified);
        }
    }
}

async fn a_file_appears_whole_or_not_at_all(blobs: &impl Blobs) {
    let task = TaskId::random();
    let path = BlobPath::file(task, &name("new.bin"));
    let mut writer = blobs.create(&path).await.unwrap();
    writer.write(content(6 * 1024 * 1024)).await.unwrap();
    assert_eq!(blobs.stat(&path).await, Err(BlobError::NotFound));
    assert_eq!(blobs.list(&BlobPath::files(task)).await, Ok(Vec::new()));
    writer.finish().await.unwrap();
    assert_eq!(blobs.stat(&path).await.unwrap().size, 6 * 1024 * 1024);

    let mut writer = blobs.create(&path).await.unwrap();
    writer.write(content(7 * 1024 * 1024)).await.unwrap();
    assert_eq!(blobs.stat(&path).await.unwrap().size, 6 * 1024 * 1024);
    writer.finish().await.unwrap();
    assert_eq!(blobs.stat(&path).await.unwrap().size, 7 * 1024 * 1024);
}

async fn an_aborted_file_leaves_nothing(blobs: &impl Blobs) {
    let task = TaskId::random();
    let kept = BlobPath::file(task, &name("kept.bin"));
    put(blobs, &kept, content(10)).await;
    for path in [BlobPath::file(task, &name("given-up.bin")), kept.clone()] {
        for length in [10, 6 * 1024 * 1024] {
            let mut writer = blobs.create(&path).await.unwrap();
            writer.write(content(length)).await.unwrap();
            writer.abort().await;
            let mut writer = blobs.create(&path).await.unwrap();
            writer.write(content(length)).await.unwrap();
            drop(writer);
        }
    }
    let left: Vec<String> =
        blobs.list(&BlobPath::files(task)).await.unwrap().into_iter().map(|meta| meta.name).collect();
    assert_eq!(left, ["kept.bin"]);
    assert_eq!(all(blobs, &kept).await, content(10));
}

async fn ranges_end_where_the_file_does(blobs: &impl Blobs) {
    let path = BlobPath::file(TaskId::random(), &name("a"));
    let bytes = content(1000);
    put(blobs, &path, bytes.clone()).await;
    let read = |range: Range<u64>| blobs.read(&path, range);
    assert_eq!(read(0..1000).await.unwrap(), bytes);
    assert_eq!(read(10..20).await.unwrap(), bytes.slice(10..20));
    assert_eq!(read(990..2000).await.unwrap(), bytes.slice(990..));
    for nothing in [1000..1001, 5000..6000, 10..10, 1000..1000, u64::MAX - 1..u64::MAX] {
        assert_eq!(read(nothing.clone()).await.unwrap(), Bytes::new(), "{nothing:?}");
    }
    #[expect(clippy::reversed_empty_ranges, reason = "what a careless caller may pass")]
    let backwards = 20..10;
    assert_eq!(read(backwards).await.unwrap(), Bytes::new());
}

async fn a_stream_is_the_range_and_survives_replacement(blobs: &impl Blobs) {
    let path = BlobPath::file(TaskId::random(), &name("a"));
    let bytes = content(1_000_000);
    put(blobs, &path, bytes.clone()).await;
    let stream = blobs.stream(&path, 7..u64::MAX).await.unwrap();
    put(blobs, &path, Bytes::from_static(b"another")).await;
    let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert!(pieces.concat() == bytes.slice(7..), "the stream differs from its file");
    assert!(pieces.iter().all(|piece| piece.len() <= 1024 * 1024));
    let nothing: Vec<Bytes> = blobs.stream(&path, 100..200).await.unwrap().try_collect().await.unwrap();
    assert_eq!(nothing.concat(), b"");
}

async fn missing_files_are_not_found(blobs: &impl Blobs) {
    let task = TaskId::random();
    let path = BlobPath::file(task, &name("a"));
    assert_eq!(blobs.stat(&path).await, Err(BlobError::NotFound));
    assert_eq!(blobs.read(&path, 0..10).await, Err(BlobError::NotFound));
    assert_eq!(blobs.read(&path, 5..5).await, Err(BlobError::NotFound));
    assert_eq!(blobs.stream(&path, 0..10).await.err(), Some(BlobError::NotFound));
    let moves = [(path, BlobPath::file(task, &name("b")))];
    assert_eq!(blobs.publish(&moves).await, Err(BlobError::NotFound));
    assert_eq!(blobs.list(&BlobPath::files(task)).await, Ok(Vec::new()));
    assert_eq!(blobs.delete_all(&BlobPath::task(task)).await, Ok(0));
}

async fn a_change_of_content_changes_the_etag(blobs: &impl Blobs) {
    let path = BlobPath::file(TaskId::random(), &name("a"));
    put(blobs, &path, Bytes::from_static(b"one")).await;
    let before = blobs.stat(&path).await.unwrap();
    assert_eq!(blobs.stat(&path).await.unwrap().etag, before.etag);
    put(blobs, &path, Bytes::from_static(b"two")).await;
    assert_ne!(blobs.stat(&path).await.unwrap().etag, before.etag);
}

async fn listing_is_by_name_and_one_level_deep(blobs: &impl Blobs) {
    let task = TaskId::random();
    for file in ["b.md", "a.md", "B.md", "a.md.json"] {
        put(blobs, &BlobPath::file(task, &name(file)), Bytes::from_static(b"x")).await;
    }
    put(blobs, &staged(task, &name("c.md")), Bytes::from_static(b"x")).await;
    put(blobs, &BlobPath::file(TaskId::random(), &name("d.md")), Bytes::from_static(b"x")).await;
    let listed = blobs.list(&BlobPath::files(task)).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|meta| meta.name.as_str()).collect();
    assert_eq!(names, ["B.md", "a.md", "a.md.json", "b.md"]);
    assert_eq!(listed[0], blobs.stat(&BlobPath::file(task, &name("B.md"))).await.unwrap());
    assert_eq!(blobs.list(&BlobPath::task(task)).await, Ok(Vec::new()));
}

async fn publishing_moves_all_and_replaces(blobs: &impl Blobs) {
    let task = TaskId::random();
    let moves = ["a", "b", "c"].map(|file| (staged(task, &name(file)), BlobPath::file(task, &name(file))));
    for content in ["new", "newer"] {
        for (from, _) in &moves {
            put(blobs, from, content.into()).await;
        }
        // Also into a folder that does not exist yet.
        let log = (staged(task, &name("log")), BlobPath::step_log(task, &name("log")));
        put(blobs, &log.0, content.into()).await;
        blobs.publish(&[&moves[..], std::slice::from_ref(&log)].concat()).await.unwrap();
        for (from, to) in moves.iter().chain([&log]) {
            assert_eq!(all(blobs, to).await, content);
            assert_eq!(blobs.stat(from).await, Err(BlobError::NotFound));
        }
    }
    assert_eq!(blobs.publish(&[]).await, Ok(()));
}

async fn deleting_counts_files_and_spares_others(blobs: &impl Blobs) {
    let (task, other) = (TaskId::random(), TaskId::random());
    for path in [
        BlobPath::file(task, &name("a")),
        BlobPath::file(task, &name("b")),
        staged(task, &name("c")),
        BlobPath::file(other, &name("a")),
    ] {
        put(blobs, &path, Bytes::from_static(b"x")).await;
    }
    assert_eq!(blobs.delete_all(&BlobPath::files(task)).await, Ok(2));
    assert!(blobs.stat(&staged(task, &name("c"))).await.is_ok());
    assert_eq!(blobs.delete_all(&BlobPath::task(task)).await, Ok(1));
    assert_eq!(blobs.delete_all(&BlobPath::task(task)).await, Ok(0));
    assert_eq!(blobs.tasks().try_collect::<Vec<_>>().await, Ok(vec![other]));
    assert!(blobs.stat(&BlobPath::file(other, &name("a"))).await.is_ok());
}

async fn tasks_come_in_order_whatever_is_deleted_meanwhile(blobs: &impl Blobs) {
    assert_eq!(blobs.tasks().try_collect::<Vec<_>>().await, Ok(Vec::new()));
    let mut tasks: Vec<TaskId> = (0..25).map(|_| TaskId::random()).collect();
    for task in &tasks {
        put(blobs, &BlobPath::file(*task, &name("a")), Bytes::from_static(b"x")).await;
    }
    tasks.sort_by_key(ToString::to_string);
    let (mut walk, mut found) = (blobs.tasks(), Vec::new());
    while let Some(task) = walk.try_next().await.unwrap() {
        found.push(task);
        assert_eq!(blobs.delete_all(&BlobPath::task(task)).await, Ok(1));
    }
    assert_eq!(found, tasks);
    assert_eq!(blobs.tasks().try_collect::<Vec<_>>().await, Ok(Vec::new()));
}

async fn writers_of_one_file_do_not_mix(blobs: &impl Blobs) {
    let path = BlobPath::file(TaskId::random(), &name("a"));
    let (one, two) = (Bytes::from(vec![1; 6_000_000]), Bytes::from(vec![2; 6_000_000]));
    let mut first = blobs.create(&path).await.unwrap();
    let mut second = blobs.create(&path).await.unwrap();
    for at in [0, 3_000_000] {
        first.write(one.slice(at..at + 3_000_000)).await.unwrap();
        second.write(two.slice(at..at + 3_000_000)).await.unwrap();
    }
    second.finish().await.unwrap();
    assert!(all(blobs, &path).await == two);
    first.finish().await.unwrap();
    assert!(all(blobs, &path).await == one);
}

async fn it_answers_a_ping(blobs: &impl Blobs) {
    assert_eq!(blobs.ping().await, Ok(()));
    assert_eq!(blobs.tasks().try_collect::<Vec<_>>().await, Ok(Vec::new()));
}

/// Behaviour of folders only.
#[cfg(unix)]
mod folder {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn the_folder_is_its_owners_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/blobs");
        ObjectBlobs::local(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        ObjectBlobs::local(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[tokio::test]
    async fn temporary_files_of_a_crash_are_deleted_with_the_task() {
        let root = tempfile::tempdir().unwrap();
        let blobs = ObjectBlobs::local(root.path()).unwrap();
        let task = TaskId::random();
        let mut writer = blobs.create(&BlobPath::file(task, &name("a"))).await.unwrap();
        writer.write(content(6 * 1024 * 1024)).await.unwrap();
        // As in a killed process: no cleanup runs.
        std::mem::forget(writer);
        let folder = root.path().join(format!("tasks/{task}"));
        assert!(folder.exists());
        assert_eq!(blobs.tasks().try_collect::<Vec<_>>().await, Ok(vec![task]));
        assert_eq!(blobs.delete_all(&BlobPath::task(task)).await, Ok(0));
        assert!(!folder.exists());
        assert_eq!(blobs.tasks().try_collect::<Vec<_>>().await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn a_write_that_was_cut_short_spoils_the_file() {
        let root = tempfile::tempdir().unwrap();
        let blobs = ObjectBlobs::local(root.path()).unwrap();
        let path = BlobPath::file(TaskId::random(), &name("a"));
        let mut writer = blobs.create(&path).await.unwrap();
        let mut write = writer.write(content(6 * 1024 * 1024));
        assert!(futures::poll!(&mut write).is_pending());
        drop(write);
        assert!(writer.write(content(1)).await.is_err());
        assert!(writer.finish().await.is_err());
        assert_eq!(blobs.stat(&path).await, Err(BlobError::NotFound));
    }

    #[tokio::test]
    async fn a_folder_that_goes_away_fails_the_ping() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("blobs");
        let blobs = ObjectBlobs::local(&path).unwrap();
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::write(&path, "a file").unwrap();
        assert!(matches!(blobs.ping().await, Err(BlobError::Unavailable(_))));
    }
}
