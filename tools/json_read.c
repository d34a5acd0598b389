#include "tools/json_read.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report.h"

#define MAX_DEPTH 64

typedef struct Parser {
    const char *start, *p, *end;
    int depth;
} Parser;

static void skip_blanks(Parser *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
}

static bool take(Parser *s, char c)
{
    skip_blanks(s);
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool take_word(Parser *s, const char *word)
{
    const size_t length = strlen(word);
    if ((size_t)(s->end - s->p) < length || memcmp(s->p, word, length) != 0)
        return false;
    s->p += length;
    return true;
}

/* After the opening quote. NULL without a closing one. */
static char *take_string(Parser *s)
{
    const char *close = s->p;
    while (close < s->end && *close != '"')
        close += *close == '\\' && s->end - close > 1 ? 2 : 1;
    char *const text = close < s->end ? malloc((size_t)(close - s->p) + 1) : NULL;
    if (!text)
        return NULL;
    char *to = text;
    while (s->p < close) {
        if (*s->p == '\\' && strchr("\"\\/", s->p[1]))
            s->p++;
        *to++ = *s->p++;
    }
    *to = 0;
    s->p++;
    return text;
}

static bool take_number(Parser *s, double *number)
{
    char text[64];
    size_t length = 0;
    while (s->p + length < s->end && length < sizeof text - 1 &&
           strchr("+-.0123456789eE", s->p[length]) && s->p[length])
        length++;
    memcpy(text, s->p, length);
    text[length] = 0;
    char *end;
    *number = strtod(text, &end);
    s->p += length;
    return length > 0 && !*end;
}

static JsonValue *take_value(Parser *s);

/* The items of an array or object, after its opening bracket. */
static bool take_items(Parser *s, JsonValue *parent, char close)
{
    JsonValue **link = &parent->child;
    if (take(s, close))
        return true;
    do {
        char *key = NULL;
        if (parent->type == JSON_OBJECT &&
            (!take(s, '"') || !(key = take_string(s)) || !take(s, ':'))) {
            free(key);
            return false;
        }
        JsonValue *const item = take_value(s);
        if (!item) {
            free(key);
            return false;
        }
        item->key = key;
        *link = item;
        link = &item->next;
    } while (take(s, ','));
    return take(s, close);
}

static bool fill_value(Parser *s, JsonValue *value)
{
    if (take(s, '{')) {
        value->type = JSON_OBJECT;
        return take_items(s, value, '}');
    }
    if (take(s, '[')) {
        value->type = JSON_ARRAY;
        return take_items(s, value, ']');
    }
    if (take(s, '"')) {
        value->type = JSON_STRING;
        return (value->text = take_string(s)) != NULL;
    }
    if (take_word(s, "null"))
        return true;
    if (take_word(s, "true") || take_word(s, "false")) {
        value->type = JSON_BOOLEAN;
        value->number = s->p[-2] == 'u';
        return true;
    }
    value->type = JSON_NUMBER;
    return take_number(s, &value->number);
}

static JsonValue *take_value(Parser *s)
{
    JsonValue *value = calloc(1, sizeof *value);
    if (!value || s->depth == MAX_DEPTH) {
        free(value);
        return NULL;
    }
    s->depth++;
    if (!fill_value(s, value)) {
        json_free(value);
        value = NULL;
    }
    s->depth--;
    return value;
}

JsonValue *json_parse(const void *data, size_t size, MicaError *error)
{
    Parser s = {.start = data, .p = data, .end = (const char *)data + size};
    JsonValue *const value = take_value(&s);
    skip_blanks(&s);
    if (value && s.p == s.end)
        return value;
    json_free(value);
    int line = 1;
    for (const char *p = s.start; p < s.p; p++)
        line += *p == '\n';
    report_fail(error, MICA_ERROR_BITSTREAM, "not valid JSON at line %d", line);
    return NULL;
}

void json_free(JsonValue *value)
{
    while (value) {
        JsonValue *const next = value->next;
        json_free(value->child);
        free(value->text);
        free(value->key);
        free(value);
        value = next;
    }
}

const JsonValue *json_get(const JsonValue *object, const char *key)
{
    if (object && object->type == JSON_OBJECT)
        for (const JsonValue *item = object->child; item; item = item->next)
            if (strcmp(item->key, key) == 0)
                return item;
    return NULL;
}
