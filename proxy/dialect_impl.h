/* What the parts of one dialect share: its table, its requests (request_*.c), its bodies for
 * upstreams (body_*.c) and its answers to clients (write_*.c). */
#ifndef TS_PROXY_DIALECT_IMPL_H
#define TS_PROXY_DIALECT_IMPL_H

#include "proxy/genreq.h"

/* dialect_openai.c: the headers of all its routes */
extern const char *const ts_openai_forwards[];
extern const char *const ts_openai_passes[];

/* The counts of an event of theirs: the wire's prompt tokens include those read from a cache; ours
 * are disjoint. */
struct ts_token_counts ts_openai_tokens(const struct ts_draft *d);

/* request_openai.c */
enum { TS_OPENAI_CHAT_MEMBERS = 11, TS_OPENAI_COMPLETIONS_MEMBERS = 10 };
extern const struct ts_member_rule ts_openai_chat_members[TS_OPENAI_CHAT_MEMBERS];
extern const struct ts_member_rule ts_openai_completions_members[TS_OPENAI_COMPLETIONS_MEMBERS];
bool ts_openai_chat_folds(const struct ts_genreq *q);
bool ts_openai_completions_folds(const struct ts_genreq *q);
enum ts_err ts_openai_chat_asked(const struct ts_genreq *q,
                                 struct ts_asked *out,
                                 struct ts_error *err);
enum ts_err ts_openai_chat_messages(const struct ts_genreq *q,
                                    ts_message_fn *fn,
                                    void *ctx,
                                    struct ts_error *err);
enum ts_err ts_openai_completions_asked(const struct ts_genreq *q,
                                        struct ts_asked *out,
                                        struct ts_error *err);
enum ts_err ts_openai_completions_messages(const struct ts_genreq *q,
                                           ts_message_fn *fn,
                                           void *ctx,
                                           struct ts_error *err);

/* request_ollama.c */
enum { TS_OLLAMA_GENERATE_MEMBERS = 15, TS_OLLAMA_CHAT_MEMBERS = 10 };
extern const struct ts_member_rule ts_ollama_generate_members[TS_OLLAMA_GENERATE_MEMBERS];
extern const struct ts_member_rule ts_ollama_chat_members[TS_OLLAMA_CHAT_MEMBERS];
bool ts_ollama_folds(const struct ts_genreq *q);
enum ts_err ts_ollama_generate_check(struct ts_genreq *q, struct ts_error *err);
enum ts_err ts_ollama_chat_check(struct ts_genreq *q, struct ts_error *err);
enum ts_err ts_ollama_asked(const struct ts_genreq *q, struct ts_asked *out, struct ts_error *err);
enum ts_err ts_ollama_generate_messages(const struct ts_genreq *q,
                                        ts_message_fn *fn,
                                        void *ctx,
                                        struct ts_error *err);
enum ts_err ts_ollama_chat_messages(const struct ts_genreq *q,
                                    ts_message_fn *fn,
                                    void *ctx,
                                    struct ts_error *err);

/* request_anthropic.c */
#define TS_ANTHROPIC_LAST "message_stop"
enum { TS_ANTHROPIC_MEMBERS = 8 };
extern const struct ts_member_rule ts_anthropic_members[TS_ANTHROPIC_MEMBERS];
bool ts_anthropic_folds(const struct ts_genreq *q);
enum ts_err ts_anthropic_asked(const struct ts_genreq *q,
                               struct ts_asked *out,
                               struct ts_error *err);
enum ts_err ts_anthropic_messages_of(const struct ts_genreq *q,
                                     ts_message_fn *fn,
                                     void *ctx,
                                     struct ts_error *err);
enum ts_err ts_anthropic_tools(const struct ts_genreq *q,
                               ts_tool_fn *fn,
                               void *ctx,
                               struct ts_error *err);

/* `tools` as OpenAI and Ollama write them (request_tools.c). */
enum ts_err ts_function_tools(const struct ts_genreq *q,
                              ts_tool_fn *fn,
                              void *ctx,
                              struct ts_error *err);

/* write_anthropic.c, write_ollama.c, write_openai.c */
void ts_anthropic_write_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out);
void ts_anthropic_write_end(struct ts_writer *w, struct ts_buf *out);
void ts_anthropic_write_whole(struct ts_writer *w, struct ts_buf *out);
void ts_anthropic_keep_event(struct ts_writer *w, const struct ts_event *e, struct ts_slice raw);
void ts_ollama_write_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out);
void ts_ollama_write_end(struct ts_writer *w, struct ts_buf *out);
void ts_ollama_write_whole(struct ts_writer *w, struct ts_buf *out);
void ts_ollama_keep_event(struct ts_writer *w, const struct ts_event *e, struct ts_slice raw);
void ts_openai_write_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out);
void ts_openai_write_end(struct ts_writer *w, struct ts_buf *out);
void ts_openai_write_whole(struct ts_writer *w, struct ts_buf *out);
void ts_openai_keep_event(struct ts_writer *w, const struct ts_event *e, struct ts_slice raw);

/* body_anthropic.c, body_openai.c, body_ollama.c */
enum ts_err ts_anthropic_body(const struct ts_genreq *q,
                              const struct ts_build *b,
                              struct ts_buf *out,
                              struct ts_error *err);
enum ts_err ts_openai_chat_body(const struct ts_genreq *q,
                                const struct ts_build *b,
                                struct ts_buf *out,
                                struct ts_error *err);
enum ts_err ts_openai_completions_body(const struct ts_genreq *q,
                                       const struct ts_build *b,
                                       struct ts_buf *out,
                                       struct ts_error *err);
enum ts_err ts_ollama_chat_body(const struct ts_genreq *q,
                                const struct ts_build *b,
                                struct ts_buf *out,
                                struct ts_error *err);
enum ts_err ts_ollama_generate_body(const struct ts_genreq *q,
                                    const struct ts_build *b,
                                    struct ts_buf *out,
                                    struct ts_error *err);

#endif
