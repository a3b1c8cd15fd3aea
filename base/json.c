#include "base/json.h"

#include "base/buf.h"
#include "base/call.h"
#include "base/jscan.h"
#include "base/limits.h"
#include "base/round.h"
#include "base/utf8.h"

enum ts_err ts_json_parse(const char *text, size_t len, json_t **out, struct ts_error *err)
{
    struct ts_jvalue root;
    enum ts_err rc = ts_jscan_limited(text, len, TS_MAX_JSON_TOKENS, &root, err);
    if (rc != TS_OK)
        return rc;
    json_error_t why;
    json_t *tree = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (tree == NULL && json_error_code(&why) == json_error_out_of_memory)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a body of %zu bytes", len);
    if (tree == NULL) {
        return ts_fail(
            err, TS_ERR_INVALID_JSON, "invalid JSON: %s at byte %d", why.text, why.position);
    }
    *out = tree;
    return TS_OK;
}

json_t *ts_json_textn(const char *text, size_t len)
{
    if (text == NULL)
        return json_null();
    if (ts_utf8_valid(text, len))
        return json_stringn_nocheck(text, len);
    struct ts_buf mended = TS_BUF_INIT(len * 3); /* at worst, every byte becomes U+FFFD */
    for (size_t i = 0; i < len;) {
        size_t n = ts_utf8_len(text + i, len - i);
        ts_buf_put(&mended, n > 0 ? text + i : "\xef\xbf\xbd", n > 0 ? n : 3);
        i += n > 0 ? n : 1;
    }
    json_t *string =
        ts_buf_ok(&mended) ? json_stringn_nocheck(ts_buf_text(&mended), mended.len) : NULL;
    ts_buf_free(&mended);
    return string;
}

json_t *ts_json_text(const char *text)
{
    struct ts_slice s = ts_slice_str(text);
    return ts_json_textn(s.at, s.len);
}

json_t *ts_json_num(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

json_t *ts_json_num2(double v)
{
    return ts_json_num(ts_round2(v));
}

json_t *ts_json_int(int64_t v)
{
    return v == TS_UNKNOWN ? json_null() : json_integer((json_int_t)v);
}

json_t *ts_json_ms(int64_t us)
{
    return us == TS_UNKNOWN ? json_null() : json_real((double)us / 1000.0);
}
