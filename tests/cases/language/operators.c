/* `+` and its relatives between all kinds of values: language.md 8.5 and 8.6. */
#include "/expect.h"

void test_strings_with_numbers() {
    expect("a" + 1, "a1");
    expect(1 + "a", "1a");
    expect("a" + -1, "a-1");
    expect("a" + 1.5, "a1.500000");
    expect(1.5 + "a", "1.500000a");
    expect("a" + 1 + 2, "a12");
    expect(1 + 2 + "a", "3a");
}

void test_strings_with_objects() {
    expect("<" + this_object(), "</cases/language/operators");
    expect(this_object() + ">", "/cases/language/operators>");
}

void test_arrays() {
    expect(({ 1 }) + ({ 2, 3 }), ({ 1, 2, 3 }));
    expect(({ }) + ({ }), ({ }));
    expect(({ 1, 2, 3, 2 }) - ({ 2 }), ({ 1, 3 }));
    expect(({ 3, 1, 2 }) - ({ }), ({ 3, 1, 2 }));
    expect(({ "a", "b", "a" }) - ({ "a" }), ({ "b" }));
}

void test_sums_of_arrays_are_new() {
    mixed *inner = ({ 1 }), *sum = ({ inner }) + ({ 2 });

    expect_same(sum[0], inner);
    inner[0] = 5;
    expect(sum, ({ ({ 5 }), 2 }));
}

void test_array_difference_by_identity() {
    mixed *inner = ({ 1 });

    expect(({ inner, ({ 1 }) }) - ({ inner }), ({ ({ 1 }) }));
    expect(sizeof(({ ({ }) }) - ({ ({ }) })), 0);
}

void test_array_intersection_in_order() {
    expect(({ 3, 2, 1 }) & ({ 2, 3, 1 }), ({ 1, 2, 3 }));
    expect(({ 2, 2, 3 }) & ({ 3, 2 }), ({ 2, 2, 3 }));
    expect(({ 1, 2 }) & ({ 3 }), ({ }));
    expect(({ 1, 2 }) & ({ }), ({ }));
}

void test_array_union() {
    expect(({ 3, 1, 2, 3 }) | ({ 9, 2, 8 }), ({ 3, 1, 2, 3, 8, 9 }));
    expect(({ 1 }) | ({ 5, 4, 5 }), ({ 1, 4, 5, 5 }));
    expect(({ }) | ({ 2, 1 }), ({ 1, 2 }));
}

void test_mappings() {
    mapping one = ([ "a": 1, "b": 2 ]), two = ([ "b": 3, "c": 4 ]);

    expect(one + two, ([ "a": 1, "b": 3, "c": 4 ]));
    expect(one, ([ "a": 1, "b": 2 ]));
    expect(([ "x": "k", "y": "l" ]) * ([ "k": 5 ]), ([ "x": 5 ]));
}

void test_buffers() {
    buffer joined = to_buffer("ab") + to_buffer("c");

    expect(sizeof(joined), 3);
    expect(joined[2], 'c');
}

void test_what_does_not_add() {
    mixed zero = 0, array = ({ }), text = "a", table = ([ ]), got;

    expect_message(catch(got = zero + array), "");
    expect_message(catch(got = array + zero), "");
    expect_message(catch(got = text + array), "");
    expect_message(catch(got = table + text), "");
    expect_message(catch(got = table + zero), "");
    expect(undefinedp(got), 1);
}

void test_what_does_not_subtract_or_multiply() {
    mixed zero = 0, text = "a", table = ([ ]), got;

    expect_message(catch(got = text - text), "");
    expect_message(catch(got = table - table), "");
    expect_message(catch(got = text * 2), "");
    expect_message(catch(got = text - zero), "");
    expect_message(catch(got = -text), "");
    expect(undefinedp(got), 1);
}

void test_add_and_assign() {
    string text = "a";
    mapping counts = ([ ]);

    text += "b";
    text += 1;
    text += 1.5;
    expect(text, "ab11.500000");
    counts["n"] += 5;
    counts["n"] += 2;
    expect(counts["n"], 7);
    expect(text += "!", "ab11.500000!");
}

void test_add_and_assign_to_nothing() {
    mapping table = ([ ]);
    mixed zero = 0;

    expect_message(catch(table["missing"] += ({ 1 })),
        "Left hand side of += is a number (or zero); right side is not a number.");
    expect_message(catch(table["missing"] += "x"),
        "Left hand side of += is a number (or zero); right side is not a number.");
    expect_message(catch(zero += ({ })),
        "Left hand side of += is a number (or zero); right side is not a number.");
}

void test_array_is_copied_by_add_and_assign() {
    mixed *array = ({ 1 }), *alias = array;

    array += ({ 2 });
    expect(array, ({ 1, 2 }));
    expect(alias, ({ 1 }));
    array -= ({ 1 });
    expect(array, ({ 2 }));
    array |= ({ 5 });
    expect(array, ({ 2, 5 }));
    array &= ({ 5 });
    expect(array, ({ 5 }));
}

void test_mapping_changes_in_place_by_add_and_assign() {
    mapping table = ([ "a": 1 ]), alias = table, copy = table + ([ ]);

    table += ([ "b": 2 ]);
    expect(alias, ([ "a": 1, "b": 2 ]));
    expect(copy, ([ "a": 1 ]));
}
