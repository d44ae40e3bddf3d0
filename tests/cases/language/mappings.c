/* Mappings: language.md 8.11. */
#include "/expect.h"

void test_literals() {
    expect(sizeof(([ ])), 0);
    expect(([ "a": 1, "b": 2, ])["b"], 2);
    expect(([ "a": 1, "a": 2 ]), ([ "a": 2 ]));
    expect(sizeof(([ 1: 1, "1": 2, 1.0: 3 ])), 3);
}

void test_reading_and_writing() {
    mapping table = ([ ]);

    table["a"] = 1;
    table["a"] += 2;
    table["b"]++;
    expect(table, ([ "a": 3, "b": 1 ]));
    expect(table["none"], 0);
    expect(sizeof(table), 2);
    map_delete(table, "a");
    map_delete(table, "never there");
    expect(table, ([ "b": 1 ]));
}

void test_numbers_as_keys() {
    mapping table = ([ 1: "int", 1.0: "float", "1": "string" ]);

    expect(table[1], "int");
    expect(table[1.0], "float");
    expect(table["1"], "string");
    expect(undefinedp(table[2.0]), 1);
}

void test_other_keys_are_known_by_identity() {
    mixed *array = ({ 1 });
    mapping inner = ([ ]);
    function f = (: 1 :);
    mapping table = ([ array: "array", inner: "mapping", f: "function", this_object(): "object" ]);

    expect(table[array], "array");
    expect(table[inner], "mapping");
    expect(table[f], "function");
    expect(table[this_object()], "object");
    expect(undefinedp(table[({ 1 })]), 1);
    expect(undefinedp(table[([ ])]), 1);
    array[0] = 2;
    expect(table[array], "array");
}

void test_order_is_a_function_of_the_keys() {
    mapping up = ([ ]), down = ([ ]);

    for (int i = 0; i < 20; i++) {
        up[i] = i;
        up["k" + i] = i;
        down["k" + (19 - i)] = 19 - i;
        down[19 - i] = 19 - i;
    }
    expect(keys(up), keys(down));
    expect(values(up), values(down));
}

void test_order_is_numbers_then_strings() {     // differs fluffos: the order of its hash buckets
    mapping table = ([ "b": 1, 10: 2, "a": 3, 9: 4, -1: 5 ]);

    expect(keys(table), ({ -1, 9, 10, "a", "b" }));
    expect(values(table), ({ 5, 4, 2, 3, 1 }));
}

void test_keys_values_and_foreach_agree() {
    mapping table = ([ "x": 1, "c": 2, "m": 3 ]);
    mixed *found = ({ }), *held = ({ });

    foreach (string key, int value in table) {
        found += ({ key });
        held += ({ value });
    }
    expect(found, keys(table));
    expect(held, values(table));
}

void test_references() {
    mapping table = ([ "a": 1 ]), alias = table;

    alias["b"] = 2;
    expect(table, ([ "a": 1, "b": 2 ]));
}

void test_nested() {
    mapping table = ([ "in": ([ "k": 1 ]) ]);

    table["in"]["k"] = 5;
    table["in"]["l"] = ({ 1 });
    table["in"]["l"][0]++;
    expect(table, ([ "in": ([ "k": 5, "l": ({ 2 }) ]) ]));
}

void test_members() {
    mixed table = ([ "name": "x" ]);

    expect(table.name, "x");
    expect(table->name, "x");
    table.name = "y";
    table.other = 5;
    expect(table, ([ "name": "y", "other": 5 ]));
    expect(undefinedp(table.missing), 1);
}

void test_optional_members() {
    mixed table = ([ "name": ([ "k": 3 ]) ]), zero = 0, text = "abc";

    expect(table?.name, ([ "k": 3 ]));
    expect(table?.name?.k, 3);
    expect(table?.missing?.k, 0);
    expect(zero?.name, 0);
    expect(text?.name, 0);
    expect(table?.["name"], ([ "k": 3 ]));
    expect(table.?["name"], ([ "k": 3 ]));
    expect(zero?.["name"], 0);
    expect(zero.?["name"], 0);
}

void test_zero_keys() {
    mapping table = ([ 0: "zero" ]);
    mixed unset;

    expect(table[0], "zero");
    expect(table[unset], "zero");
    expect(sizeof(table), 1);
}
