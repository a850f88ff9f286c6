use super::*;
use morag_adapters::store::sqlite::{SqliteKnowledge, SqliteStore};
use morag_core::ports::{Accepted, Commit, Guard, Next, Tasks as _};
use morag_core::task::{EventKind, StatusWord};
use morag_testkit::{event, new_task, record};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A data folder with one task, whose document differs from the database.
struct Fixture {
    folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    task: TaskId,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let store = SqliteStore::open(&data.join(TASKS_DB), Arc::new(SystemClock)).unwrap();
        drop(SqliteKnowledge::open(&data.join(KNOWLEDGE_DB), None).unwrap());
        let record = record();
        let task = record.id;
        assert_eq!(store.accept(new_task(record)).await, Ok(Accepted::New));
        let this = Self { folder, store, task };
        std::fs::create_dir_all(this.files()).unwrap();
        std::fs::write(this.files().join("original.md"), "other").unwrap();
        std::fs::create_dir(this.target()).unwrap();
        this
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    fn files(&self) -> PathBuf {
        self.data().join(FILES).join(BlobPath::files(self.task).as_str())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.data().join(TASKS_DB), &self.data().join(KNOWLEDGE_DB)).unwrap()
    }

    /// Commits one event; sequences start at 1.
    async fn commit(&self, sequence: u64, kind: EventKind, status: StatusWord) {
        let event = event(sequence, kind);
        let (guard, next) = (Guard::Sequence(sequence - 1), Next::Done);
        let commit = Commit { task: self.task, guard, events: vec![event], live_percent: 0.0, status, next };
        assert_eq!(self.store.commit(commit).await, Ok(()));
    }

    /// Deletes the task as the janitor does: first the row, then the files.
    async fn expire(&self) {
        assert_eq!(self.store.expire(SystemClock.now().plus(Duration::from_secs(1)), 10).await, Ok(vec![self.task]));
        std::fs::remove_dir_all(self.files()).unwrap();
    }

    async fn cancel(&self) {
        let kind = EventKind::TaskCancelled { step: None, stage: None };
        self.commit(1, kind, StatusWord::Cancelled).await;
    }
}

fn all<'a>(snapshot: &Snapshot, copied: &mut Copied<'a>) -> Result<u64, AttemptError> {
    snapshot.each_task(|id, task| copied.task(snapshot, id, task))
}

#[tokio::test]
async fn files_that_a_task_wrote_over_since_are_no_damage_but_another_moment() {
    let lab = Fixture::new().await;
    let (snapshot, target) = (lab.snapshot(), lab.target());
    lab.cancel().await;
    let mut copied = Copied::new(&lab.data(), &target, false).unwrap();
    assert!(matches!(all(&snapshot, &mut copied), Err(AttemptError::Changed)));
    // The next attempt has a new snapshot, so the difference is damage.
    clear(&target).unwrap();
    let mut copied = Copied::new(&lab.data(), &target, false).unwrap();
    assert!(matches!(all(&lab.snapshot(), &mut copied), Ok(1)));
    let mut report = Report::default();
    copied.finish(&mut report).unwrap();
    assert!(report.damaged.len() == 1 && report.damaged[0].contains("original.md: 5 bytes"), "{report:?}");
}

#[tokio::test]
async fn what_is_being_deleted_meanwhile_is_no_damage() {
    let lab = Fixture::new().await;
    lab.cancel().await;
    let (snapshot, target) = (lab.snapshot(), lab.target());
    // Half of the files are gone during the copy, and the rest after it.
    std::fs::rename(lab.files().join("original.md"), lab.files().join("another.md")).unwrap();
    let mut copied = Copied::new(&lab.data(), &target, false).unwrap();
    assert!(matches!(all(&snapshot, &mut copied), Ok(1)));
    std::fs::remove_dir_all(lab.files()).unwrap();
    let mut report = Report::default();
    copied.finish(&mut report).unwrap();
    assert_eq!(report.damaged, Vec::<String>::new());
}

#[tokio::test]
async fn files_of_a_task_that_the_snapshot_does_not_know_and_parts_of_files_are_left_out() {
    let lab = Fixture::new().await;
    let (snapshot, target) = (lab.snapshot(), lab.target());
    let foreign = lab.data().join(FILES).join(BlobPath::files(TaskId::random()).as_str());
    std::fs::create_dir_all(&foreign).unwrap();
    std::fs::write(foreign.join("original.md"), "abc").unwrap();
    std::fs::write(lab.files().join("markdown.md#1"), "a part").unwrap();
    let staged = lab.data().join(FILES).join(BlobPath::staging(lab.task).as_str());
    std::fs::create_dir_all(&staged).unwrap();
    std::fs::write(staged.join("markdown.md"), "staged").unwrap();
    let mut copied = Copied::new(&lab.data(), &target, false).unwrap();
    assert!(matches!(all(&snapshot, &mut copied), Ok(1)));
    let Files::Here { count, bytes, .. } = copied.finish(&mut Report::default()).unwrap() else { panic!("no files") };
    assert_eq!((count, bytes), (1, 5));
}

#[tokio::test]
async fn hard_links_are_noted_and_an_interrupted_backup_is_recognised() {
    let lab = Fixture::new().await;
    let file = lab.folder.path().join("morag.toml");
    std::fs::write(&file, format!("data_dir = {:?}\n", lab.data())).unwrap();
    let config = Config::load(&morag_engine::config::Sources { file: Some(&file), ..Default::default() }).unwrap();
    let report = backup(&config, &lab.target()).unwrap();
    let note = format!("copy {} to another disk or machine", lab.target().display());
    assert!(report.notes.iter().any(|said| said.contains("hard links") && said.ends_with(&note)), "{report:?}");
    let again = |name: &str, has_manifest: bool| {
        clear(&lab.target()).unwrap();
        std::fs::write(lab.target().join(name), "").unwrap();
        if has_manifest {
            std::fs::write(lab.target().join(MANIFEST), "").unwrap();
        }
        backup(&config, &lab.target()).unwrap_err().to_string()
    };
    let said = again(TASKS_DB, false);
    assert!(said.contains("it contains morag.db, perhaps from an interrupted backup. Delete its contents"), "{said}");
    for (name, has_manifest) in [("note.txt", false), (TASKS_DB, true)] {
        let said = again(name, has_manifest);
        assert!(said.contains("is not empty: it contains") && !said.contains("interrupted"), "{said}");
    }
}

#[tokio::test]
async fn a_task_that_expires_meanwhile_is_one_without_files() {
    let lab = Fixture::new().await;
    lab.cancel().await;
    let (snapshot, target) = (lab.snapshot(), lab.target());
    lab.expire().await;
    let mut copied = Copied::new(&lab.data(), &target, false).unwrap();
    assert!(matches!(all(&snapshot, &mut copied), Ok(1)));
    let mut report = Report::default();
    copied.finish(&mut report).unwrap();
    assert_eq!(report.damaged, Vec::<String>::new());
    assert!(report.notes.len() == 1 && report.notes[0].starts_with("1 ended tasks have no files"), "{report:?}");
}

#[tokio::test]
async fn a_task_that_ends_and_expires_meanwhile_is_of_another_moment() {
    let lab = Fixture::new().await;
    let (snapshot, target) = (lab.snapshot(), lab.target());
    lab.cancel().await;
    lab.expire().await;
    let mut copied = Copied::new(&lab.data(), &target, false).unwrap();
    assert!(matches!(all(&snapshot, &mut copied), Err(AttemptError::Changed)));
}

/// The number of copied files and the damage reported by the last attempt.
fn damaged_at_last(lab: &Fixture, snapshot: &Snapshot) -> (u64, Vec<String>) {
    let target = lab.target();
    let mut copied = Copied::new(&lab.data(), &target, true).unwrap();
    assert!(matches!(all(snapshot, &mut copied), Ok(1)));
    let mut report = Report::default();
    let Files::Here { count, .. } = copied.finish(&mut report).unwrap() else { panic!("no files") };
    (count, report.damaged)
}

#[tokio::test]
async fn a_damaged_file_of_a_task_that_goes_on_is_named_at_last() {
    let lab = Fixture::new().await;
    let snapshot = lab.snapshot();
    lab.cancel().await;
    let (count, damaged) = damaged_at_last(&lab, &snapshot);
    assert!(damaged.len() == 1 && damaged[0].contains("original.md: 5 bytes"), "{damaged:?}");
    assert!(damaged[0].ends_with("the task changed during the backup"), "{damaged:?}");
    assert_eq!(count, 1, "it is copied");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_and_the_others_are_kept() {
    let lab = Fixture::new().await;
    std::fs::write(lab.files().join("another.md"), "another").unwrap();
    let (file, snapshot) = (lab.files().join("original.md"), lab.snapshot());
    // File permissions would not stop root: use a folder, and a link to itself, which can be linked but not read.
    let in_its_place: [fn(&Path) -> std::io::Result<()>; 2] =
        [|file| std::fs::create_dir(file), |file| std::os::unix::fs::symlink(file, file)];
    std::fs::remove_file(&file).unwrap();
    for make in in_its_place {
        make(&file).unwrap();
        let (count, damaged) = damaged_at_last(&lab, &snapshot);
        assert!(damaged.len() == 1 && damaged[0].contains("original.md: cannot be read: "), "{damaged:?}");
        let copies = lab.target().join(FILES).join(BlobPath::files(lab.task).as_str());
        let copies: Vec<_> = std::fs::read_dir(copies).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!((count, copies), (1, vec!["another.md".into()]));
        clear(&lab.target()).unwrap();
        std::fs::remove_dir(&file).or_else(|_| std::fs::remove_file(&file)).unwrap();
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_listed_is_named() {
    let lab = Fixture::new().await;
    std::fs::remove_dir_all(lab.files()).unwrap();
    std::fs::write(lab.files(), "not a folder").unwrap();
    let (count, damaged) = damaged_at_last(&lab, &lab.snapshot());
    assert!(damaged.len() == 1 && damaged[0].contains(": its files cannot be listed: "), "{damaged:?}");
    assert_eq!(count, 0);
}

#[tokio::test]
async fn what_cannot_be_written_stops_it() {
    let lab = Fixture::new().await;
    let (snapshot, target) = (lab.snapshot(), lab.target());
    let copies = target.join(FILES).join(BlobPath::files(lab.task).as_str());
    std::fs::create_dir_all(copies.join("original.md")).unwrap();
    let mut copied = Copied::new(&lab.data(), &target, true).unwrap();
    assert!(matches!(all(&snapshot, &mut copied), Err(AttemptError::Failed(_))));
}
