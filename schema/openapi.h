/* openapi.yaml as JSON, compiled in: what GET /openapi.json answers. */
#ifndef TS_SCHEMA_OPENAPI_H
#define TS_SCHEMA_OPENAPI_H

#include <stddef.h>

extern const char ts_openapi_json[];
extern const size_t ts_openapi_json_len;

#endif
