/*
 * A small JSON reader: the whole text into a tree. Strings keep their escapes except \" \\ \/,
 * which is enough for names; numbers are doubles.
 */
#ifndef MICA_TOOLS_JSON_READ_H
#define MICA_TOOLS_JSON_READ_H

#include <stddef.h>

#include "mica/status.h"

typedef enum JsonType {
    JSON_NULL,
    JSON_BOOLEAN,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
} JsonType;

typedef struct JsonValue {
    JsonType type;
    double number;           /* of numbers; 0 or 1 of booleans */
    char *text;              /* of strings */
    char *key;               /* in objects */
    struct JsonValue *child; /* the first one of arrays and objects */
    struct JsonValue *next;  /* in the array or object that this one is in */
} JsonValue;

/* NULL with *error filled if it is not JSON; to be freed with json_free(). */
JsonValue *json_parse(const void *data, size_t size, MicaError *error);

void json_free(JsonValue *value);

/* The value of a key; NULL if there is none, or no object. */
const JsonValue *json_get(const JsonValue *object, const char *key);

#endif
