#include "handlers/clone_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analytics/file_path.h"
#include "base/clock.h"
#include "base/json.h"
#include "handlers/fields.h"

enum {
    STYLE_MAX = 500,
    INSTRUCTIONS_MAX = 20000,
    ERROR_MAX = 4000,
    FILE_METADATA_MAX = 16 * 1024,
    AHEAD_MAX_MS = 24 * 3600 * 1000, /* a reporter's clock may be so much ahead of ours */
};
static const double max_generation_ms = 7.0 * 86400 * 1000;
static const int64_t max_components = 1000000;

enum ts_err ts_url_check(const char *url,
                         enum ts_err code,
                         const char *param,
                         char out[static TS_MAX_URL + 1],
                         char domain[static TS_MAX_URL + 1],
                         struct ts_error *err)
{
    const char *fault = ts_site_url(ts_slice_str(url), out, domain);
    return fault == NULL ? TS_OK
                         : ts_fail_param(err, code, param, "%s %s: '%.80s'", param, fault, url);
}

/* A text, where an empty one is none. */
static const char *text_or_none(struct ts_fields *f, const char *name, size_t max)
{
    const json_t *v = json_object_get(f->object, name);
    bool empty = json_is_string(v) && json_string_length(v) == 0;
    return empty ? NULL : ts_fields_text(f, name, max);
}

/* An address that pages will show as a link: no javascript:. */
static const char *read_link(struct ts_fields *f, const char *name)
{
    char url[TS_MAX_URL + 1];
    char domain[TS_MAX_URL + 1];
    const char *text = text_or_none(f, name, TS_MAX_URL);
    if (text == NULL)
        return NULL;
    const char *fault = ts_site_url(ts_slice_str(text), url, domain);
    if (fault != NULL)
        (void)ts_fields_fault(f, name, fault);
    return text;
}

/* -- models ------------------------------------------------------------------------------------ */

static bool is_provider(const struct ts_services *services, struct ts_slice name)
{
    enum ts_kind_id kind;
    if (ts_kind_parse(name, &kind))
        return true;
    int count = services->registry != NULL ? ts_registry_count(services->registry) : 0;
    for (int i = 0; i < count; i++) {
        if (ts_slice_is(name, ts_registry_provider(services->registry, i)->name))
            return true;
    }
    return false;
}

const char *ts_clone_split_model(const struct ts_services *services,
                                 struct ts_arena *arena,
                                 const char *model,
                                 const char **provider)
{
    const char *slash = strchr(model, '/');
    struct ts_slice front = {model, slash != NULL ? (size_t)(slash - model) : 0};
    bool given = *provider != NULL;
    bool split = slash != NULL && slash[1] != '\0' &&
                 (given ? ts_slice_is(front, *provider) : is_provider(services, front));
    if (!split)
        return model;
    if (!given)
        *provider = ts_arena_copy(arena, front);
    return *provider != NULL ? slash + 1 : NULL;
}

/* -- files ------------------------------------------------------------------------------------- */

static enum ts_err file_fault(struct ts_error *err, size_t i, const char *member, const char *what)
{
    char param[TS_ERROR_PARAM_SIZE];
    (void)snprintf(param, sizeof(param), "files[%zu]%s%s", i, member[0] != '\0' ? "." : "", member);
    return ts_fail_param(err, TS_ERR_INVALID_FIELD, param, "%s %s", param, what);
}

static bool is_file_member(const char *name)
{
    static const char *const known[] = {"path", "content", "type", "metadata"};
    for (size_t i = 0; i < TS_ARRAY_LEN(known); i++) {
        if (strcmp(name, known[i]) == 0)
            return true;
    }
    return false;
}

static enum ts_err check_file(json_t *value, size_t i, struct ts_error *err)
{
    if (!json_is_object(value))
        return file_fault(err, i, "", "must be an object with path and content");
    const char *name;
    json_t *ignored;
    json_object_foreach(value, name, ignored)
    {
        if (!is_file_member(name))
            return file_fault(err, i, "", "has members besides path, content, type and metadata");
    }
    const json_t *path = json_object_get(value, "path");
    if (!json_is_string(path))
        return file_fault(err, i, "path", "is required, a text");
    const char *fault =
        ts_file_path_fault((struct ts_slice){json_string_value(path), json_string_length(path)});
    if (fault != NULL)
        return file_fault(err, i, "path", fault);
    const json_t *content = json_object_get(value, "content");
    if (!json_is_string(content))
        return file_fault(err, i, "content", "is required, a text");
    if (json_string_length(content) > TS_MAX_CODE_FILE_BYTES)
        return file_fault(err, i, "content", "must not be longer than 2097152 bytes (2 MiB)");
    return TS_OK;
}

static enum ts_err read_file_metadata(
    struct ts_clone_input *in, json_t *value, size_t i, const char **out, struct ts_error *err)
{
    json_t *metadata = json_object_get(value, "metadata");
    *out = NULL;
    if (metadata == NULL || json_is_null(metadata))
        return TS_OK;
    if (!json_is_object(metadata))
        return file_fault(err, i, "metadata", "must be an object");
    char *text = json_dumps(metadata, JSON_COMPACT | JSON_REAL_PRECISION(15));
    bool large = text != NULL && strlen(text) > FILE_METADATA_MAX;
    *out = large ? NULL : ts_arena_str(&in->arena, text);
    free(text);
    if (large)
        return file_fault(err, i, "metadata", "must not be longer than 16384 bytes");
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the files");
}

static struct ts_code_file file_of(const char *path, struct ts_slice content)
{
    return (struct ts_code_file){
        .path = path,
        .type = ts_file_type(ts_slice_str(path)),
        .content = content,
        .lines = (int64_t)ts_lines_of_code(content),
        .quality = (double)NAN,
    };
}

static enum ts_err read_file(struct ts_clone_input *in,
                             json_t *value,
                             size_t i,
                             struct ts_error *err)
{
    enum ts_err rc = check_file(value, i, err);
    if (rc != TS_OK)
        return rc;
    const char *path = json_string_value(json_object_get(value, "path"));
    for (size_t j = 0; j < i; j++) {
        if (strcmp(in->files[j].path, path) == 0)
            return file_fault(err, i, "path", "is there twice; each path may be given once");
    }
    const json_t *content = json_object_get(value, "content");
    in->files[i] =
        file_of(path, (struct ts_slice){json_string_value(content), json_string_length(content)});
    const json_t *type = json_object_get(value, "type");
    if (json_is_string(type) && json_string_length(type) > 0 &&
        json_string_length(type) <= TS_MAX_NAME)
        in->files[i].type = json_string_value(type);
    else if (type != NULL && !json_is_null(type))
        return file_fault(err, i, "type", "must be a text of 1 to 64 bytes");
    return read_file_metadata(in, value, i, &in->files[i].metadata_json, err);
}

/* Sizes and components follow from the files. */
static void sum_up(struct ts_clone_input *in, int count)
{
    struct ts_clone *c = &in->clone;
    int64_t components = 0;
    c->files = in->files;
    c->file_count = count;
    c->size_bytes = 0;
    for (int i = 0; i < count; i++) {
        c->size_bytes += (int64_t)in->files[i].content.len;
        components += ts_file_is_component(in->files[i].type);
    }
    if (c->components == TS_UNKNOWN)
        c->components = components;
}

static enum ts_err read_files(struct ts_clone_input *in, json_t *files, struct ts_error *err)
{
    if (!json_is_array(files))
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "files",
                             "files must be an array of {\"path\", \"content\"}");
    size_t count = json_array_size(files);
    if (count > TS_MAX_CODE_FILES)
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "files",
                             "files has %zu entries; an attempt has at most %d",
                             count,
                             TS_MAX_CODE_FILES);
    enum ts_err rc = TS_OK;
    for (size_t i = 0; rc == TS_OK && i < count; i++)
        rc = read_file(in, json_array_get(files, i), i, err);
    if (rc == TS_OK && count > 0)
        sum_up(in, (int)count);
    return rc;
}

enum ts_err ts_clone_take_code(struct ts_clone_input *in, bool all, struct ts_error *err)
{
    in->found.arena = &in->arena;
    enum ts_err rc = ts_answer_code(in->clone.code, all, &in->found, err);
    if (rc != TS_OK)
        return rc;
    if (in->found.dropped > 0)
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "code",
                             "code holds more than %d files, or one of more than %d bytes",
                             TS_MAX_CODE_FILES,
                             TS_MAX_CODE_FILE_BYTES);
    for (int i = 0; i < in->found.count; i++)
        in->files[i] = file_of(in->found.files[i].path, in->found.files[i].content);
    if (in->found.count > 0)
        sum_up(in, in->found.count);
    return TS_OK;
}

static enum ts_err read_code(struct ts_clone_input *in, const json_t *code, struct ts_error *err)
{
    if (!json_is_string(code))
        return ts_fail_param(err, TS_ERR_INVALID_FIELD, "code", "code must be a text");
    in->clone.code = (struct ts_slice){json_string_value(code), json_string_length(code)};
    if (in->clone.code.len <= TS_MAX_CODE_BYTES)
        return ts_clone_take_code(in, true, err);
    return ts_fail_param(err,
                         TS_ERR_INVALID_FIELD,
                         "code",
                         "code has %zu bytes; the limit is %d",
                         in->clone.code.len,
                         TS_MAX_CODE_BYTES);
}

static enum ts_err read_made(struct ts_clone_input *in, struct ts_error *err)
{
    json_t *files = json_object_get(in->body, "files");
    json_t *code = json_object_get(in->body, "code");
    bool has_files = files != NULL && !json_is_null(files);
    bool has_code = code != NULL && !json_is_null(code);
    if (has_files && has_code)
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "code",
                             "code and files say the same thing; give one of them");
    if (has_files)
        return read_files(in, files, err);
    return has_code ? read_code(in, code, err) : TS_OK;
}

/* -- the attempt ------------------------------------------------------------------------------- */

static void read_request_id(const struct ts_services *s, struct ts_fields *f, int64_t *out)
{
    const char *text = text_or_none(f, "requestId", TS_MAX_LABEL);
    uint64_t tag = 0;
    *out = 0;
    if (text == NULL || (ts_id_parse(text, strlen(text), out, &tag) && tag == s->id_tag))
        return;
    f->rc = ts_fail_param(f->err,
                          TS_ERR_NOT_FOUND,
                          "requestId",
                          "requestId: there is no call '%.60s'; leave it out, or take the "
                          "X-Touchstone-Request-Id of an answer of this server",
                          text);
}

static void read_moment(struct ts_fields *f, int64_t *out)
{
    const char *text = ts_fields_text(f, "timestamp", TS_MAX_NAME);
    int64_t now_ms = ts_wall_ms();
    *out = now_ms;
    if (text == NULL)
        return;
    if (ts_rfc3339_parse(text, strlen(text), out) != 0)
        (void)ts_fields_fault(f, "timestamp", "must be a time like 2026-11-20T21:33:55Z");
    else if (*out > now_ms + AHEAD_MAX_MS || *out < 0)
        (void)ts_fields_fault(f, "timestamp", "must not be in the future, nor before 1970");
}

static void read_words(const struct ts_services *s, struct ts_clone *c, struct ts_fields *f)
{
    double ms = ts_fields_number(f, "generationTimeMs", 0, max_generation_ms);
    c->generation_ms = isfinite(ms) ? llround(ms) : TS_UNKNOWN;
    c->components = ts_fields_int(f, "componentCount", 0, max_components);
    c->error_message = text_or_none(f, "errorMessage", ERROR_MAX);
    c->style = text_or_none(f, "styleSelected", STYLE_MAX);
    c->instructions = text_or_none(f, "additionalInstructions", INSTRUCTIONS_MAX);
    c->sandbox_url = read_link(f, "sandboxUrl");
    read_request_id(s, f, &c->call_id);
    read_moment(f, &c->created_ms);
    ts_fields_require(f, "status");
    const char *status = ts_fields_text(f, "status", TS_MAX_NAME);
    c->success = status != NULL && strcmp(status, "success") == 0;
    if (status != NULL && !c->success && strcmp(status, "error") != 0)
        (void)ts_fields_fault(f, "status", "must be success or error");
}

static enum ts_err read_names(const struct ts_services *s,
                              struct ts_clone_input *in,
                              struct ts_fields *f)
{
    struct ts_clone *c = &in->clone;
    ts_fields_require(f, "url");
    ts_fields_require(f, "model");
    const char *url = ts_fields_text(f, "url", TS_MAX_URL);
    const char *model = ts_fields_text(f, "model", TS_MAX_MODEL);
    c->provider = text_or_none(f, "provider", TS_MAX_NAME);
    if (f->rc != TS_OK)
        return f->rc;
    c->model = ts_clone_split_model(s, &in->arena, model, &c->provider);
    if (c->model == NULL)
        return ts_fail(f->err, TS_ERR_NOMEM, "no memory for a clone");
    c->url = in->url;
    c->domain = in->domain;
    return ts_url_check(url, TS_ERR_INVALID_FIELD, "url", in->url, in->domain, f->err);
}

enum ts_err ts_clone_read(const struct ts_services *services,
                          struct ts_slice text,
                          struct ts_clone_input *in,
                          struct ts_error *err)
{
    static const char *const known[] = {"url",
                                        "model",
                                        "provider",
                                        "files",
                                        "code",
                                        "generationTimeMs",
                                        "status",
                                        "errorMessage",
                                        "sandboxUrl",
                                        "styleSelected",
                                        "additionalInstructions",
                                        "requestId",
                                        "componentCount",
                                        "timestamp",
                                        NULL};
    in->arena = TS_ARENA_INIT(TS_CLONE_ARENA_BYTES);
    in->clone = (struct ts_clone){.size_bytes = TS_UNKNOWN, .quality = (double)NAN};
    enum ts_err rc = ts_json_parse(text.at, text.len, &in->body, err);
    if (rc != TS_OK)
        return rc;
    struct ts_fields f = ts_fields_of(in->body, -1, known, err);
    rc = read_names(services, in, &f);
    if (rc == TS_OK) {
        read_words(services, &in->clone, &f);
        rc = f.rc;
    }
    return rc == TS_OK ? read_made(in, err) : rc;
}

void ts_clone_input_deinit(struct ts_clone_input *in)
{
    json_decref(in->body);
    ts_arena_free(&in->arena);
}
