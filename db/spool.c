#include "db/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/thread.h"
#include "db/codec.h"

enum {
    MAGIC = 0x4c505354, /* "TSPL" */
    HEAD_BYTES = 12,
    RECORD_MAX_BYTES = 256 * 1024,
    SCAN_BYTES = 4096,
};

struct ts_spool {
    pthread_mutex_t lock; /* guards the file */
    int fd;
    char *path;
    struct ts_buf scratch; /* one payload */

    /* read by anybody, written under the lock */
    _Atomic int64_t rows;
    _Atomic int64_t bytes;
    _Atomic int64_t damaged_bytes;
    _Atomic int64_t newest_id;
};

static enum ts_err fail(const struct ts_spool *s, struct ts_error *err, const char *doing)
{
    return ts_fail(
        err, TS_ERR_STORAGE_UNAVAILABLE, "%s: %s: %s", s->path, doing, strerrordesc_np(errno));
}

/* CRC-32C (Castagnoli), bit by bit: a few microseconds per record. */
static uint32_t checksum(const char *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78U & (0U - (crc & 1)));
    }
    return ~crc;
}

/* -- one record ------------------------------------------------------------------------------- */

struct head {
    uint32_t magic;
    uint32_t len;
    uint32_t checksum;
};

static void put_u32(char *at, uint32_t v)
{
    for (int i = 0; i < 4; i++, v >>= 8)
        at[i] = (char)(v & 0xff);
}

static uint32_t get_u32(const char *at)
{
    uint32_t v = 0;
    for (int i = 4; i-- > 0;)
        v = v << 8 | (unsigned char)at[i];
    return v;
}

void ts_spool_frame(struct ts_buf *batch, const struct ts_call *call)
{
    size_t start = batch->len;
    const char head[HEAD_BYTES] = {0};
    ts_buf_put(batch, head, sizeof(head));
    ts_codec_encode(call, batch);
    if (!ts_buf_ok(batch))
        return;
    size_t len = batch->len - start - HEAD_BYTES;
    char *at = batch->data + start;
    put_u32(at, MAGIC);
    put_u32(at + 4, (uint32_t)len);
    put_u32(at + 8, checksum(at + HEAD_BYTES, len));
}

/* Whole or not at all: true if @len bytes were there. */
static bool read_at(const struct ts_spool *s, char *to, size_t len, int64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(s->fd, to + done, len - done, offset + (int64_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* The call at @offset. Errors: IO (no whole and sound record starts there), NOMEM. */
static enum ts_err record_at(struct ts_spool *s,
                             int64_t offset,
                             struct ts_call **out,
                             int64_t *next)
{
    char head[HEAD_BYTES];
    int64_t left = s->bytes - offset;
    if (left < HEAD_BYTES || !read_at(s, head, sizeof(head), offset))
        return TS_ERR_IO;
    uint32_t len = get_u32(head + 4);
    if (get_u32(head) != MAGIC || len > RECORD_MAX_BYTES || left - HEAD_BYTES < len)
        return TS_ERR_IO;
    ts_buf_clear(&s->scratch);
    if (!ts_buf_reserve(&s->scratch, len))
        return TS_ERR_NOMEM;
    if (!read_at(s, s->scratch.data, len, offset + HEAD_BYTES) ||
        checksum(s->scratch.data, len) != get_u32(head + 8))
        return TS_ERR_IO;
    *next = offset + HEAD_BYTES + len;
    return ts_codec_decode(s->scratch.data, len, out);
}

/* Where the next record may start at or behind @offset: at a magic, else at the end. */
static int64_t next_magic(const struct ts_spool *s, int64_t offset)
{
    char magic[4];
    char block[SCAN_BYTES];
    put_u32(magic, MAGIC);
    while (offset < s->bytes) {
        int64_t left = s->bytes - offset;
        size_t len = left < SCAN_BYTES ? (size_t)left : SCAN_BYTES;
        if (!read_at(s, block, len, offset))
            break;
        const char *at = memmem(block, len, magic, sizeof(magic));
        if (at != NULL)
            return offset + (at - block);
        if (len < SCAN_BYTES)
            break;
        offset += SCAN_BYTES - (int64_t)sizeof(magic) + 1; /* it may lie across two blocks */
    }
    return s->bytes;
}

/* The next sound record at or behind *offset; NULL at the end, or where memory is short (then it
 * stays the next). Moves *offset behind it. */
static struct ts_call *next_call(struct ts_spool *s, int64_t *offset)
{
    while (*offset < s->bytes) {
        int64_t next = 0;
        struct ts_call *call = NULL;
        enum ts_err e = record_at(s, *offset, &call, &next);
        if (e == TS_ERR_NOMEM)
            return NULL;
        if (e == TS_OK) {
            *offset = next;
            return call;
        }
        next = next_magic(s, *offset + 1);
        s->damaged_bytes += next - *offset;
        *offset = next;
    }
    return NULL;
}

/* -- the file --------------------------------------------------------------------------------- */

/* Takes the room now, while the disk has it; where that is not possible the spool works without. */
static void reserve_room(const struct ts_spool *s)
{
    static const off_t sizes[] = {TS_SPOOL_MAX_BYTES, TS_SPOOL_MAX_BYTES / 16};
    for (size_t i = 0; i < TS_ARRAY_LEN(sizes); i++) {
        if (fallocate(s->fd, FALLOC_FL_KEEP_SIZE, 0, sizes[i]) == 0)
            return;
    }
}

/* Counts what a former run left, and cuts off what is torn behind the last sound record. */
static void take_stock(struct ts_spool *s)
{
    int64_t offset = 0;
    int64_t sound_end = 0;
    for (struct ts_call *call = next_call(s, &offset); call != NULL; call = next_call(s, &offset)) {
        s->rows++;
        s->newest_id = call->id > s->newest_id ? call->id : s->newest_id;
        sound_end = offset;
        ts_call_free(call);
    }
    if (s->damaged_bytes > 0)
        ts_logf(TS_LOG_WARN,
                TS_LOG_FIELDS(TS_LOG_STR("file", s->path), TS_LOG_INT("bytes", s->damaged_bytes)),
                "the spool has damaged records; they are left out");
    bool read_all = offset == s->bytes;
    if (read_all && sound_end < s->bytes && ftruncate(s->fd, sound_end) == 0)
        s->bytes = sound_end;
}

/* Syncs the folder: a new file's name has to survive the power too. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    free(folder);
}

enum ts_err ts_spool_open(const char *path, struct ts_spool **out, struct ts_error *err)
{
    struct ts_spool *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the spool");
    (void)pthread_mutex_init(&s->lock, NULL);
    s->scratch = TS_BUF_INIT(RECORD_MAX_BYTES);
    s->path = strdup(path);
    s->fd = s->path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    off_t size = s->fd < 0 ? -1 : lseek(s->fd, 0, SEEK_END);
    if (size < 0) {
        enum ts_err e = s->path == NULL ? ts_fail(err, TS_ERR_NOMEM, "no memory for the spool")
                                        : fail(s, err, "cannot open the spool");
        ts_spool_close(s);
        return e;
    }
    s->bytes = size;
    sync_folder(path);
    take_stock(s);
    reserve_room(s);
    *out = s;
    return TS_OK;
}

void ts_spool_close(struct ts_spool *s)
{
    if (s == NULL)
        return;
    if (s->fd >= 0)
        (void)close(s->fd);
    (void)pthread_mutex_destroy(&s->lock);
    ts_buf_free(&s->scratch);
    free(s->path);
    free(s);
}

static bool write_at(const struct ts_spool *s, const char *from, size_t len, int64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(s->fd, from + done, len - done, offset + (int64_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

enum ts_err ts_spool_append(struct ts_spool *s,
                            const struct ts_buf *batch,
                            int rows,
                            int64_t newest_id,
                            struct ts_error *err)
{
    TS_GUARD(&s->lock);
    if (!ts_buf_ok(batch))
        return ts_fail(err, TS_ERR_STORAGE_UNAVAILABLE, "%s: a record is too large", s->path);
    if (s->rows + rows > TS_SPOOL_MAX_ROWS || s->bytes + (int64_t)batch->len > TS_SPOOL_MAX_BYTES)
        return ts_fail(err,
                       TS_ERR_STORAGE_UNAVAILABLE,
                       "%s: the spool is full (%d rows or %d bytes)",
                       s->path,
                       TS_SPOOL_MAX_ROWS,
                       TS_SPOOL_MAX_BYTES);
    if (!write_at(s, batch->data, batch->len, s->bytes) || fdatasync(s->fd) != 0) {
        enum ts_err e = fail(s, err, "cannot write the spool");
        if (ftruncate(s->fd, s->bytes) != 0)
            return fail(s, err, "cannot mend the spool");
        return e;
    }
    s->bytes += (int64_t)batch->len;
    s->rows += rows;
    s->newest_id = newest_id > s->newest_id ? newest_id : s->newest_id;
    return TS_OK;
}

int ts_spool_read(struct ts_spool *s, int64_t *offset, struct ts_call **out, int max)
{
    TS_GUARD(&s->lock);
    int n = 0;
    while (n < max && (out[n] = next_call(s, offset)) != NULL)
        n++;
    return n;
}

enum ts_err ts_spool_clear(struct ts_spool *s, int64_t offset, bool *emptied, struct ts_error *err)
{
    TS_GUARD(&s->lock);
    if (offset < s->bytes)
        return TS_OK;
    if (ftruncate(s->fd, 0) != 0)
        return fail(s, err, "cannot empty the spool");
    s->bytes = 0;
    s->rows = 0;
    reserve_room(s);
    *emptied = true;
    return TS_OK;
}

struct ts_spool_state ts_spool_state(struct ts_spool *s)
{
    return (struct ts_spool_state){
        .rows = s->rows,
        .bytes = s->bytes,
        .damaged_bytes = s->damaged_bytes,
        .newest_id = s->newest_id,
    };
}
