BEGIN TRANSACTION;
CREATE TABLE documents (
	id VARCHAR NOT NULL, 
	uri VARCHAR NOT NULL, 
	title VARCHAR NOT NULL, 
	own_title INTEGER NOT NULL, 
	media_type VARCHAR NOT NULL, 
	text TEXT NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	source_sha256 VARCHAR, 
	pages TEXT NOT NULL, 
	indexed_at VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (uri)
);
INSERT INTO "documents" VALUES('c8b3b5dea3e4a0ce','file:///notes/a%20b.md','Née',1,'text/markdown','# Née

Cats'' 😀 chase.','4f924327137d90554a8082f33b9a7b3cc3159f9318417fefa474c7fa4203106f','cd','[{"number": 1, "start": 0, "end": 5}, {"number": 2, "start": 5, "end": 22}]','2026-11-25T01:28:10+00:00');
INSERT INTO "documents" VALUES('8cae5ebf23bb1733','https://example.org/b','b',0,'text/plain','Dogs.','48e27ca481150e939e6bd5563cbbea06bac0c21e0f8c97c06de6c6551465f3af',NULL,'[]','2026-11-25T01:28:10+00:00');
CREATE TABLE passages (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	document_id VARCHAR NOT NULL, 
	start INTEGER NOT NULL, 
	"end" INTEGER NOT NULL, 
	context VARCHAR NOT NULL, 
	generation INTEGER NOT NULL, 
	embedding BLOB NOT NULL, 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);
INSERT INTO "passages" VALUES(1,'c8b3b5dea3e4a0ce',0,5,'Née',1,X'0000803F00000000');
INSERT INTO "passages" VALUES(2,'c8b3b5dea3e4a0ce',8,20,'Née',1,X'000000000000803F');
INSERT INTO "passages" VALUES(3,'8cae5ebf23bb1733',0,5,'',2,X'0000003F0000003F');
CREATE TABLE removals (
	passage_id INTEGER NOT NULL, 
	generation INTEGER NOT NULL, 
	PRIMARY KEY (passage_id)
);
INSERT INTO "removals" VALUES(4,4);
CREATE TABLE settings (
	name VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "settings" VALUES('format_version','1');
INSERT INTO "settings" VALUES('generation','4');
INSERT INTO "settings" VALUES('store_id','912cc1d72b4545b4b527fb11bf4bc6dc');
INSERT INTO "settings" VALUES('embedder','fake');
INSERT INTO "settings" VALUES('embedder_sha256','ab');
INSERT INTO "settings" VALUES('dimensions','2');
CREATE INDEX ix_removals_generation ON removals (generation);
CREATE INDEX passages_by_generation ON passages (generation);
CREATE INDEX ix_passages_document_id ON passages (document_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('passages',4);
COMMIT;
