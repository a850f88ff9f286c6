-- Tables of commit 4e96e03, rows in the formats of then.
PRAGMA application_id = 1299141204;
PRAGMA user_version = 1;
CREATE TABLE attempts(
    number INTEGER PRIMARY KEY,
    task INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    delivery INTEGER NOT NULL,
    attempt TEXT NOT NULL
) STRICT;
INSERT INTO "attempts" VALUES(1,1,'task',1,'{"attempt":1,"at":"2026-11-28T16:10:40.437Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(2,1,'task',2,'{"attempt":1,"at":"2026-11-28T16:10:40.437Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(3,1,'task',3,'{"attempt":1,"at":"2026-11-28T16:10:40.444Z","outcome":{"status":503,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(4,1,'task',3,'{"attempt":2,"at":"2026-11-28T16:10:40.444Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(5,1,'task',4,'{"attempt":1,"at":"2026-11-28T16:10:40.444Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(6,1,'task',5,'{"attempt":1,"at":"2026-11-28T16:10:40.444Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(7,1,'task',6,'{"attempt":1,"at":"2026-11-28T16:10:40.452Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(8,1,'task',7,'{"attempt":1,"at":"2026-11-28T16:10:40.452Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(9,1,'task',8,'{"attempt":1,"at":"2026-11-28T16:10:40.455Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(10,1,'task',9,'{"attempt":1,"at":"2026-11-28T16:10:40.455Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(11,1,'task',10,'{"attempt":1,"at":"2026-11-28T16:10:40.455Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(12,1,'task',11,'{"attempt":1,"at":"2026-11-28T16:10:40.459Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(13,1,'task',12,'{"attempt":1,"at":"2026-11-28T16:10:40.459Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(14,1,'task',13,'{"attempt":1,"at":"2026-11-28T16:10:40.459Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(15,1,'task',14,'{"attempt":1,"at":"2026-11-28T16:10:40.467Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(16,1,'task',15,'{"attempt":1,"at":"2026-11-28T16:10:40.467Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(17,1,'task',16,'{"attempt":1,"at":"2026-11-28T16:10:40.481Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(18,1,'task',17,'{"attempt":1,"at":"2026-11-28T16:10:40.481Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(19,2,'task',1,'{"attempt":1,"at":"2026-11-28T16:10:40.796Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(20,2,'task',2,'{"attempt":1,"at":"2026-11-28T16:10:40.796Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(21,2,'task',3,'{"attempt":1,"at":"2026-11-28T16:10:40.894Z","outcome":{"status":503,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(22,2,'task',3,'{"attempt":2,"at":"2026-11-28T16:10:40.894Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(23,2,'task',4,'{"attempt":1,"at":"2026-11-28T16:10:40.894Z","outcome":{"status":500,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(24,2,'task',4,'{"attempt":2,"at":"2026-11-28T16:10:40.894Z","outcome":{"status":500,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(25,3,'task',1,'{"attempt":1,"at":"2026-11-28T16:10:41.479Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
INSERT INTO "attempts" VALUES(26,3,'task',2,'{"attempt":1,"at":"2026-11-28T16:10:41.479Z","outcome":{"status":204,"error":null,"retry_after_ms":null,"excerpt":"","duration_ms":3}}');
CREATE TABLE claims(
    document TEXT NOT NULL,
    number INTEGER NOT NULL,
    task BLOB NOT NULL,
    completed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(document, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "claims" VALUES('7975adf1-f95c-41c2-9827-0498d04ed8e5',4,X'4C85A1140BFD49A58FE9F53191647306',0);
INSERT INTO "claims" VALUES('a76d1999-12cc-4dd0-a811-2f892c86f45c',3,X'517AA4DF043A41279C7CA2FC97C0EE0B',0);
INSERT INTO "claims" VALUES('harbour-1',1,X'2C610D784F044EAE9B37B667EB827B3C',1);
CREATE TABLE cursors(
    task INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    next_event INTEGER NOT NULL DEFAULT 1,
    next_delivery INTEGER NOT NULL DEFAULT 1,
    attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(task, endpoint)
) STRICT, WITHOUT ROWID;
INSERT INTO "cursors" VALUES(1,'task',18,18,0);
INSERT INTO "cursors" VALUES(2,'task',5,5,0);
INSERT INTO "cursors" VALUES(3,'task',3,3,0);
INSERT INTO "cursors" VALUES(4,'task',1,1,0);
CREATE TABLE deliveries(
    task INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    delivery INTEGER NOT NULL,
    event INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY(task, endpoint, delivery)
) STRICT, WITHOUT ROWID;
INSERT INTO "deliveries" VALUES(1,'task',1,1,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',2,2,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',3,3,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',4,4,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',5,5,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',6,6,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',7,7,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',8,8,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',9,9,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',10,10,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',11,11,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',12,12,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',13,13,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',14,14,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',15,15,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',16,16,'"delivered"');
INSERT INTO "deliveries" VALUES(1,'task',17,17,'"delivered"');
INSERT INTO "deliveries" VALUES(2,'task',1,1,'"delivered"');
INSERT INTO "deliveries" VALUES(2,'task',2,2,'"delivered"');
INSERT INTO "deliveries" VALUES(2,'task',3,3,'"delivered"');
INSERT INTO "deliveries" VALUES(2,'task',4,4,'"dead"');
INSERT INTO "deliveries" VALUES(3,'task',1,1,'"delivered"');
INSERT INTO "deliveries" VALUES(3,'task',2,2,'"delivered"');
CREATE TABLE due(
    queue INTEGER NOT NULL,
    key TEXT NOT NULL,
    task INTEGER NOT NULL,
    due_at INTEGER,
    leased INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(queue, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "due" VALUES(0,'2c610d78-4f04-4eae-9b37-b667eb827b3c',1,NULL,0,1);
INSERT INTO "due" VALUES(0,'4c85a114-0bfd-49a5-8fe9-f53191647306',4,1795882241522,0,0);
INSERT INTO "due" VALUES(0,'517aa4df-043a-4127-9c7c-a2fc97c0ee0b',3,1795882271476,1,1);
INSERT INTO "due" VALUES(0,'fbc1e670-c8e9-4148-8787-3b4cca34ee6a',2,NULL,0,1);
INSERT INTO "due" VALUES(1,'2c610d78-4f04-4eae-9b37-b667eb827b3c/task',1,NULL,0,17);
INSERT INTO "due" VALUES(1,'4c85a114-0bfd-49a5-8fe9-f53191647306/task',4,NULL,0,0);
INSERT INTO "due" VALUES(1,'517aa4df-043a-4127-9c7c-a2fc97c0ee0b/task',3,NULL,0,2);
INSERT INTO "due" VALUES(1,'fbc1e670-c8e9-4148-8787-3b4cca34ee6a/task',2,NULL,0,4);
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
INSERT INTO "events" VALUES(3,1,3,1795882240444,'{"sequence":3,"timestamp":"2026-11-28T16:10:40.444Z","progress_percent":25.0,"message":"Step markdown_conversion completed","event_type":"step_completed","step":"markdown_conversion","stage":"content_processing","data":{"markdown_file_url":"/api/files/temp/2c610d78-4f04-4eae-9b37-b667eb827b3c/markdown.md","conversion_metadata":{"original_format":"md","file_size_bytes":533,"content_length":533,"page_count":null,"conversion_time_seconds":0.004}},"artifacts":[{"name":"markdown.md","media_type":"text/markdown","size":533,"sha256":"815a18270bae2c8a10a916177377330d12b304bcbbf48dacd44428999cb2f8fe"},{"name":"document.json","media_type":"application/json","size":256,"sha256":"3290ed4102c06876925ae89909a14b78b9165b6e480e006e47b37c744b25000a"}],"resources":{"wall_ms":4,"cpu_ms":1,"peak_memory_bytes":3342336,"host_calls":16,"bytes_in":533,"bytes_out":789}}');
INSERT INTO "events" VALUES(4,1,4,1795882240444,'{"sequence":4,"timestamp":"2026-11-28T16:10:40.444Z","progress_percent":25.0,"message":"Processing: 25% reached in markdown_conversion","event_type":"task_progress","milestone":25,"step":"markdown_conversion","stage":"content_processing"}');
INSERT INTO "events" VALUES(5,1,5,1795882240444,'{"sequence":5,"timestamp":"2026-11-28T16:10:40.444Z","progress_percent":25.0,"message":"Step metadata_extraction started","event_type":"step_started","step":"metadata_extraction","stage":"content_processing"}');
INSERT INTO "events" VALUES(6,1,6,1795882240452,'{"sequence":6,"timestamp":"2026-11-28T16:10:40.452Z","progress_percent":40.0,"message":"Step metadata_extraction completed","event_type":"step_completed","step":"metadata_extraction","stage":"content_processing","data":{"metadata_file_url":"/api/files/temp/2c610d78-4f04-4eae-9b37-b667eb827b3c/metadata.json","metadata":{"title":"Harbour report","author":null,"creation_date":null,"format":"text/markdown","language":"en","page_count":null,"file_size_bytes":533},"file_properties":{"file_name":"harbour.md","sha256":"815a18270bae2c8a10a916177377330d12b304bcbbf48dacd44428999cb2f8fe","encoding":"utf-8"}},"artifacts":[{"name":"metadata.json","media_type":"application/json","size":295,"sha256":"a5f1cb7ea01ff52bba101a6cd816804d61bf2f11a4c7c6c8370538ca7343d1db"}],"resources":{"wall_ms":5,"cpu_ms":1,"peak_memory_bytes":1441792,"host_calls":18,"bytes_in":789,"bytes_out":295}}');
INSERT INTO "events" VALUES(7,1,7,1795882240452,'{"sequence":7,"timestamp":"2026-11-28T16:10:40.452Z","progress_percent":40.0,"message":"Step content_processing started","event_type":"step_started","step":"content_processing","stage":"content_processing"}');
INSERT INTO "events" VALUES(8,1,8,1795882240455,'{"sequence":8,"timestamp":"2026-11-28T16:10:40.455Z","progress_percent":50.0,"message":"Processing: 50% reached in content_processing","event_type":"task_progress","milestone":50,"step":"content_processing","stage":"content_processing"}');
INSERT INTO "events" VALUES(9,1,9,1795882240455,'{"sequence":9,"timestamp":"2026-11-28T16:10:40.455Z","progress_percent":70.0,"message":"Step content_processing completed","event_type":"step_completed","step":"content_processing","stage":"content_processing","data":{"summary":"The harbour of Westport handled 1,204 ships in March 2026. Anna Keller, who leads the port authority, said that traffic had grown by a tenth since the new quay was opened. Quay North is used by container ships of the Baltic Line. Anna Keller expects that ships of up to 300 metres can enter the harbour then.","content_length":533,"language":"en","detected_topics":["Baltic Line","harbour","report","Anna Keller","quay","March","Westport","ships"],"processing_time_seconds":0.002},"artifacts":[],"resources":{"wall_ms":2,"cpu_ms":1,"peak_memory_bytes":1441792,"host_calls":13,"bytes_in":533,"bytes_out":0}}');
INSERT INTO "events" VALUES(10,1,10,1795882240455,'{"sequence":10,"timestamp":"2026-11-28T16:10:40.455Z","progress_percent":70.0,"message":"Step chunking started","event_type":"step_started","step":"chunking","stage":"chunking"}');
INSERT INTO "events" VALUES(11,1,11,1795882240459,'{"sequence":11,"timestamp":"2026-11-28T16:10:40.459Z","progress_percent":75.0,"message":"Processing: 75% reached in chunking","event_type":"task_progress","milestone":75,"step":"chunking","stage":"chunking"}');
INSERT INTO "events" VALUES(12,1,12,1795882240459,'{"sequence":12,"timestamp":"2026-11-28T16:10:40.459Z","progress_percent":80.0,"message":"Step chunking completed","event_type":"step_completed","step":"chunking","stage":"chunking","data":{"chunks_file_url":"/api/files/temp/2c610d78-4f04-4eae-9b37-b667eb827b3c/chunks.json","chunks_created":1,"chunking_strategy":"semantic","average_chunk_size":532,"chunk_size_range":{"min":532,"max":532}},"artifacts":[{"name":"chunks.json","media_type":"application/json","size":765,"sha256":"e799ad841c1438d30756e5c3d853f5d14874400c092c2ded32b5244f67b12971"}],"resources":{"wall_ms":2,"cpu_ms":0,"peak_memory_bytes":1245184,"host_calls":21,"bytes_in":789,"bytes_out":765}}');
INSERT INTO "events" VALUES(13,1,13,1795882240459,'{"sequence":13,"timestamp":"2026-11-28T16:10:40.459Z","progress_percent":80.0,"message":"Step graph_extraction started","event_type":"step_started","step":"graph_extraction","stage":"graph_extraction"}');
INSERT INTO "events" VALUES(14,1,14,1795882240467,'{"sequence":14,"timestamp":"2026-11-28T16:10:40.467Z","progress_percent":90.0,"message":"Step graph_extraction completed","event_type":"step_completed","step":"graph_extraction","stage":"graph_extraction","data":{"graph_file_url":"/api/files/temp/2c610d78-4f04-4eae-9b37-b667eb827b3c/graph.json","entities_extracted":5,"relations_extracted":0,"facts_extracted":0,"top_entities":[{"name":"Baltic Line","type":"Name","mentions":2},{"name":"Anna Keller","type":"Person","mentions":2}],"extraction_time_seconds":0.004},"artifacts":[{"name":"graph.json","media_type":"application/json","size":676,"sha256":"45f1ba513416136bb1dbc9580e091e1b71283d89676601763d100e683228d6af"}],"resources":{"wall_ms":5,"cpu_ms":2,"peak_memory_bytes":1376256,"host_calls":20,"bytes_in":789,"bytes_out":676}}');
INSERT INTO "events" VALUES(15,1,15,1795882240467,'{"sequence":15,"timestamp":"2026-11-28T16:10:40.467Z","progress_percent":90.0,"message":"Step ingestion started","event_type":"step_started","step":"ingestion","stage":"storage"}');
INSERT INTO "events" VALUES(16,1,16,1795882240481,'{"sequence":16,"timestamp":"2026-11-28T16:10:40.481Z","progress_percent":100.0,"message":"Step ingestion completed","event_type":"step_completed","step":"ingestion","stage":"storage","data":{"embeddings_stored":1,"chunks_ingested":1,"facts_stored":0,"entities_stored":5,"relations_stored":0,"database_collection":"documents","processing_time_seconds":0.003,"storage_summary":{"qdrant_points":1,"neo4j_nodes":5,"neo4j_relationships":0}},"artifacts":[],"resources":{"wall_ms":4,"cpu_ms":1,"peak_memory_bytes":1114112,"host_calls":24,"bytes_in":5832,"bytes_out":0}}');
INSERT INTO "events" VALUES(17,1,17,1795882240481,'{"sequence":17,"timestamp":"2026-11-28T16:10:40.481Z","progress_percent":100.0,"message":"Task completed successfully","event_type":"task_completed","result":{"chunks_created":1,"embeddings_stored":1,"facts_extracted":0,"entities_extracted":5,"relations_extracted":0,"database_collection":"documents","storage_summary":{"qdrant_points":1,"neo4j_nodes":5,"neo4j_relationships":0},"processing_time_seconds":0.044,"processing_time":0.044}}');
INSERT INTO "events" VALUES(18,2,1,1795882240796,'{"sequence":1,"timestamp":"2026-11-28T16:10:40.796Z","progress_percent":0.0,"message":"Task processing started","event_type":"task_started"}');
INSERT INTO "events" VALUES(19,2,2,1795882240796,'{"sequence":2,"timestamp":"2026-11-28T16:10:40.796Z","progress_percent":0.0,"message":"Step markdown_conversion started","event_type":"step_started","step":"markdown_conversion","stage":"content_processing"}');
INSERT INTO "events" VALUES(20,2,3,1795882240894,'{"sequence":3,"timestamp":"2026-11-28T16:10:40.894Z","progress_percent":0.0,"message":"Step markdown_conversion failed","event_type":"step_failed","step":"markdown_conversion","stage":"content_processing","failure":{"code":"UNSUPPORTED_FORMAT","message":"Unsupported file format: .xyz files cannot be converted to markdown","details":{"attempted_format":"xyz","supported_formats":["pdf","docx","txt","md","html","csv"]},"retryable":false},"resources":{"wall_ms":1,"cpu_ms":0,"peak_memory_bytes":3342336,"host_calls":7,"bytes_in":21,"bytes_out":0}}');
INSERT INTO "events" VALUES(21,2,4,1795882240894,'{"sequence":4,"timestamp":"2026-11-28T16:10:40.894Z","progress_percent":0.0,"message":"Task failed during content processing","event_type":"task_failed","step":"markdown_conversion","stage":"content_processing","failure":{"code":"UNSUPPORTED_FORMAT","message":"Unsupported file format: .xyz files cannot be converted to markdown","details":{"attempted_format":"xyz","supported_formats":["pdf","docx","txt","md","html","csv"]},"retryable":false}}');
INSERT INTO "events" VALUES(22,3,1,1795882241479,'{"sequence":1,"timestamp":"2026-11-28T16:10:41.479Z","progress_percent":0.0,"message":"Task processing started","event_type":"task_started"}');
INSERT INTO "events" VALUES(23,3,2,1795882241479,'{"sequence":2,"timestamp":"2026-11-28T16:10:41.479Z","progress_percent":0.0,"message":"Step markdown_conversion started","event_type":"step_started","step":"markdown_conversion","stage":"content_processing"}');
CREATE TABLE idempotency(
    key TEXT PRIMARY KEY,
    request_digest TEXT NOT NULL,
    response TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "idempotency" VALUES('fixture-1','digest','{"task_id": "2c610d78-4f04-4eae-9b37-b667eb827b3c"}',1795882241000);
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
) STRICT;
INSERT INTO "tasks" VALUES(1,X'2C610D784F044EAE9B37B667EB827B3C','{"id":"2c610d78-4f04-4eae-9b37-b667eb827b3c","document_id":"harbour-1","pipeline":{"name":"ingest","steps":[{"name":"markdown_conversion","component":"markdown_conversion","stage":"content_processing","weight":25,"config":{}},{"name":"metadata_extraction","component":"metadata_extraction","stage":"content_processing","weight":15,"config":{}},{"name":"content_processing","component":"content_processing","stage":"content_processing","weight":30,"config":{}},{"name":"chunking","component":"chunking","stage":"chunking","weight":10,"config":{}},{"name":"graph_extraction","component":"graph_extraction","stage":"graph_extraction","weight":10,"config":{}},{"name":"ingestion","component":"ingestion","stage":"storage","weight":10,"config":{}}]},"source":{"stored_as":"original.md","file_name":"harbour.md","media_type":"text/markdown","size":533,"sha256":"815a18270bae2c8a10a916177377330d12b304bcbbf48dacd44428999cb2f8fe","source_type":"document"},"collection":"documents","language":null,"replace_existing":false,"options":{},"metadata":{"project":"alpha"},"endpoints":[{"id":"task","url":"http://127.0.0.1:18009/webhook","auth_token":"bearer-1","format":"dual","events":[],"headers":{}}],"created_at":"2026-11-28T16:10:40.433Z"}','harbour-1','completed',100.0,100.0,NULL,17,1795882240481);
INSERT INTO "tasks" VALUES(2,X'FBC1E670C8E9414887873B4CCA34EE6A','{"id":"fbc1e670-c8e9-4148-8787-3b4cca34ee6a","document_id":"e2ec53ce-37c9-4a47-950f-f4530dd8e581","pipeline":{"name":"ingest","steps":[{"name":"markdown_conversion","component":"markdown_conversion","stage":"content_processing","weight":25,"config":{}},{"name":"metadata_extraction","component":"metadata_extraction","stage":"content_processing","weight":15,"config":{}},{"name":"content_processing","component":"content_processing","stage":"content_processing","weight":30,"config":{}},{"name":"chunking","component":"chunking","stage":"chunking","weight":10,"config":{}},{"name":"graph_extraction","component":"graph_extraction","stage":"graph_extraction","weight":10,"config":{}},{"name":"ingestion","component":"ingestion","stage":"storage","weight":10,"config":{}}]},"source":{"stored_as":"original.xyz","file_name":"notes.xyz","media_type":"text/markdown","size":21,"sha256":"eb17f7fdd6f60b8cc0414714e29ba8e08a68e90e2055171775350ec844a321c5","source_type":"document"},"collection":"documents","language":null,"replace_existing":false,"options":{},"metadata":{},"endpoints":[{"id":"task","url":"http://127.0.0.1:18009/webhook","auth_token":null,"format":"dual","events":[],"headers":{}}],"created_at":"2026-11-28T16:10:40.769Z"}','e2ec53ce-37c9-4a47-950f-f4530dd8e581','failed',0.0,0.0,NULL,4,1795882240894);
INSERT INTO "tasks" VALUES(3,X'517AA4DF043A41279C7CA2FC97C0EE0B','{"id":"517aa4df-043a-4127-9c7c-a2fc97c0ee0b","document_id":"a76d1999-12cc-4dd0-a811-2f892c86f45c","pipeline":{"name":"ingest","steps":[{"name":"markdown_conversion","component":"markdown_conversion","stage":"content_processing","weight":25,"config":{}},{"name":"metadata_extraction","component":"metadata_extraction","stage":"content_processing","weight":15,"config":{}},{"name":"content_processing","component":"content_processing","stage":"content_processing","weight":30,"config":{}},{"name":"chunking","component":"chunking","stage":"chunking","weight":10,"config":{}},{"name":"graph_extraction","component":"graph_extraction","stage":"graph_extraction","weight":10,"config":{}},{"name":"ingestion","component":"ingestion","stage":"storage","weight":10,"config":{}}]},"source":{"stored_as":"original.md","file_name":"large.md","media_type":"text/markdown","size":533,"sha256":"815a18270bae2c8a10a916177377330d12b304bcbbf48dacd44428999cb2f8fe","source_type":"document"},"collection":"documents","language":null,"replace_existing":false,"options":{},"metadata":{},"endpoints":[{"id":"task","url":"http://127.0.0.1:18009/running","auth_token":null,"format":"dual","events":[],"headers":{}}],"created_at":"2026-11-28T16:10:41.466Z"}','a76d1999-12cc-4dd0-a811-2f892c86f45c','in_progress',0.0,0.0,'markdown_conversion',2,NULL);
INSERT INTO "tasks" VALUES(4,X'4C85A1140BFD49A58FE9F53191647306','{"id":"4c85a114-0bfd-49a5-8fe9-f53191647306","document_id":"7975adf1-f95c-41c2-9827-0498d04ed8e5","pipeline":{"name":"ingest","steps":[{"name":"markdown_conversion","component":"markdown_conversion","stage":"content_processing","weight":25,"config":{}},{"name":"metadata_extraction","component":"metadata_extraction","stage":"content_processing","weight":15,"config":{}},{"name":"content_processing","component":"content_processing","stage":"content_processing","weight":30,"config":{}},{"name":"chunking","component":"chunking","stage":"chunking","weight":10,"config":{}},{"name":"graph_extraction","component":"graph_extraction","stage":"graph_extraction","weight":10,"config":{}},{"name":"ingestion","component":"ingestion","stage":"storage","weight":10,"config":{}}]},"source":{"stored_as":"original.md","file_name":"waiting.md","media_type":"text/markdown","size":533,"sha256":"815a18270bae2c8a10a916177377330d12b304bcbbf48dacd44428999cb2f8fe","source_type":"document"},"collection":"documents","language":null,"replace_existing":false,"options":{},"metadata":{},"endpoints":[{"id":"task","url":"http://127.0.0.1:18009/webhook","auth_token":null,"format":"dual","events":[],"headers":{}}],"created_at":"2026-11-28T16:10:41.521Z"}','7975adf1-f95c-41c2-9827-0498d04ed8e5','pending',0.0,0.0,NULL,0,NULL);
CREATE INDEX tasks_by_status ON tasks(status, number);
CREATE INDEX tasks_by_end ON tasks(ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX events_by_time ON events(at, number);
CREATE INDEX due_by_time ON due(queue, due_at, task, leased) WHERE due_at IS NOT NULL;
CREATE INDEX due_by_task ON due(task, queue);
CREATE INDEX attempts_by_delivery ON attempts(task, endpoint, delivery);
CREATE INDEX idempotency_by_age ON idempotency(created_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tasks',4);
