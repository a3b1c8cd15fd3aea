/*
 * The one table of settings. The command line, the environment, the file, --help, the man page,
 * .env.example and every error line are read from it.
 *
 * A setting `max_in_flight` is TOUCHSTONE_MAX_IN_FLIGHT in the environment, --max-in-flight on the
 * command line and `max_in_flight = ...` in the file. Those marked BARE have no TOUCHSTONE_ in
 * front. A section's name in the file is put before its keys: `[ollama]` `base_url` is
 * `ollama_base_url`; `[server]` and `[touchstone]` stand for no section.
 */
#ifndef TS_SERVER_SETTINGS_H
#define TS_SERVER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum ts_setting_type {
    TS_TYPE_TEXT,
    TS_TYPE_ADDRESSES, /* "127.0.0.1:8420,[::1]:8420" */
    TS_TYPE_NETWORKS,  /* "127.0.0.1,10.0.0.0/8" */
    TS_TYPE_URL,       /* http:// or https:// */
    TS_TYPE_PREFIX,    /* of paths: "/ai" */
    TS_TYPE_SECRET,    /* also by file: NAME_FILE, --name-file, name_file */
    TS_TYPE_NUMBER,
    TS_TYPE_SWITCH, /* on or off, in any of the usual words */
    TS_TYPE_TRIPLE, /* auto, on or off */
    TS_TYPE_CHOICE,
};

enum ts_setting_flags {
    TS_SET_BARE = 1,   /* no TOUCHSTONE_ in the environment */
    TS_SET_HIDDEN = 2, /* for tests: in no help */
    TS_SET_LATER = 4,  /* accepted, without effect in this version: said at start */
};

/* X(enum suffix, name, type, default ("": unset), min, max, choices, flags, help) */
/* clang-format off */
#define TS_SETTINGS_TABLE(X)                                                                        \
    X(LISTEN, "listen", ADDRESSES, "127.0.0.1:8420", 0, 0, NULL, 0,                                      \
      "address:port to listen on, several separated by commas; beyond loopback a key is required")  \
    X(API_KEY, "api_key", SECRET, "", 0, 0, NULL, 0,                                                \
      "key that clients must send; without one, credentials are ignored")                           \
    X(DB, "db", TEXT, "", 0, 0, NULL, 0,                                                            \
      "SQLite file; default $XDG_STATE_HOME/touchstone/touchstone.db")                              \
    X(DB_REQUIRED, "db_required", SWITCH, "off", 0, 0, NULL, 0,                                     \
      "exit when the database cannot be opened, instead of starting degraded")                      \
    X(DURABILITY, "durability", CHOICE, "full", 0, 0, "full|normal", 0,                             \
      "what a recorded call survives: full = power loss, normal = a crash of the process")          \
    X(LOOPS, "loops", NUMBER, "1", 1, 64, NULL, 0,                                                  \
      "event loops, a thread each")                                                                 \
    X(READERS, "readers", NUMBER, "4", 1, 64, NULL, 0,                                              \
      "database connections for analytics")                                                         \
    X(MAX_IN_FLIGHT, "max_in_flight", NUMBER, "16384", 1, 1000000, NULL, 0,                         \
      "generations at once; beyond it 503 with Retry-After")                                        \
    X(TIMEOUT_CONNECT_MS, "timeout_connect_ms", NUMBER, "", 1, 600000, NULL, 0,                     \
      "to connect to a model server; default 2000, cloud 5000")                                     \
    X(TIMEOUT_FIRST_TOKEN_MS, "timeout_first_token_ms", NUMBER, "", 0, 86400000, NULL, 0,           \
      "to the first token; 0 = none; default 600000, cloud 120000")                                 \
    X(TIMEOUT_GAP_MS, "timeout_gap_ms", NUMBER, "120000", 0, 86400000, NULL, 0,                     \
      "between two tokens; 0 = none")                                                               \
    X(TIMEOUT_TOTAL_MS, "timeout_total_ms", NUMBER, "0", 0, 604800000, NULL, 0,                     \
      "for a whole answer; 0 = none while tokens flow")                                             \
    X(RETENTION_DAYS, "retention_days", NUMBER, "90", 0, 36500, NULL, 0,                 \
      "how long single calls are kept; 0 = for ever")                                               \
    X(INSIGHT_SLOW_MS, "insight_slow_ms", NUMBER, "8000", 1, 86400000, NULL, 0,                     \
      "an average answer from which on a kind of task is told to be slow")                          \
    X(INSIGHT_LOW_SUCCESS, "insight_low_success", NUMBER, "95", 0, 100, NULL, 0,                    \
      "per cent of successful calls below which a kind of task is told of")                         \
    X(INSIGHT_LOW_SATISFACTION, "insight_low_satisfaction", NUMBER, "70", 0, 100, NULL, 0,          \
      "per cent of thumbs up below which it is told")                                               \
    X(INSIGHT_COSTLY_TIMES, "insight_costly_times", NUMBER, "2", 1, 1000, NULL, 0,                  \
      "how often the price of an equally good model is told to be a costly habit")                  \
    X(CLONE_RETENTION_DAYS, "clone_retention_days", NUMBER, "0", 0, 36500, NULL, 0,                 \
      "how long website clones are kept; 0 = for ever")                                             \
    X(CLONE_MEDIUM_WORDS, "clone_medium_words", NUMBER, "500", 1, 1000000000, NULL, 0,              \
      "from how many words on a website is medium; below it is simple")                             \
    X(CLONE_COMPLEX_WORDS, "clone_complex_words", NUMBER, "2000", 1, 1000000000, NULL, 0,           \
      "from how many words on it is complex")                                                       \
    X(TRACKING, "tracking", SWITCH, "on", 0, 0, NULL, 0,                                            \
      "off = proxy only, nothing is recorded")                                                      \
    X(CAPTURE, "capture", CHOICE, "none", 0, 0, "none|prompts|full", 0,                             \
      "what text is stored of a call: nothing, the prompt's newest message, or the answer's too")                                                                        \
    X(FALLBACK, "fallback", TEXT, "auto", 0, 0, NULL, 0,                                            \
      "provider/model list tried when a model's servers fail; auto = any healthy local model; off") \
    X(LOCAL_ONLY, "local_only", SWITCH, "off", 0, 0, NULL, 0,                                       \
      "on = nothing is ever sent to a cloud provider")                                              \
    X(DISCOVERY, "discovery", SWITCH, "on", 0, 0, NULL, 0,                                          \
      "with no model server named, look for one at the four usual local addresses")                 \
    X(BASE_PATH, "base_path", PREFIX, "", 0, 0, NULL, 0,                                              \
      "path prefix behind a reverse proxy, e.g. /ai")                                               \
    X(SERVER_NAMES, "server_names", TEXT, "", 0, 0, NULL, 0,                                        \
      "names (or name:port) besides loopback that may stand in Host, separated by commas")          \
    X(TRUSTED_PROXIES, "trusted_proxies", NETWORKS, "", 0, 0, NULL, 0,                              \
      "proxies that may say who the client is: addresses or blocks (10.0.0.0/8) between commas")    \
    X(CORS_ORIGINS, "cors_origins", TEXT, "", 0, 0, NULL, 0,                                        \
      "origins of other pages that may call the API, e.g. https://dash.example")                    \
    X(SYNC_DUCKDB, "sync_duckdb", TEXT, "", 0, 0, NULL, 0,                                          \
      "a DuckDB file that `touchstone sync` keeps a copy of the calls in")                          \
    X(SYNC_MINUTES, "sync_minutes", NUMBER, "0", 0, 10080, NULL, 0,                                 \
      "how often the server itself has it brought up to date; 0 = never")                           \
    X(DUCKDB_LIBRARY, "duckdb_library", TEXT, "", 0, 0, NULL, 0,                                    \
      "libduckdb.so; unset = where the system looks for libraries")                                 \
    X(LEARNER_JSON, "learner_json", TEXT, ".sf/model-performance.json", 0, 0, NULL, 0,              \
      "an older JSON store, imported once if it is there")                                          \
    X(DRAIN_TIMEOUT_MS, "drain_timeout_ms", NUMBER, "30000", 0, 3600000, NULL, 0,                   \
      "how long running answers may take when the server is told to stop")                          \
    X(LOG, "log", CHOICE, "info", 0, 0, "error|warn|info|debug", 0,                                 \
      "log level; debug logs each request")                                                         \
    X(LOG_FORMAT, "log_format", CHOICE, "text", 0, 0, "text|json", 0,                               \
      "how log lines look")                                                                         \
    X(STREAM_PATH, "stream_path", CHOICE, "direct", 0, 0, "direct|library", TS_SET_HIDDEN,          \
      "who writes streams to the client's socket")                                                  \
    X(OLLAMA_ENABLED, "ollama_enabled", TRIPLE, "auto", 0, 0, NULL, TS_SET_BARE,                    \
      "auto = if it is named or found")                                                             \
    X(OLLAMA_BASE_URL, "ollama_base_url", URL, "", 0, 0, NULL, TS_SET_BARE,                        \
      "default http://localhost:11434")                                                             \
    X(VLLM_ENABLED, "vllm_enabled", TRIPLE, "auto", 0, 0, NULL, TS_SET_BARE,                        \
      "auto = if it is named or found")                                                             \
    X(VLLM_BASE_URL, "vllm_base_url", URL, "", 0, 0, NULL, TS_SET_BARE,                            \
      "default http://localhost:8000")                                                              \
    X(LMSTUDIO_ENABLED, "lmstudio_enabled", TRIPLE, "auto", 0, 0, NULL, TS_SET_BARE,                \
      "auto = if it is named or found")                                                             \
    X(LMSTUDIO_BASE_URL, "lmstudio_base_url", URL, "", 0, 0, NULL, TS_SET_BARE,                    \
      "default http://localhost:1234")                                                              \
    X(LLAMACPP_ENABLED, "llamacpp_enabled", TRIPLE, "auto", 0, 0, NULL, TS_SET_BARE,                \
      "auto = if it is named or found")                                                             \
    X(LLAMACPP_BASE_URL, "llamacpp_base_url", URL, "", 0, 0, NULL, TS_SET_BARE,                    \
      "default http://localhost:8080")                                                              \
    X(OPENAI_API_KEY, "openai_api_key", SECRET, "", 0, 0, NULL, TS_SET_BARE,                        \
      "this cloud provider is used only with a key")                                                \
    X(OPENAI_BASE_URL, "openai_base_url", URL, "", 0, 0, NULL, TS_SET_BARE,                        \
      "default https://api.openai.com")                                                             \
    X(ANTHROPIC_API_KEY, "anthropic_api_key", SECRET, "", 0, 0, NULL, TS_SET_BARE,                  \
      "this cloud provider is used only with a key")                                                \
    X(ANTHROPIC_BASE_URL, "anthropic_base_url", URL, "", 0, 0, NULL, TS_SET_BARE,                  \
      "default https://api.anthropic.com")
/* clang-format on */

enum ts_setting_id {
#define X(id, ...) TS_SETTING_##id,
    TS_SETTINGS_TABLE(X)
#undef X
        TS_SETTING_COUNT_
};

struct ts_setting {
    const char *name;
    enum ts_setting_type type;
    const char *fallback;
    int64_t min;
    int64_t max;
    const char *choices; /* "a|b|c" */
    unsigned flags;
    const char *help;
};

const struct ts_setting *ts_setting(enum ts_setting_id id);

enum { TS_SETTING_NAME_SIZE = 64 };

/* The names of the two other forms. @suffix: "" or "_FILE" / "-file". Return @out. */
char *ts_setting_env(enum ts_setting_id id,
                     const char *suffix,
                     char out[static TS_SETTING_NAME_SIZE]);
char *ts_setting_flag(enum ts_setting_id id,
                      const char *suffix,
                      char out[static TS_SETTING_NAME_SIZE]);

/* The setting of that name, or TS_SETTING_COUNT_. @by_file: the name had _file behind it. */
enum ts_setting_id ts_setting_find(const char *name, bool *by_file);

/* The name of a setting nearest to a misspelt one, or NULL if none is near. */
const char *ts_setting_nearest(const char *name);

/* The nearest of @count names, or NULL; for sub-commands too. */
const char *ts_nearest(const char *name, const char *const *names, int count);

#endif
