#include "/expect.h"

void test_values() {
    expect(json_decode("0"), 0);
    expect(json_decode(" [1, -2, 2.5, \"a\\u00e9\\n\"] "), ({ 1, -2, 2.5, "aé\n" }));
    expect(json_decode("{\"a\": {\"b\": []}}"), ([ "a": ([ "b": ({ }) ]) ]));
    expect(json_decode("\"\\ud83d\\ude00\""), "😀");
    expect(json_decode("[true, false, null]"), ({ 1, 0, 0 }));
}

void test_null_is_undefined() {
    mapping m = json_decode("{\"null\": null, \"false\": false}");
    expect(sizeof(m), 2);
    expect(undefinedp(m["null"]), 1);
    expect(undefinedp(m["false"]), 0);
    expect(undefinedp(json_decode("null")), 1);
}

void test_numbers() {
    expect(json_decode("9223372036854775807"), 9223372036854775807);
    expect(json_decode("-9223372036854775808"), -9223372036854775807 - 1);
    expect(json_decode("9223372036854775808"), 9223372036854775808.0);
    expect_error((: json_decode("1e999") :), "JSON: ");
    expect_error((: json_decode("NaN") :), "JSON: ");
    foreach (float f in ({ 0.1, 1e-300, 1.7976931348623157e308, -0.5 }))
        expect(json_decode(json_encode(f)), f);
}

void test_equal_keys() {
    expect(json_decode("{\"a\": 1, \"a\": 2}"), ([ "a": 2 ]));
}

void test_buffers() {
    buffer b = string_encode("{\"é\": 1}", "utf-8");
    expect(json_decode(b), ([ "é": 1 ]));
    b = allocate_buffer(1);
    b[0] = 255;
    expect_error((: json_decode($(b)) :), "JSON: ");
}

void test_faulty_texts() {
    foreach (string text in ({ "", "[1,]", "{a: 1}", "[1] 2", "'a'", "01", "\"\\ud800\"", "\"\\udc00\"" }))
        expect_error((: json_decode($(text)) :), "JSON: ");
    expect_error((: json_decode("[\n1\n2]") :), "line 3, column");
}

void test_deep_texts() {
    expect_error((: json_decode(repeat_string("[", 100000)) :), "JSON: ");
    expect_error((: json_decode(repeat_string("[", 100000) + repeat_string("]", 100000)) :), "JSON: ");
    expect_error((: json_decode(repeat_string("[", 101) + repeat_string("]", 101)) :), "nested more than 100 deep");
    expect(json_encode(json_decode(repeat_string("[", 100) + repeat_string("]", 100))), repeat_string("[", 100) + repeat_string("]", 100));
}

void test_results_are_ordinary_values() {
    mapping m = json_decode("{\"a\": [1]}");
    m["b"] = 2;
    m["a"] += ({ 2 });
    expect(m, ([ "a": ({ 1, 2 }), "b": 2 ]));
    expect(undefinedp(m["c"]), 1);
}
