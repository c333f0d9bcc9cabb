//! What an app's invocations may cost, and what no app can change.

use std::time::Duration;

/// Bounds of each invocation of an app, of how many there are at once, and of what they leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fuel units; one is about one wasm instruction.
    pub fuel: u64,
    /// Bytes of linear memory, the interpreter's own included.
    pub memory: usize,
    /// Wall time, host calls included.
    pub wall_time: Duration,
    /// Bytes of a request body.
    pub request_body: usize,
    /// Bytes of a response body.
    pub response_body: usize,
    /// Lines of log kept; those past it are counted.
    pub log_lines: usize,
    /// Bytes of log kept; lines that would pass it are counted.
    pub log_bytes: usize,
    /// Calls of the key-value store.
    pub kv_calls: u32,
    /// Events that it may publish.
    pub topic_calls: u32,
    /// HTTP requests to other servers.
    pub http_calls: u32,
    /// Calls about files.
    pub file_calls: u32,
    /// Reads of variables and secrets.
    pub setting_calls: u32,
    /// Other scripts of the app that it may call, those included that these call.
    pub script_calls: u32,
    /// Bytes that one call may ask of the random source.
    pub random_bytes: u32,
    /// Invocations of the app that a node has in flight, those that wait included.
    pub concurrency: usize,
    /// How long records of the app's invocations are kept, their logs included.
    pub record_time: Duration,
    /// Bytes that they take together; those that are too old, and then the oldest, go.
    pub record_bytes: i64,
    /// Requests of the app that a node lets in, in each minute of the clock.
    pub requests_per_minute: u64,
    /// Fuel of the app's invocations that a node has end in each minute of the clock before others begin in it.
    pub fuel_per_minute: u64,
    /// Bytes of the keys and values of the app's key-value store.
    pub kv_bytes: i64,
    /// Its entries.
    pub kv_entries: i64,
}

/// Seconds.
const DAY: u64 = 24 * 60 * 60;

impl Limits {
    /// How far an app may raise each, unless the server is told otherwise.
    pub const MAXIMA: Self = Self {
        // A second and a half of computing.
        fuel: 10_000_000_000,
        memory: 32 << 20,
        // As long as a server that is told to stop waits for requests in flight.
        wall_time: Duration::from_secs(30),
        // Both cross as one piece of the instance's memory, beside whatever is made of them.
        request_body: 8 << 20,
        response_body: 8 << 20,
        // A sixteenth of the logs that may wait to be written.
        log_lines: 4_096,
        log_bytes: 1 << 20,
        kv_calls: 10_000,
        topic_calls: 1_000,
        http_calls: 1_000,
        file_calls: 1_000,
        setting_calls: 10_000,
        // Each is an instance and a record, which its fuel does not pay for.
        script_calls: 256,
        random_bytes: 1 << 20,
        concurrency: 10_000,
        record_time: Duration::from_secs(90 * DAY),
        record_bytes: 1 << 30,
        requests_per_minute: Self::UNBOUNDED,
        fuel_per_minute: Self::UNBOUNDED,
        kv_bytes: 4 << 30,
        kv_entries: 10_000_000,
    };

    /// What stands for no bound: as many as anybody can say.
    pub const UNBOUNDED: u64 = i64::MAX as u64;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 500_000_000,
            memory: 32 << 20,
            wall_time: Duration::from_secs(10),
            request_body: 1 << 20,
            response_body: 4 << 20,
            log_lines: 256,
            log_bytes: 64 << 10,
            kv_calls: 1_000,
            topic_calls: 100,
            http_calls: 32,
            file_calls: 100,
            setting_calls: 1_000,
            script_calls: 16,
            random_bytes: 64 << 10,
            concurrency: 64,
            record_time: Duration::from_secs(7 * DAY),
            record_bytes: 200 << 20,
            requests_per_minute: Self::UNBOUNDED,
            fuel_per_minute: Self::UNBOUNDED,
            kv_bytes: 256 << 20,
            kv_entries: 1_000_000,
        }
    }
}

/// Bytes of request bodies that a process holds at once, unless it is told otherwise.
pub const BODIES_BYTES: usize = 256 << 20;
/// A body of no more than so many does not count.
pub const SMALL_BODY_BYTES: usize = 16 << 10;
/// How long a request's body may take to arrive.
pub const BODY_TIME: Duration = Duration::from_secs(30);
/// Most apps of a server.
pub const APPS: i64 = 10_000;
/// Apps that a user made, who is no administrator, before they may make no more.
pub const USER_APPS: i64 = 100;
/// Entries of the audit log that are kept, whatever their age.
pub const AUDIT_ENTRIES: i64 = 500_000;
/// Those of one user: so many that nobody hides what they did by doing more, and too few to push out the others'.
pub const AUDIT_ENTRIES_OF_USER: i64 = 200_000;
/// Most scripts of an app.
pub const APP_SCRIPTS: usize = 1_000;
/// Versions that are kept of a script, the newest, beside the active one and the one before it.
pub const SCRIPT_VERSIONS: i64 = 100;
/// Most bytes of a script's source.
pub const SOURCE_BYTES: usize = 256 << 10;
/// Most bytes of the sources of a deploy, those included that stay.
pub const DEPLOY_BYTES: usize = 8 << 20;
/// Most routes, topics and schedules of the scripts of a deploy, those included that stay. Each that is new is a
/// statement, while which nobody else writes to SQLite.
pub const DEPLOY_TRIGGERS: usize = 4_000;
/// Most scripts that one imports, those included that they import.
pub const IMPORTS: usize = 64;
/// Most bytes of a script's source with the sources of all that it imports.
pub const PROGRAM_BYTES: usize = 1 << 20;
/// Most bytes of a key in the key-value store.
pub const KV_KEY_BYTES: usize = 512;
/// Most bytes of a value in the key-value store.
pub const KV_VALUE_BYTES: usize = 256 << 10;
/// Most keys that one call of the key-value store names, or values that it brings.
pub const KV_BATCH_KEYS: usize = 100;
/// Most bytes of the values, and of their keys where it writes them, of one call of the key-value store.
pub const KV_BATCH_BYTES: usize = 1 << 20;
/// Most bytes of a variable's or a secret's value.
pub const SETTING_BYTES: usize = 32 << 10;
/// Most variables of an app.
pub const APP_VARS: usize = 256;
/// Most domains of an app.
pub const APP_DOMAINS: usize = 32;
/// Most secrets of an app.
pub const APP_SECRETS: usize = 256;
/// Most API tokens of a user.
pub const USER_API_TOKENS: usize = 100;
/// Most sessions of a user; the next one ends the oldest.
pub const USER_SESSIONS: i64 = 1_000;
/// Most invitations that are kept for one app, and for the server, be they open or over.
pub const INVITATIONS: usize = 1_000;
/// Most bytes of a file.
pub const FILE_BYTES: usize = 10 << 20;
/// Most bytes of an app's files together, each counted as often as it is named.
pub const APP_FILE_BYTES: i64 = 256 << 20;
/// Most files of an app.
pub const APP_FILES: i64 = 10_000;
/// Most bytes of a file's path.
pub const FILE_PATH_BYTES: usize = 512;
/// Most bytes of an event's payload, as JSON.
pub const TOPIC_PAYLOAD_BYTES: usize = 256 << 10;
/// Most bytes of the key that keeps events in order.
pub const TOPIC_KEY_BYTES: usize = 512;
/// Longest time that an event can be held back.
pub const TOPIC_DELAY: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Events that cause one another: a request's are of depth 1, those that a script publishes when it is given one of
/// these of depth 2, and so on.
pub const TOPIC_DEPTH: u32 = 16;
/// Scripts that call one another: one that is called by what nobody called is of depth 1.
pub const SCRIPT_DEPTH: u32 = 8;
/// Most topics that one script is subscribed to.
pub const SCRIPT_TOPICS: usize = 100;
/// Most schedules of one script.
pub const SCRIPT_SCHEDULES: usize = 100;
/// Most schedules of an app.
pub const APP_SCHEDULES: usize = 1_000;
/// Deliveries of an app that wait or run.
pub const DELIVERIES_WAITING: usize = 10_000;
/// How long what invocations come to is kept by the minute.
pub const STATS_MINUTES_TIME: Duration = Duration::from_secs(2 * DAY);
/// And by the hour.
pub const STATS_HOURS_TIME: Duration = Duration::from_secs(90 * DAY);
/// Dead letters of an app; the oldest go.
pub const DEAD_LETTERS: i64 = 10_000;
/// Bytes of their payloads and errors together; the oldest go.
pub const DEAD_LETTER_BYTES: i64 = 256 << 20;
/// How long dead letters are kept.
pub const DEAD_LETTER_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
