#include "tools/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at the start of the text, 0 if there is none. */
static int utf8_length(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    const int length = p[0] >= 0xc2 && p[0] < 0xe0   ? 2
                       : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                       : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                     : 0;
    for (int i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80) /* also stops at the end of the text */
            return 0;
    /* Overlong forms, surrogates and numbers above 0x10ffff. */
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
        return 0;
    return length;
}

static void put_text(FILE *stream, const char *text)
{
    putc('"', stream);
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const int length = utf8_length(p);
        if (length == 0) {
            /* File names are bytes; JSON is UTF-8. */
            fputs("\\ufffd", stream);
            p++;
        } else if (*p == '"' || *p == '\\') {
            fprintf(stream, "\\%c", *p++);
        } else if (*p < 32 || *p == 127) {
            fprintf(stream, "\\u%04x", *p++);
        } else {
            fwrite(p, 1, (size_t)length, stream);
            p += length;
        }
    }
    putc('"', stream);
}

static void indent(const Json *json)
{
    if (!json->one_line)
        fprintf(json->stream, "\n%*s", 2 * json->depth, "");
}

static void start_item(Json *json, const char *key)
{
    if (json->has_items)
        fputs(json->one_line ? ", " : ",", json->stream);
    if (json->depth > 0)
        indent(json);
    json->has_items = true;
    if (key) {
        put_text(json->stream, key);
        fputs(": ", json->stream);
    }
}

static void start_block(Json *json, const char *key, char bracket)
{
    start_item(json, key);
    putc(bracket, json->stream);
    json->depth++;
    json->has_items = false;
}

static void end_block(Json *json, char bracket)
{
    json->depth--;
    if (json->has_items)
        indent(json);
    putc(bracket, json->stream);
    json->has_items = true;
    if (json->depth == 0)
        putc('\n', json->stream);
}

void json_object(Json *json, const char *key)
{
    start_block(json, key, '{');
}

void json_object_end(Json *json)
{
    end_block(json, '}');
}

void json_array(Json *json, const char *key)
{
    start_block(json, key, '[');
}

void json_array_end(Json *json)
{
    end_block(json, ']');
}

void json_text(Json *json, const char *key, const char *value)
{
    start_item(json, key);
    if (value)
        put_text(json->stream, value);
    else
        fputs("null", json->stream);
}

void json_integer(Json *json, const char *key, int64_t value)
{
    start_item(json, key);
    fprintf(json->stream, "%lld", (long long)value);
}

void json_real(Json *json, const char *key, double value)
{
    start_item(json, key);
    if (!isfinite(value)) {
        fputs("null", json->stream);
        return;
    }
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fputs(text, json->stream);
}

void json_boolean(Json *json, const char *key, bool value)
{
    start_item(json, key);
    fputs(value ? "true" : "false", json->stream);
}
