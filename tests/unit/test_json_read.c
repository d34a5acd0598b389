/* The JSON reader: values, and texts that are cut or wrong in every place. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/json_read.h"

static const char sample[] =
    " {\"name\": \"a \\\"b\\\"\", \"list\": [1, -2.5e1, null, true, false,\n"
    " []], \"inner\": {\"x\": 0.125}, \"empty\": {}}\n";

/* In a block of its own of just this size, so that reading past the end shows. */
static JsonValue *parse(const char *text, size_t size)
{
    char *const copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    MicaError error = {MICA_OK, ""};
    JsonValue *const value = json_parse(copy, size, &error);
    assert_true(value || error.text[0]);
    free(copy);
    return value;
}

static void test_values(void **state)
{
    (void)state;
    JsonValue *const root = parse(sample, sizeof sample - 1);
    assert_non_null(root);
    assert_string_equal(json_get(root, "name")->text, "a \"b\"");
    const JsonValue *item = json_get(root, "list")->child;
    assert_true(item->number == 1 && item->next->number == -25);
    item = item->next->next;
    assert_int_equal(item->type, JSON_NULL);
    assert_true(item->next->type == JSON_BOOLEAN && item->next->number == 1);
    assert_true(item->next->next->type == JSON_BOOLEAN && item->next->next->number == 0);
    item = item->next->next->next;
    assert_true(item->type == JSON_ARRAY && !item->child && !item->next);
    assert_true(json_get(json_get(root, "inner"), "x")->number == 0.125);
    assert_null(json_get(root, "nothing"));
    assert_null(json_get(json_get(root, "list"), "x"));
    json_free(root);
}

static void test_cut(void **state)
{
    (void)state;
    const size_t end = strlen(sample) - 1; /* without the line end, which may be missing */
    for (size_t size = 0; size < end; size++)
        assert_null(parse(sample, size));
}

static void test_wrong(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",   "{",     "[1,]", "{\"a\"}", "{\"a\":1,}", "{1:2}", "nul", "1 2", "--1",
        "1e", "[1 2]", "\"a",  "\"a\\",   "]",          "tru",   ".",   "{}}", "{\"a\":1 \"b\":2}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_null(parse(texts[i], strlen(texts[i])));
    char deep[1000];
    memset(deep, '[', sizeof deep);
    assert_null(parse(deep, sizeof deep));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_cut),
                                       cmocka_unit_test(test_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
