#include "/expect.h"

class point { int x; float y; }

int calls;
int count() { return ++calls; }

void test_values() {
    expect(json_encode(0), "0");
    expect(json_encode(-9223372036854775807 - 1), "-9223372036854775808");
    expect(json_encode(0.1), "0.1");
    expect(json_encode(3.0), "3.0");
    expect(json_encode("a\"\n\\é"), "\"a\\\"\\n\\\\é\"");
    expect(json_encode(({ })), "[]");
    expect(json_encode(({ 1, ({ "x" }) })), "[1,[\"x\"]]");
    expect(json_encode(([ ])), "{}");
    expect(json_encode(([ "b": 1, "a": ([ "c": ({ }) ]) ])), "{\"a\":{\"c\":[]},\"b\":1}");
}

void test_keys() {
    expect(json_encode(([ 10: "ten", 9: "nine" ])), "{\"10\":\"ten\",\"9\":\"nine\"}");
    expect(json_encode(([ 1: "int", "1": "string" ])), "{\"1\":\"string\"}");
    expect_error((: json_encode(([ 1.5: 1 ])) :), "a mapping key of type float");
    expect_error((: json_encode(([ ({ 1 }): 1 ])) :), "a mapping key of type array");
}

void test_undefined_is_null() {
    mapping m = ([ "there": 0 ]);
    expect(json_encode(m["missing"]), "null");
    expect(json_encode(({ m["missing"], m["there"] })), "[null,0]");
}

void test_classes_and_buffers() {
    class point p = new(class point, x: 1, y: 2.5);
    buffer b = allocate_buffer(2);
    b[1] = 255;
    expect(json_encode(({ p })), "[{\"x\":1,\"y\":2.5}]");
    expect(json_encode(b), "[0,255]");
}

void test_what_has_no_json() {
    expect_error((: json_encode(this_object()) :), "a value of type object");
    expect_error((: json_encode(({ (: count :) })) :), "a value of type function");
    expect(calls, 0);
}

void test_depth() {
    mixed value = ({ });
    for (int i = 1; i < 100; i++) value = ({ value });
    expect(json_encode(value), repeat_string("[", 100) + repeat_string("]", 100));
    expect_error((: json_encode(({ $(value) })) :), "nested more than 100 deep");
}

void test_cycles_and_bombs() {
    mixed *cycle = ({ 0 });
    mapping m = ([ "self": cycle ]);
    cycle[0] = m;
    expect_error((: json_encode($(cycle)) :), "or containing itself");
    cycle[0] = 0;
    mixed bomb = ({ "x" });
    for (int i = 0; i < 60; i++) bomb = ({ bomb, bomb });
    expect_error((: json_encode($(bomb)) :), "larger than the driver's limits");
}

void test_destructed_objects_are_0() {
    object ob = new(__FILE__);
    mixed *value = ({ ob });
    destruct(ob);
    expect(json_encode(value), "[0]");
}
