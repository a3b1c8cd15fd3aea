/* Plays every file of a folder to the fuzz target it is linked with. */
#include <dirent.h>
#include <stdbool.h>

#include "fuzz.h"

enum { LARGEST_INPUT = 1024 * 1024 };

static bool play(const char *folder, const char *name, uint8_t *buffer)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    size_t n = fread(buffer, 1, LARGEST_INPUT, f);
    (void)fclose(f);
    uint8_t *input = malloc(n > 0 ? n : 1); /* of its exact size: a sanitizer watches its end */
    if (input == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        input[i] = buffer[i];
    (void)LLVMFuzzerTestOneInput(input, n);
    free(input);
    return true;
}

int main(int argc, char **argv)
{
    static uint8_t buffer[LARGEST_INPUT];
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
    if (d == NULL) {
        (void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 64;
    }
    int played = 0;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] != '.' && play(argv[1], e->d_name, buffer))
            played++;
    }
    (void)closedir(d);
    (void)printf("%d inputs\n", played);
    return played > 0 ? 0 : 1;
}
