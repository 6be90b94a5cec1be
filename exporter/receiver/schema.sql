CREATE TABLE IF NOT EXISTS incidents (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, exchange TEXT NOT NULL,
  opened_at REAL NOT NULL, closed_at REAL,
  waiting_since REAL, retry_at REAL NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
  changes INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS open_incidents ON incidents (key) WHERE closed_at IS NULL;
CREATE INDEX IF NOT EXISTS incidents_of_exchanges ON incidents (exchange, opened_at);
CREATE TABLE IF NOT EXISTS alerts (
  fingerprint TEXT PRIMARY KEY, incident INTEGER NOT NULL, urgency INTEGER NOT NULL,
  starts_at REAL NOT NULL, ended_at REAL, guarded REAL NOT NULL DEFAULT 0,
  doubtful INTEGER NOT NULL DEFAULT 0, misses INTEGER NOT NULL DEFAULT 0,
  document TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS firing ON alerts (urgency DESC, starts_at, fingerprint, misses)
  WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS firing_of_incidents
  ON alerts (incident, urgency DESC, starts_at, fingerprint) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS doubtful ON alerts (fingerprint) WHERE doubtful = 1;
CREATE TABLE IF NOT EXISTS truncated (receiver TEXT, labels TEXT, PRIMARY KEY (receiver, labels));
CREATE TABLE IF NOT EXISTS derived (
  labels TEXT PRIMARY KEY, incident INTEGER NOT NULL, kind TEXT NOT NULL, document TEXT NOT NULL,
  expires REAL, ended_at REAL
);
CREATE TABLE IF NOT EXISTS analyses (
  id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, at REAL NOT NULL,
  revision INTEGER NOT NULL, cause TEXT NOT NULL, level INTEGER NOT NULL, cost REAL NOT NULL,
  names TEXT NOT NULL,
  answer TEXT NOT NULL, evidence TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS analyses_of_incidents ON analyses (incident, id);
CREATE TABLE IF NOT EXISTS feedback (
  analysis INTEGER PRIMARY KEY, at REAL NOT NULL, useful INTEGER NOT NULL, note TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS dead_letters (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, incident INTEGER NOT NULL,
  reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS audit (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, incident TEXT NOT NULL, action TEXT NOT NULL,
  detail TEXT NOT NULL
);
