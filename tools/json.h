/*
 * A small JSON writer to a stream: commas, indentation and escapes. Numbers have as many digits as
 * it takes to read the same double back; infinities and NaN, which JSON lacks, become null.
 */
#ifndef MICA_TOOLS_JSON_H
#define MICA_TOOLS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Json {
    FILE *stream;
    int depth;
    bool has_items; /* of the innermost object or array */
    bool one_line;  /* no line breaks inside */
} Json;

/* `key` is NULL in arrays and for the outermost value. The last end also ends the line. */
void json_object(Json *json, const char *key);
void json_object_end(Json *json);
void json_array(Json *json, const char *key);
void json_array_end(Json *json);

void json_text(Json *json, const char *key, const char *value); /* NULL: null */
void json_integer(Json *json, const char *key, int64_t value);
void json_real(Json *json, const char *key, double value);
void json_boolean(Json *json, const char *key, bool value);

#endif
