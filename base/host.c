#include "base/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/utf8.h"

enum {
    FILE_MAX_BYTES = 1024 * 1024,
    SMALL_FILE_BYTES = 4096,
    LINE = 64,
    MAX_GPUS = 16,
    GPU_NAME_SIZE = 96,
    TEXT_MAX_BYTES = 4096,
};

/* -- files ------------------------------------------------------------------------------------ */

/* The beginning of root/path as text; "" if it cannot be read. */
static void read_file(const char *root, const char *path, char *out, size_t size)
{
    char full[PATH_MAX];
    out[0] = '\0';
    if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
        return;
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t len = 0;
    while (fd >= 0 && len < size - 1) {
        ssize_t n = read(fd, out + len, size - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    out[len] = '\0';
    if (fd >= 0)
        (void)close(fd);
}

static struct ts_slice next_line(const char **at)
{
    struct ts_slice line = {.at = *at, .len = strcspn(*at, "\n")};
    *at += line.len + ((*at)[line.len] == '\n');
    return line;
}

/* What stands behind `key :` in a line; absent where it is another key's. */
static struct ts_slice value_of(struct ts_slice line, const char *key)
{
    const char *colon = memchr(line.at, ':', line.len);
    struct ts_slice name = {.at = line.at, .len = colon != NULL ? (size_t)(colon - line.at) : 0};
    if (colon == NULL || !ts_slice_is(ts_slice_trim(name), key))
        return (struct ts_slice){.at = NULL};
    return ts_slice_trim(
        (struct ts_slice){.at = colon + 1, .len = line.len - (size_t)(colon + 1 - line.at)});
}

/* The first value of a key; absent if there is none. */
static struct ts_slice find_value(const char *text, const char *key)
{
    while (*text != '\0') {
        struct ts_slice value = value_of(next_line(&text), key);
        if (value.at != NULL && value.len > 0)
            return value;
    }
    return (struct ts_slice){.at = NULL};
}

/* Copies as much as fits. */
static void keep(char *out, size_t size, struct ts_slice value)
{
    if (value.at == NULL)
        return;
    size_t len = ts_utf8_cut(value.at, value.len, size - 1);
    memcpy(out, value.at, len);
    out[len] = '\0';
}

static void keep_buf(char *out, size_t size, const struct ts_buf *b)
{
    keep(out, size, (struct ts_slice){.at = ts_buf_text(b), .len = b->len});
}

/* -- processor and memory --------------------------------------------------------------------- */

static void read_cpu(const char *root, struct ts_host *out)
{
    char *text = malloc(FILE_MAX_BYTES);
    if (text == NULL)
        return;
    read_file(root, "/proc/cpuinfo", text, FILE_MAX_BYTES);
    struct ts_slice name = find_value(text, "model name");
    keep(out->cpu, sizeof(out->cpu), name.at != NULL ? name : find_value(text, "Model"));
    for (const char *at = text; *at != '\0';)
        out->cores += value_of(next_line(&at), "processor").at != NULL;
    if (out->cpu[0] == '\0') { /* boards without a name in cpuinfo */
        read_file(root, "/sys/firmware/devicetree/base/model", text, SMALL_FILE_BYTES);
        keep(out->cpu, sizeof(out->cpu), ts_slice_trim(ts_slice_str(text)));
    }
    free(text);
}

static void read_memory(const char *root, struct ts_host *out)
{
    char text[SMALL_FILE_BYTES];
    read_file(root, "/proc/meminfo", text, sizeof(text));
    struct ts_slice total = find_value(text, "MemTotal");
    long long kib = total.at != NULL ? strtoll(total.at, NULL, 10) : 0;
    if (kib > 0 && kib < INT64_MAX / 1024)
        out->memory_bytes = kib * 1024;
}

static void read_system(const char *root, struct ts_host *out)
{
    char type[64];
    char release[64];
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(TEXT_MAX_BYTES);
    read_file(root, "/proc/sys/kernel/ostype", type, sizeof(type));
    read_file(root, "/proc/sys/kernel/osrelease", release, sizeof(release));
    type[strcspn(type, "\n")] = '\0';
    release[strcspn(release, "\n")] = '\0';
    ts_buf_printf(&text, "%s%s%s", type, *type != '\0' && *release != '\0' ? " " : "", release);
    keep_buf(out->system, sizeof(out->system), &text);
}

/* -- graphics --------------------------------------------------------------------------------- */

struct gpus {
    char names[MAX_GPUS][GPU_NAME_SIZE];
    int count;
};

static void add_gpu(struct gpus *g, const struct ts_buf *name)
{
    if (g->count < MAX_GPUS && name->len > 0)
        keep_buf(g->names[g->count++], GPU_NAME_SIZE, name);
}

/* Calls @fn for each entry of a folder. */
static void each_entry(const char *root,
                       const char *folder,
                       void (*fn)(const char *root, const char *entry, struct gpus *g),
                       struct gpus *g)
{
    char full[PATH_MAX];
    if (snprintf(full, sizeof(full), "%s%s", root, folder) >= (int)sizeof(full))
        return;
    struct dirent **entries = NULL;
    int count = scandir(full, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.')
            fn(root, entries[i]->d_name, g);
        free(entries[i]);
    }
    free(entries);
}

/* The beginning of one file about a card, without its line end. */
static void read_about(const char *root,
                       const char *folder,
                       const char *file,
                       char out[static LINE])
{
    char path[PATH_MAX];
    out[0] = '\0';
    if (snprintf(path, sizeof(path), "%s/%s", folder, file) < (int)sizeof(path))
        read_file(root, path, out, LINE);
    out[strcspn(out, "\n")] = '\0';
}

/* NVIDIA's driver has a folder for each card. */
static void add_nvidia(const char *root, const char *entry, struct gpus *g)
{
    static const char brand[] = "NVIDIA";
    char path[PATH_MAX];
    char text[SMALL_FILE_BYTES];
    if (snprintf(path, sizeof(path), "/proc/driver/nvidia/gpus/%s/information", entry) >=
        (int)sizeof(path))
        return;
    read_file(root, path, text, sizeof(text));
    struct ts_slice model = find_value(text, "Model");
    if (model.at == NULL)
        return;
    TS_AUTO(ts_buf_free) struct ts_buf name = TS_BUF_INIT(TEXT_MAX_BYTES);
    bool branded =
        model.len >= sizeof(brand) - 1 && memcmp(model.at, brand, sizeof(brand) - 1) == 0;
    ts_buf_puts(&name, branded ? "" : "NVIDIA ");
    ts_buf_put(&name, model.at, model.len);
    add_gpu(g, &name);
}

/* The kernel's own drivers tell a vendor's number, and AMD's a name and the memory. Cards of the
 * firmware and of virtual machines have other numbers and do not count. */
static void add_drm(const char *root, const char *entry, struct gpus *g)
{
    char folder[NAME_MAX + 64];
    char vendor[LINE];
    char product[LINE];
    char vram[LINE];
    if (strncmp(entry, "card", 4) != 0 || strchr(entry, '-') != NULL ||
        snprintf(folder, sizeof(folder), "/sys/class/drm/%s/device", entry) >= (int)sizeof(folder))
        return;
    read_about(root, folder, "vendor", vendor);
    bool amd = strcmp(vendor, "0x1002") == 0;
    bool intel = strcmp(vendor, "0x8086") == 0;
    if (!amd && !intel)
        return;
    read_about(root, folder, "product_name", product);
    read_about(root, folder, "mem_info_vram_total", vram);
    TS_AUTO(ts_buf_free) struct ts_buf name = TS_BUF_INIT(TEXT_MAX_BYTES);
    ts_buf_printf(&name, "%s %s", amd ? "AMD" : "Intel", product[0] != '\0' ? product : "graphics");
    long long bytes = strtoll(vram, NULL, 10);
    if (bytes > 0)
        ts_buf_printf(&name, ", %.0f GiB", (double)bytes / (1024.0 * 1024 * 1024));
    add_gpu(g, &name);
}

/* "2 x NVIDIA A100, Intel graphics" */
static void join_gpus(const struct gpus *g, struct ts_buf *out)
{
    for (int i = 0; i < g->count; i++) {
        int same = 0;
        bool told = false;
        for (int j = 0; j < g->count; j++) {
            bool is = strcmp(g->names[i], g->names[j]) == 0;
            same += is;
            told = told || (is && j < i);
        }
        if (told)
            continue;
        ts_buf_puts(out, out->len > 0 ? ", " : "");
        if (same > 1)
            ts_buf_printf(out, "%d x ", same);
        ts_buf_puts(out, g->names[i]);
    }
}

void ts_host_read(const char *root, struct ts_host *out)
{
    *out = (struct ts_host){.cores = 0};
    struct gpus g = {.count = 0};
    TS_AUTO(ts_buf_free) struct ts_buf gpus = TS_BUF_INIT(TEXT_MAX_BYTES);
    read_cpu(root, out);
    read_memory(root, out);
    read_system(root, out);
    each_entry(root, "/proc/driver/nvidia/gpus", add_nvidia, &g);
    each_entry(root, "/sys/class/drm", add_drm, &g);
    join_gpus(&g, &gpus);
    keep_buf(out->gpus, sizeof(out->gpus), &gpus);
}
