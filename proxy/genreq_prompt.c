/* The prompt as a classifier wants it: what was said last, and what came with it. */
#include "proxy/genreq_impl.h"

static bool has_items(struct ts_jvalue array)
{
    struct ts_jiter it = ts_jiter_of(array);
    struct ts_jvalue key, value;
    return array.type == TS_J_ARRAY && ts_jiter_next(&it, &key, &value);
}

static bool has_text(struct ts_jvalue v)
{
    return v.type == TS_J_STRING && v.raw.len > 2;
}

/* A content part that is neither text nor a tool's: a picture, a sound, a file. */
static bool has_attachment(struct ts_jvalue content)
{
    static const char *const kinds[] = {
        "image_url", "image", "input_image", "input_audio", "file", "input_file", "document"};
    struct ts_jiter it = ts_jiter_of(content);
    struct ts_jvalue key, part;
    while (!it.object && ts_jiter_next(&it, &key, &part)) {
        struct ts_jvalue type = ts_jmember(part, "type");
        for (size_t i = 0; i < TS_ARRAY_LEN(kinds); i++) {
            if (ts_jstring_is(type, kinds[i]))
                return true;
        }
    }
    return false;
}

/* A tool's result is a user's message for some dialects, but no user has said it. */
static bool is_said(struct ts_jvalue content)
{
    struct ts_jiter it = ts_jiter_of(content);
    struct ts_jvalue key, part;
    if (content.type == TS_J_STRING)
        return true;
    while (ts_jiter_next(&it, &key, &part)) {
        if (ts_jmember(part, "text").type == TS_J_STRING || part.type == TS_J_STRING)
            return true;
    }
    return has_attachment(content);
}

/* The newest message of the user. */
static struct ts_jvalue last_said(struct ts_jvalue messages)
{
    struct ts_jvalue found = {.type = TS_J_NONE};
    struct ts_jiter it = ts_jiter_of(messages);
    struct ts_jvalue key, message;
    while (ts_jiter_next(&it, &key, &message)) {
        if (ts_jstring_is(ts_jmember(message, "role"), "user") &&
            is_said(ts_jmember(message, "content")))
            found = message;
    }
    return found;
}

struct ts_prompt_view ts_genreq_prompt(const struct ts_genreq *q)
{
    struct ts_jvalue format = q->member[TS_MEMBER_FORMAT];
    struct ts_jvalue kind = ts_jmember(q->member[TS_MEMBER_RESPONSE_FORMAT], "type");
    struct ts_prompt_view view = {
        .prompt = ts_genreq_member(q, TS_MEMBER_PROMPT),
        .has_images = has_items(q->member[TS_MEMBER_IMAGES]),
        .has_tools = has_items(q->member[TS_MEMBER_TOOLS]),
        .wants_json = has_text(format) || format.type == TS_J_OBJECT ||
                      (kind.type == TS_J_STRING && !ts_jstring_is(kind, "text")),
    };
    if (view.prompt.type == TS_J_NONE)
        view.prompt = ts_genreq_member(q, TS_MEMBER_INPUT);
    struct ts_jvalue messages = q->member[TS_MEMBER_MESSAGES];
    if (messages.type != TS_J_ARRAY && view.prompt.type == TS_J_ARRAY)
        messages = view.prompt;
    struct ts_jvalue message = last_said(messages);
    if (message.type != TS_J_OBJECT)
        return view;
    view.prompt = ts_jmember(message, "content");
    view.has_images = has_items(ts_jmember(message, "images")) || has_attachment(view.prompt);
    return view;
}

/* The beginning of a string as it stands in the body: at most @max bytes behind its quote, and
 * never cut inside an escape. */
static struct ts_jvalue beginning(struct ts_jvalue string, size_t max)
{
    const char *s = string.raw.at + 1;
    size_t n = string.raw.len - 2;
    size_t at = 0;
    while (at < n) {
        size_t step = s[at] != '\\' ? 1 : s[at + 1] == 'u' ? 6 : 2;
        if (at + step > max)
            break;
        at += step;
    }
    string.raw.len = at + 2;
    return string;
}

void ts_genreq_prompt_text(struct ts_jvalue prompt, size_t max, struct ts_buf *out)
{
    if (prompt.type == TS_J_STRING) {
        ts_jstring_decode(beginning(prompt, max), out);
        return;
    }
    struct ts_jiter it = ts_jiter_of(prompt);
    struct ts_jvalue key, part;
    while (out->len < max && ts_jiter_next(&it, &key, &part)) {
        struct ts_jvalue text = part.type == TS_J_STRING ? part : ts_jmember(part, "text");
        if (text.type != TS_J_STRING)
            continue;
        ts_buf_puts(out, out->len > 0 ? "\n" : "");
        ts_jstring_decode(beginning(text, max), out);
    }
}
