//! Stores written by earlier commits: `tests/contract/stores`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

/// The document of the stores' tasks.
pub const DOCUMENT: &[u8] = include_bytes!("../contract/stores/harbour.md");

/// Key with which the credentials in [`EMBEDDED_LAST`] and [`REDIS`] are sealed.
pub const SECRETS_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// Signing secret of the named endpoint.
pub const ENDPOINT_SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// Embedded stores as SQL, one per version of the tables, starting with version 1.
pub const EMBEDDED: [&str; 5] = [
    include_str!("../contract/stores/tasks-v1.sql"),
    include_str!("../contract/stores/tasks-v2.sql"),
    include_str!("../contract/stores/tasks-v3.sql"),
    include_str!("../contract/stores/tasks-v4.sql"),
    include_str!("../contract/stores/tasks-v5.sql"),
];

/// Version of the last embedded store, which comes with [`KNOWLEDGE`].
pub const EMBEDDED_LAST: usize = EMBEDDED.len();

/// Knowledge store of the last version, as SQL.
pub const KNOWLEDGE: &str = include_str!("../contract/stores/knowledge-v1.sql");

/// Content of Redis, one command per line.
pub const REDIS: &str = include_str!("../contract/stores/redis-1.jsonl");

/// Creates a database from SQL.
pub fn make_database(path: &Path, sql: &str) {
    let database = rusqlite::Connection::open(path).expect("a database");
    // One transaction, to avoid a flush per row.
    database.execute_batch(&format!("BEGIN;\n{sql}\nCOMMIT;")).expect("a fixture's SQL");
}

/// Ids of the tasks that had not ended, in the [`EMBEDDED`] store of a version.
pub fn open_tasks(version: usize) -> Vec<String> {
    let database = rusqlite::Connection::open_in_memory().expect("a database");
    database.execute_batch(EMBEDDED[version - 1]).expect("a fixture's SQL");
    let sql = "SELECT record ->> '$.id' FROM tasks WHERE ended_at IS NULL ORDER BY number";
    let mut open = database.prepare(sql).expect("a statement");
    open.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("ids")
}

/// Creates a data folder from the [`EMBEDDED`] store of a version, with the documents of the tasks that had not ended.
pub fn make_data_folder(data: &Path, version: usize) {
    std::fs::create_dir_all(data).expect("a folder");
    make_database(&data.join("morag.db"), EMBEDDED[version - 1]);
    make_database(&data.join("knowledge.db"), KNOWLEDGE);
    put_documents(data, &open_tasks(version));
}

/// Writes the document as the submitted file of these tasks.
pub fn put_documents(data: &Path, tasks: &[String]) {
    for task in tasks {
        let folder = data.join("files/tasks").join(task).join("files");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("original.md"), DOCUMENT).expect("a document");
    }
}

/// Loads [`REDIS`] into a server, with a key prefix.
pub fn fill_redis(port: u16, prefix: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a Redis");
    let mut commands = 0;
    for line in REDIS.lines() {
        let words: Vec<Value> = serde_json::from_str(line).expect("a command");
        write!(stream, "*{}\r\n", words.len()).expect("a command is sent");
        for (position, word) in words.iter().enumerate() {
            let mut bytes = match word {
                Value::String(text) => text.clone().into_bytes(),
                _ => STANDARD.decode(word["base64"].as_str().expect("bytes")).expect("base64"),
            };
            // The second word of each command is its key.
            if position == 1 {
                bytes.splice(0..0, prefix.bytes());
            }
            write!(stream, "${}\r\n", bytes.len()).expect("a word is sent");
            stream.write_all(&bytes).and_then(|()| stream.write_all(b"\r\n")).expect("a word is sent");
        }
        commands += 1;
    }
    let mut answers = BufReader::new(stream);
    for _ in 0..commands {
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("an answer");
        match answer.split_at(1) {
            ("+" | ":", _) => {}
            // The id of a stream entry.
            ("$", length) => {
                let mut rest = vec![0; length.trim().parse::<usize>().expect("a length") + 2];
                answers.read_exact(&mut rest).expect("an answer");
            }
            _ => panic!("{answer}"),
        }
    }
}
