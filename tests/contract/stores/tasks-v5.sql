-- Written by the server of commit 3bc03e9, and killed in the first step of a task.
PRAGMA application_id = 1299141204;
PRAGMA user_version = 5;
CREATE TABLE attempts(
    number INTEGER PRIMARY KEY,
    task INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    delivery INTEGER NOT NULL,
    attempt TEXT NOT NULL
, resend INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "attempts" VALUES(1,1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',1,'{"attempt":1,"at":"2026-11-28T16:10:40.440Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":1}}',0);
INSERT INTO "attempts" VALUES(2,1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',2,'{"attempt":1,"at":"2026-11-28T16:10:40.447Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":1}}',0);
INSERT INTO "attempts" VALUES(3,1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',3,'{"attempt":1,"at":"2026-11-28T16:10:40.456Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":1}}',0);
INSERT INTO "attempts" VALUES(4,1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',4,'{"attempt":1,"at":"2026-11-28T16:10:40.463Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":1}}',0);
INSERT INTO "attempts" VALUES(5,1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',5,'{"attempt":1,"at":"2026-11-28T16:10:40.488Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":2}}',0);
INSERT INTO "attempts" VALUES(6,2,'task',1,'{"attempt":1,"at":"2026-11-28T16:10:40.869Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":136}}',0);
INSERT INTO "attempts" VALUES(7,2,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',1,'{"attempt":1,"at":"2026-11-28T16:10:40.892Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":116}}',0);
INSERT INTO "attempts" VALUES(8,2,'task',2,'{"attempt":1,"at":"2026-11-28T16:10:41.007Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":1}}',0);
INSERT INTO "attempts" VALUES(9,2,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',2,'{"attempt":1,"at":"2026-11-28T16:10:41.012Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":1}}',0);
INSERT INTO "attempts" VALUES(10,2,'task',3,'{"attempt":1,"at":"2026-11-28T16:10:41.013Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":1}}',0);
INSERT INTO "attempts" VALUES(11,2,'task',4,'{"attempt":1,"at":"2026-11-28T16:10:41.015Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":0}}',0);
INSERT INTO "attempts" VALUES(12,3,'task',1,'{"attempt":1,"at":"2026-11-28T16:10:41.483Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":14}}',0);
INSERT INTO "attempts" VALUES(13,3,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',1,'{"attempt":1,"at":"2026-11-28T16:10:41.482Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":17}}',0);
CREATE TABLE chains(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint TEXT NOT NULL,
    document TEXT NOT NULL,
    task BLOB NOT NULL,
    -- Deliveries of the tasks before it, once its turn has come.
    base INTEGER,
    -- Deliveries of its own, once it has finished.
    delivered INTEGER,
    -- Those it had made when it was last asked about, and when that was.
    seen INTEGER NOT NULL DEFAULT 0,
    at INTEGER NOT NULL
) STRICT;
CREATE TABLE claims(
    document TEXT NOT NULL,
    number INTEGER NOT NULL,
    task BLOB NOT NULL,
    completed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(document, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "claims" VALUES('7975adf1-f95c-41c2-9827-0498d04ed8e5',4,X'69F0C66A8E3A40AA95CEF432A18E0C71',0);
INSERT INTO "claims" VALUES('a76d1999-12cc-4dd0-a811-2f892c86f45c',3,X'59444A9C28F04B9D8DC7055C99A232D6',0);
INSERT INTO "claims" VALUES('harbour-1',1,X'5777DBEFCAC14338A3BCA44CBB2082ED',1);
CREATE TABLE clocks(id INTEGER PRIMARY KEY CHECK (id = 0), now INTEGER NOT NULL, steady INTEGER NOT NULL) STRICT;
INSERT INTO "clocks" VALUES(0,1795882241477,1795882241476);
CREATE TABLE cursors(
    task INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    next_event INTEGER NOT NULL DEFAULT 1,
    next_delivery INTEGER NOT NULL DEFAULT 1,
    attempts INTEGER NOT NULL DEFAULT 0, last_event INTEGER, url TEXT,
    PRIMARY KEY(task, endpoint)
) STRICT, WITHOUT ROWID;
INSERT INTO "cursors" VALUES(1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',18,6,0,NULL,NULL);
INSERT INTO "cursors" VALUES(2,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',5,3,0,NULL,NULL);
INSERT INTO "cursors" VALUES(2,'task~3e304cf57a80f04d',5,5,0,NULL,NULL);
INSERT INTO "cursors" VALUES(3,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',3,2,0,NULL,NULL);
INSERT INTO "cursors" VALUES(3,'task~f82dacbc86cdb2bb',2,2,0,NULL,NULL);
INSERT INTO "cursors" VALUES(4,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',1,1,0,NULL,NULL);
INSERT INTO "cursors" VALUES(4,'task~3e304cf57a80f04d',1,1,0,NULL,NULL);
CREATE TABLE deliveries(
    task INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    delivery INTEGER NOT NULL,
    resend INTEGER NOT NULL DEFAULT 0,
    event INTEGER NOT NULL,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    url TEXT,
    PRIMARY KEY(task, endpoint, delivery, resend)
) STRICT, WITHOUT ROWID;
INSERT INTO "deliveries" VALUES(1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',1,0,1,'"delivered"',1795882240442,NULL);
INSERT INTO "deliveries" VALUES(1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',2,0,4,'"delivered"',1795882240449,NULL);
INSERT INTO "deliveries" VALUES(1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',3,0,8,'"delivered"',1795882240458,NULL);
INSERT INTO "deliveries" VALUES(1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',4,0,11,'"delivered"',1795882240465,NULL);
INSERT INTO "deliveries" VALUES(1,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',5,0,17,'"delivered"',1795882240492,NULL);
INSERT INTO "deliveries" VALUES(2,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',1,0,1,'"delivered"',1795882241009,NULL);
INSERT INTO "deliveries" VALUES(2,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',2,0,4,'"delivered"',1795882241014,NULL);
INSERT INTO "deliveries" VALUES(2,'task',1,0,1,'"delivered"',1795882241007,NULL);
INSERT INTO "deliveries" VALUES(2,'task',2,0,2,'"delivered"',1795882241012,NULL);
INSERT INTO "deliveries" VALUES(2,'task',3,0,3,'"delivered"',1795882241014,NULL);
INSERT INTO "deliveries" VALUES(2,'task',4,0,4,'"delivered"',1795882241016,NULL);
INSERT INTO "deliveries" VALUES(3,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',1,0,1,'"delivered"',1795882241500,NULL);
INSERT INTO "deliveries" VALUES(3,'task',1,0,1,'"delivered"',1795882241498,NULL);
CREATE TABLE due(
    queue INTEGER NOT NULL,
    key TEXT NOT NULL,
    task INTEGER NOT NULL,
    due_at INTEGER,
    leased INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0, rank REAL, lane TEXT, parked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(queue, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "due" VALUES(0,'5777dbef-cac1-4338-a3bc-a44cbb2082ed',1,NULL,0,1,0.0,NULL,0);
INSERT INTO "due" VALUES(0,'59444a9c-28f0-4b9d-8dc7-055c99a232d6',3,1795882271476,1,1,2.0,NULL,0);
INSERT INTO "due" VALUES(0,'69f0c66a-8e3a-40aa-95ce-f432a18e0c71',4,1795882241522,0,0,3.0,NULL,0);
INSERT INTO "due" VALUES(0,'8b28486a-7faf-4388-a165-a962e8e743ef',2,NULL,0,1,1.0,NULL,0);
INSERT INTO "due" VALUES(1,'5777dbef-cac1-4338-a3bc-a44cbb2082ed/ep_aa6f27c2bed5449ba076fc0341eb3eb0',1,NULL,0,7,NULL,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',0);
INSERT INTO "due" VALUES(1,'59444a9c-28f0-4b9d-8dc7-055c99a232d6/ep_aa6f27c2bed5449ba076fc0341eb3eb0',3,NULL,0,1,NULL,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',0);
INSERT INTO "due" VALUES(1,'59444a9c-28f0-4b9d-8dc7-055c99a232d6/task~f82dacbc86cdb2bb',3,1795882286481,1,1,NULL,'task~f82dacbc86cdb2bb',0);
INSERT INTO "due" VALUES(1,'69f0c66a-8e3a-40aa-95ce-f432a18e0c71/ep_aa6f27c2bed5449ba076fc0341eb3eb0',4,NULL,0,0,NULL,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',0);
INSERT INTO "due" VALUES(1,'69f0c66a-8e3a-40aa-95ce-f432a18e0c71/task~3e304cf57a80f04d',4,NULL,0,0,NULL,'task~3e304cf57a80f04d',0);
INSERT INTO "due" VALUES(1,'8b28486a-7faf-4388-a165-a962e8e743ef/ep_aa6f27c2bed5449ba076fc0341eb3eb0',2,NULL,0,1,NULL,'ep_aa6f27c2bed5449ba076fc0341eb3eb0',0);
INSERT INTO "due" VALUES(1,'8b28486a-7faf-4388-a165-a962e8e743ef/task~3e304cf57a80f04d',2,NULL,0,1,NULL,'task~3e304cf57a80f04d',0);
CREATE TABLE endpoint_revision(id INTEGER PRIMARY KEY CHECK (id = 0), revision INTEGER NOT NULL) STRICT;
INSERT INTO "endpoint_revision" VALUES(0,2);
CREATE TABLE endpoints(id TEXT PRIMARY KEY, version INTEGER NOT NULL, endpoint TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "endpoints" VALUES('ep_aa6f27c2bed5449ba076fc0341eb3eb0',1,'{"id":"ep_aa6f27c2bed5449ba076fc0341eb3eb0","settings":{"url":"http://127.0.0.1:18009/endpoint","description":"","events":["task_*"],"operational":"no","format":"dual","filter":{},"order":"task","retry":null,"rate_limit":null},"sealed":"v1:7pnGAEWDnPTZp1il2QL1CVwywarW5jYt3f/h1NTgAFTHoKXIUlO0EQ/bIjYZakBEPYideQpZeF1Md8/9o3gZfkmpWLJWg6J4CnQG/FYRLrn0ADd3ye29JRQrq8XakQFh+ARkwFbTd8dJLCC4srLBNhiljHKasx5ALuzK+DDEa7exjNw3TncwZ1Hm79pifyZUS7uFhMc=","disabled":null,"failing_since":null,"created_at":"2026-11-28T16:10:40.268Z","updated_at":"2026-11-28T16:10:40.268Z","version":1}');
CREATE TABLE events(
    number INTEGER PRIMARY KEY,
    task INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    UNIQUE(task, sequence)
) STRICT;
INSERT INTO "events" VALUES(1,1,1,1795882240437,'{"sequence":1,"timestamp":"2026-11-28T16:10:40.437Z","progress_percent":0.0,"message":"Task processing started","event_type":"task_started"}');
INSERT INTO "events" VALUES(2,1,2,1795882240437,'{"sequence":2,"timestamp":"2026-11-28T16:10:40.437Z","progress_percent":0.0,"message":"Step markdown_conversion started","event_type":"step_started","step":"markdown_conversion","stage":"content_processing"}');
INSERT INTO "events" VALUES(3,1,3,1795882240444,'{"sequence":3,"timestamp":"2026-11-28T16:10:40.444Z","progress_percent":25.0,"message":"Step markdown_conversion completed","event_type":"step_completed","step":"markdown_conversion","stage":"content_processing","data":{"markdown_file_url":"/api/files/temp/5777dbef-cac1-4338-a3bc-a44cbb2082ed/markdown.md","conversion_metadata":{"original_format":"md","file_size_bytes":533,"content_length":533,"page_count":null,"conversion_time_seconds":0.004}},"artifacts":[{"name":"markdown.md","media_type":"text/markdown","size":533,"sha256":"815a18270bae2c8a10a916177377330d12b304bcbbf48dacd44428999cb2f8fe"},{"name":"document.json","media_type":"application/json","size":256,"sha256":"3290ed4102c06876925ae89909a14b78b9165b6e480e006e47b37c744b25000a"}],"resources":{"wall_ms":4,"cpu_ms":1,"peak_memory_bytes":3342336,"host_calls":16,"bytes_in":533,"bytes_out":789,"http_requests":0,"log_lines":0,"log_bytes":0}}');
INSERT INTO "events" VALUES(4,1,4,1795882240444,'{"sequence":4,"timestamp":"2026-11-28T16:10:40.444Z","progress_percent":25.0,"message":"Processing: 25% reached in markdown_conversion","event_type":"task_progress","milestone":25,"step":"markdown_conversion","stage":"content_processing"}');
INSERT INTO "events" VALUES(5,1,5,1795882240444,'{"sequence":5,"timestamp":"2026-11-28T16:10:40.444Z","progress_percent":25.0,"message":"Step metadata_extraction started","event_type":"step_started","step":"metadata_extraction","stage":"content_processing"}');
INSERT INTO "events" VALUES(6,1,6,1795882240452,'{"sequence":6,"timestamp":"2026-11-28T16:10:40.452Z","progress_percent":40.0,"message":"Step metadata_extraction completed","event_type":"step_completed","step":"metadata_extraction","stage":"content_processing","data":{"metadata_file_url":"/api/files/temp/5777dbef-cac1-4338-a3bc-a44cbb2082ed/metadata.json","metadata":{"title":"Harbour report","author":null,"creation_date":null,"format":"text/markdown","language":"en","page_count":null,"file_size_bytes":533},"file_properties":{"file_name":"harbour.md","sha256":"815a18270bae2c8a10a916177377330d12b304bcbbf48dacd44428999cb2f8fe","encoding":"utf-8"}},"artifacts":[{"name":"metadata.json","media_type":"application/json","size":295,"sha256":"a5f1cb7ea01ff52bba101a6cd816804d61bf2f11a4c7c6c8370538ca7343d1db"}],"resources":{"wall_ms":5,"cpu_ms":1,"peak_memory_bytes":1441792,"host_calls":18,"bytes_in":789,"bytes_out":295,"http_requests":0,"log_lines":0,"log_bytes":0}}');
INSERT INTO "events" VALUES(7,1,7,1795882240452,'{"sequence":7,"timestamp":"2026-11-28T16:10:40.452Z","progress_percent":40.0,"message":"Step content_processing started","event_type":"step_started","step":"content_processing","stage":"content_processing"}');
INSERT INTO "events" VALUES(8,1,8,1795882240455,'{"sequence":8,"timestamp":"2026-11-28T16:10:40.455Z","progress_percent":50.0,"message":"Processing: 50% reached in content_processing","event_type":"task_progress","milestone":50,"step":"content_processing","stage":"content_processing"}');
INSERT INTO "events" VALUES(9,1,9,1795882240455,'{"sequence":9,"timestamp":"2026-11-28T16:10:40.455Z","progress_percent":70.0,"message":"Step content_processing completed","event_type":"step_completed","step":"content_processing","stage":"content_processing","data":{"summary":"The harbour of Westport handled 1,204 ships in March 2026. Anna Keller, who leads the port authority, said that traffic had grown by a tenth since the new quay was opened. Quay North is used by container ships of the Baltic Line. Anna Keller expects that ships of up to 300 metres can enter the harbour then.","content_length":533,"language":"en","detected_topics":["Baltic Line","harbour","report","Anna Keller","quay","March","Westport","ships"],"processing_time_seconds":0.002},"artifacts":[],"resources":{"wall_ms":2,"cpu_ms":1,"peak_memory_bytes":1441792,"host_calls":13,"bytes_in":533,"bytes_out":0,"http_requests":0,"log_lines":0,"log_bytes":0}}');
INSERT INTO "events" VALUES(10,1,10,1795882240455,'{"sequence":10,"timestamp":"2026-11-28T16:10:40.455Z","progress_percent":70.0,"message":"Step chunking started","event_type":"step_started","step":"chunking","stage":"chunking"}');
INSERT INTO "events" VALUES(11,1,11,1795882240459,'{"sequence":11,"timestamp":"2026-11-28T16:10:40.459Z","progress_percent":75.0,"message":"Processing: 75% reached in chunking","event_type":"task_progress","milestone":75,"step":"chunking","stage":"chunking"}');
INSERT INTO "events" VALUES(12,1,12,1795882240459,'{"sequence":12,"timestamp":"2026-11-28T16:10:40.459Z","progress_percent":80.0,"message":"Step chunking completed","event_type":"step_completed","step":"chunking","stage":"chunking","data":{"chunks_file_url":"/api/files/temp/5777dbef-cac1-4338-a3bc-a44cbb2082ed/chunks.json","chunks_created":1,"chunking_strategy":"semantic","average_chunk_size":532,"chunk_size_range":{"min":532,"max":532}},"artifacts":[{"name":"chunks.json","media_type":"application/json","size":765,"sha256":"e799ad841c1438d30756e5c3d853f5d14874400c092c2ded32b5244f67b12971"}],"resources":{"wall_ms":2,"cpu_ms":0,"peak_memory_bytes":1245184,"host_calls":21,"bytes_in":789,"bytes_out":765,"http_requests":0,"log_lines":0,"log_bytes":0}}');
INSERT INTO "events" VALUES(13,1,13,1795882240459,'{"sequence":13,"timestamp":"2026-11-28T16:10:40.459Z","progress_percent":80.0,"message":"Step graph_extraction started","event_type":"step_started","step":"graph_extraction","stage":"graph_extraction"}');
INSERT INTO "events" VALUES(14,1,14,1795882240467,'{"sequence":14,"timestamp":"2026-11-28T16:10:40.467Z","progress_percent":90.0,"message":"Step graph_extraction completed","event_type":"step_completed","step":"graph_extraction","stage":"graph_extraction","data":{"graph_file_url":"/api/files/temp/5777dbef-cac1-4338-a3bc-a44cbb2082ed/graph.json","entities_extracted":5,"relations_extracted":0,"facts_extracted":0,"top_entities":[{"name":"Baltic Line","type":"Name","mentions":2},{"name":"Anna Keller","type":"Person","mentions":2}],"extraction_time_seconds":0.004},"artifacts":[{"name":"graph.json","media_type":"application/json","size":676,"sha256":"45f1ba513416136bb1dbc9580e091e1b71283d89676601763d100e683228d6af"}],"resources":{"wall_ms":5,"cpu_ms":2,"peak_memory_bytes":1376256,"host_calls":20,"bytes_in":789,"bytes_out":676,"http_requests":0,"log_lines":1,"log_bytes":27}}');
INSERT INTO "events" VALUES(15,1,15,1795882240467,'{"sequence":15,"timestamp":"2026-11-28T16:10:40.467Z","progress_percent":90.0,"message":"Step ingestion started","event_type":"step_started","step":"ingestion","stage":"storage"}');
INSERT INTO "events" VALUES(16,1,16,1795882240481,'{"sequence":16,"timestamp":"2026-11-28T16:10:40.481Z","progress_percent":100.0,"message":"Step ingestion completed","event_type":"step_completed","step":"ingestion","stage":"storage","data":{"embeddings_stored":1,"chunks_ingested":1,"facts_stored":0,"entities_stored":5,"relations_stored":0,"database_collection":"documents","processing_time_seconds":0.003,"storage_summary":{"qdrant_points":1,"neo4j_nodes":5,"neo4j_relationships":0}},"artifacts":[],"resources":{"wall_ms":4,"cpu_ms":1,"peak_memory_bytes":1114112,"host_calls":24,"bytes_in":5832,"bytes_out":0,"http_requests":0,"log_lines":0,"log_bytes":0}}');
INSERT INTO "events" VALUES(17,1,17,1795882240481,'{"sequence":17,"timestamp":"2026-11-28T16:10:40.481Z","progress_percent":100.0,"message":"Task completed successfully","event_type":"task_completed","result":{"chunks_created":1,"embeddings_stored":1,"facts_extracted":0,"entities_extracted":5,"relations_extracted":0,"database_collection":"documents","storage_summary":{"qdrant_points":1,"neo4j_nodes":5,"neo4j_relationships":0},"processing_time_seconds":0.044,"processing_time":0.044}}');
INSERT INTO "events" VALUES(18,2,1,1795882240796,'{"sequence":1,"timestamp":"2026-11-28T16:10:40.796Z","progress_percent":0.0,"message":"Task processing started","event_type":"task_started"}');
INSERT INTO "events" VALUES(19,2,2,1795882240796,'{"sequence":2,"timestamp":"2026-11-28T16:10:40.796Z","progress_percent":0.0,"message":"Step markdown_conversion started","event_type":"step_started","step":"markdown_conversion","stage":"content_processing"}');
INSERT INTO "events" VALUES(20,2,3,1795882240894,'{"sequence":3,"timestamp":"2026-11-28T16:10:40.894Z","progress_percent":0.0,"message":"Step markdown_conversion failed","event_type":"step_failed","step":"markdown_conversion","stage":"content_processing","failure":{"code":"UNSUPPORTED_FORMAT","message":"Unsupported file format: .xyz files cannot be converted to markdown","details":{"attempted_format":"xyz","supported_formats":["pdf","docx","txt","md","html","csv"]},"retryable":false},"resources":{"wall_ms":1,"cpu_ms":0,"peak_memory_bytes":3342336,"host_calls":7,"bytes_in":21,"bytes_out":0,"http_requests":0,"log_lines":0,"log_bytes":0}}');
INSERT INTO "events" VALUES(21,2,4,1795882240894,'{"sequence":4,"timestamp":"2026-11-28T16:10:40.894Z","progress_percent":0.0,"message":"Task failed during content processing","event_type":"task_failed","step":"markdown_conversion","stage":"content_processing","failure":{"code":"UNSUPPORTED_FORMAT","message":"Unsupported file format: .xyz files cannot be converted to markdown","details":{"attempted_format":"xyz","supported_formats":["pdf","docx","txt","md","html","csv"]},"retryable":false}}');
INSERT INTO "events" VALUES(22,3,1,1795882241479,'{"sequence":1,"timestamp":"2026-11-28T16:10:41.479Z","progress_percent":0.0,"message":"Task processing started","event_type":"task_started"}');
INSERT INTO "events" VALUES(23,3,2,1795882241479,'{"sequence":2,"timestamp":"2026-11-28T16:10:41.479Z","progress_percent":0.0,"message":"Step markdown_conversion started","event_type":"step_started","step":"markdown_conversion","stage":"content_processing"}');
CREATE TABLE fair_queue(id INTEGER PRIMARY KEY CHECK (id = 0), virtual_time REAL NOT NULL) STRICT;
INSERT INTO "fair_queue" VALUES(0,2.0);
CREATE TABLE flows(
    id TEXT PRIMARY KEY,
    waiting INTEGER NOT NULL,
    next REAL NOT NULL,
    finish REAL NOT NULL,
    apart REAL NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "flows" VALUES('62af8704764faf8ea82fc61ce9c4c390',1,4.0,3.0,1.0);
CREATE TABLE idempotency(
    key TEXT PRIMARY KEY,
    request_digest TEXT NOT NULL,
    response TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "idempotency" VALUES('62af8704764faf8ea82fc61ce9c4c390/ingest/file/fixture-1','92773841b2cd7b65c96d230966a034d806398ba063142602653d9e9c1ad8e5ac','{"task_id":"5777dbef-cac1-4338-a3bc-a44cbb2082ed","status":"pending","message":"File accepted for processing","estimated_time":1,"document_id":"harbour-1","status_url":"/api/v1/status/5777dbef-cac1-4338-a3bc-a44cbb2082ed"}',1795882240434);
CREATE TABLE key_value_totals(plugin TEXT PRIMARY KEY, keys INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE key_values(
    number INTEGER PRIMARY KEY,
    plugin TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    UNIQUE(plugin, key)
) STRICT;
CREATE TABLE status_counts(status TEXT PRIMARY KEY, tasks INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "status_counts" VALUES('completed',1);
INSERT INTO "status_counts" VALUES('failed',1);
INSERT INTO "status_counts" VALUES('in_progress',1);
INSERT INTO "status_counts" VALUES('pending',1);
CREATE TABLE tasks(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    record TEXT NOT NULL,
    -- Set where the task claims its document's id.
    document TEXT,
    status TEXT NOT NULL,
    -- Highest progress of an event; the running step's report is apart from it.
    progress_percent REAL NOT NULL,
    live_percent REAL NOT NULL,
    -- Name of the step whose report that is; none between steps.
    running_step TEXT,
    last_sequence INTEGER NOT NULL,
    ended_at INTEGER
, flow TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO "tasks" VALUES(1,X'5777DBEFCAC14338A3BCA44CBB2082ED','{"id":"5777dbef-cac1-4338-a3bc-a44cbb2082ed","document_id":"harbour-1","pipeline":{"name":"ingest","steps":[{"name":"markdown_conversion","component":"markdown_conversion","stage":"content_processing","weight":25,"config":{}},{"name":"metadata_extraction","component":"metadata_extraction","stage":"content_processing","weight":15,"config":{}},{"name":"content_processing","component":"content_processing","stage":"content_processing","weight":30,"config":{}},{"name":"chunking","component":"chunking","stage":"chunking","weight":10,"config":{}},{"name":"graph_extraction","component":"graph_extraction","stage":"graph_extraction","weight":10,"config":{}},{"name":"ingestion","component":"ingestion","stage":"storage","weight":10,"config":{}}]},"source":{"stored_as":"original.md","file_name":"harbour.md","media_type":"text/markdown","size":533,"sha256":"815a18270bae2c8a10a916177377330d12b304bcbbf48dacd44428999cb2f8fe","source_type":"document"},"collection":"documents","language":null,"replace_existing":false,"options":{},"metadata":{"project":"alpha"},"endpoints":[],"subscribers":["ep_aa6f27c2bed5449ba076fc0341eb3eb0"],"created_at":"2026-11-28T16:10:40.433Z"}','harbour-1','completed',100.0,100.0,NULL,17,1795882240481,'62af8704764faf8ea82fc61ce9c4c390');
INSERT INTO "tasks" VALUES(2,X'8B28486A7FAF4388A165A962E8E743EF','{"id":"8b28486a-7faf-4388-a165-a962e8e743ef","document_id":"e2ec53ce-37c9-4a47-950f-f4530dd8e581","pipeline":{"name":"ingest","steps":[{"name":"markdown_conversion","component":"markdown_conversion","stage":"content_processing","weight":25,"config":{}},{"name":"metadata_extraction","component":"metadata_extraction","stage":"content_processing","weight":15,"config":{}},{"name":"content_processing","component":"content_processing","stage":"content_processing","weight":30,"config":{}},{"name":"chunking","component":"chunking","stage":"chunking","weight":10,"config":{}},{"name":"graph_extraction","component":"graph_extraction","stage":"graph_extraction","weight":10,"config":{}},{"name":"ingestion","component":"ingestion","stage":"storage","weight":10,"config":{}}]},"source":{"stored_as":"original.xyz","file_name":"notes.xyz","media_type":"text/markdown","size":21,"sha256":"eb17f7fdd6f60b8cc0414714e29ba8e08a68e90e2055171775350ec844a321c5","source_type":"document"},"collection":"documents","language":null,"replace_existing":false,"options":{},"metadata":{},"endpoints":[{"id":"task","url":"http://127.0.0.1:18009/webhook","auth_token":null,"format":"dual","events":[],"headers":{}}],"subscribers":["ep_aa6f27c2bed5449ba076fc0341eb3eb0"],"created_at":"2026-11-28T16:10:40.769Z"}','e2ec53ce-37c9-4a47-950f-f4530dd8e581','failed',0.0,0.0,NULL,4,1795882240894,'62af8704764faf8ea82fc61ce9c4c390');
INSERT INTO "tasks" VALUES(3,X'59444A9C28F04B9D8DC7055C99A232D6','{"id":"59444a9c-28f0-4b9d-8dc7-055c99a232d6","document_id":"a76d1999-12cc-4dd0-a811-2f892c86f45c","pipeline":{"name":"ingest","steps":[{"name":"markdown_conversion","component":"markdown_conversion","stage":"content_processing","weight":25,"config":{}},{"name":"metadata_extraction","component":"metadata_extraction","stage":"content_processing","weight":15,"config":{}},{"name":"content_processing","component":"content_processing","stage":"content_processing","weight":30,"config":{}},{"name":"chunking","component":"chunking","stage":"chunking","weight":10,"config":{}},{"name":"graph_extraction","component":"graph_extraction","stage":"graph_extraction","weight":10,"config":{}},{"name":"ingestion","component":"ingestion","stage":"storage","weight":10,"config":{}}]},"source":{"stored_as":"original.md","file_name":"large.md","media_type":"text/markdown","size":533,"sha256":"815a18270bae2c8a10a916177377330d12b304bcbbf48dacd44428999cb2f8fe","source_type":"document"},"collection":"documents","language":null,"replace_existing":false,"options":{},"metadata":{},"endpoints":[{"id":"task","url":"http://127.0.0.1:18009/running","auth_token":null,"format":"dual","events":[],"headers":{}}],"subscribers":["ep_aa6f27c2bed5449ba076fc0341eb3eb0"],"created_at":"2026-11-28T16:10:41.466Z"}','a76d1999-12cc-4dd0-a811-2f892c86f45c','in_progress',0.0,0.0,'markdown_conversion',2,NULL,'62af8704764faf8ea82fc61ce9c4c390');
INSERT INTO "tasks" VALUES(4,X'69F0C66A8E3A40AA95CEF432A18E0C71','{"id":"69f0c66a-8e3a-40aa-95ce-f432a18e0c71","document_id":"7975adf1-f95c-41c2-9827-0498d04ed8e5","pipeline":{"name":"ingest","steps":[{"name":"markdown_conversion","component":"markdown_conversion","stage":"content_processing","weight":25,"config":{}},{"name":"metadata_extraction","component":"metadata_extraction","stage":"content_processing","weight":15,"config":{}},{"name":"content_processing","component":"content_processing","stage":"content_processing","weight":30,"config":{}},{"name":"chunking","component":"chunking","stage":"chunking","weight":10,"config":{}},{"name":"graph_extraction","component":"graph_extraction","stage":"graph_extraction","weight":10,"config":{}},{"name":"ingestion","component":"ingestion","stage":"storage","weight":10,"config":{}}]},"source":{"stored_as":"original.md","file_name":"waiting.md","media_type":"text/markdown","size":533,"sha256":"815a18270bae2c8a10a916177377330d12b304bcbbf48dacd44428999cb2f8fe","source_type":"document"},"collection":"documents","language":null,"replace_existing":false,"options":{},"metadata":{},"endpoints":[{"id":"task","url":"http://127.0.0.1:18009/webhook","auth_token":null,"format":"dual","events":[],"headers":{}}],"subscribers":["ep_aa6f27c2bed5449ba076fc0341eb3eb0"],"created_at":"2026-11-28T16:10:41.521Z"}','7975adf1-f95c-41c2-9827-0498d04ed8e5','pending',0.0,0.0,NULL,0,NULL,'62af8704764faf8ea82fc61ce9c4c390');
CREATE INDEX tasks_by_status ON tasks(status, number);
CREATE INDEX tasks_by_end ON tasks(ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX events_by_time ON events(at, number);
CREATE INDEX due_by_time ON due(queue, due_at, task, leased) WHERE due_at IS NOT NULL;
CREATE INDEX due_by_task ON due(task, queue);
CREATE INDEX attempts_by_delivery ON attempts(task, endpoint, delivery);
CREATE INDEX idempotency_by_age ON idempotency(created_at);
CREATE INDEX due_by_rank ON due(queue, rank, task, due_at) WHERE rank IS NOT NULL AND due_at IS NOT NULL;
CREATE INDEX due_by_lane ON due(lane, due_at, task) WHERE lane IS NOT NULL AND due_at IS NOT NULL;
CREATE INDEX due_parked ON due(lane) WHERE parked = 1;
CREATE INDEX deliveries_by_endpoint ON deliveries(endpoint, state, at, task, delivery, resend) WHERE endpoint <> 'task';
CREATE INDEX chains_by_place ON chains(endpoint, document, number);
CREATE INDEX chains_unfinished ON chains(endpoint, document, number) WHERE delivered IS NULL;
CREATE INDEX chains_by_task ON chains(task);
CREATE INDEX chains_by_age ON chains(at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tasks',4);
