#include "/expect.h"

void test_pretty() {
    expect(json_pretty(([ "b": ({ 1, 2 }), "a": "x  y" ])),
           "{\n  \"a\": \"x  y\",\n  \"b\": [\n    1,\n    2\n  ]\n}");
    expect(json_pretty(({ 1 }), 4), "[\n    1\n]");
    expect(json_pretty(({ 1 }), 0), "[\n1\n]");
    expect(json_pretty(({ })), "[]");
    expect(json_pretty("text"), "\"text\"");
}

void test_reads_back() {
    mapping m = ([ "a": ({ "\n    ", ([ "b": 0.5 ]) }) ]);
    expect(json_decode(json_pretty(m, 3)), m);
}

void test_errors() {
    expect_error((: json_pretty(1, 17) :), "an indent of 0 to 16");
    expect_error((: json_pretty(1, -1) :), "an indent of 0 to 16");
    expect_error((: json_pretty(this_object()) :), "can not be encoded");
}
