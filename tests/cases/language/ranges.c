/* Ranges as values and as targets: language.md 8.9. */
#include "/expect.h"

void test_of_strings() {
    string text = "hello";

    expect(text[1..3], "ell");
    expect(text[0..0], "h");
    expect(text[1..], "ello");
    expect(text[0..<2], "hell");
    expect(text[<3..<2], "ll");
    expect(text[<3..], "llo");
    expect(text[<4..3], "ell");
    expect(text[0..<1], "hello");
}

void test_of_arrays() {
    int *numbers = ({ 1, 2, 3, 4, 5 });

    expect(numbers[1..3], ({ 2, 3, 4 }));
    expect(numbers[3..], ({ 4, 5 }));
    expect(numbers[<2..<1], ({ 4, 5 }));
    expect(numbers[..<2], ({ 1, 2, 3, 4 }));    // differs fluffos: its compiler crashes on this
}

void test_of_buffers() {
    buffer bytes = to_buffer("hello");
    buffer middle = bytes[1..2];

    expect(sizeof(middle), 2);
    expect(middle[0], 'e');
    expect(middle[1], 'l');
}

void test_bounds_never_raise() {
    string text = "hello";
    int *numbers = ({ 1, 2, 3 });
    int before = -5, past = 9;

    expect(text[before..1], "he");
    expect(text[2..past], "llo");
    expect(text[3..1], "");
    expect(text[past..past + 1], "");
    expect(text[before..before], "");
    expect(text[<past..1], "he");
    expect(numbers[before..0], ({ 1 }));
    expect(numbers[1..past], ({ 2, 3 }));
    expect(numbers[2..1], ({ }));
    expect(numbers[past..], ({ }));
    expect(({ })[0..1], ({ }));
    expect(""[0..1], "");
}

void test_range_of_an_array_is_a_copy() {
    int *numbers = ({ 1, 2, 3 }), *part = numbers[0..1];

    part[0] = 9;
    expect(numbers, ({ 1, 2, 3 }));
}

void test_bounds_are_numbers() {
    mixed text = "abc", key = "x", got;

    expect_message(catch(got = text[key..2]), "");
    expect_message(catch(got = text[0..key]), "");
    expect(undefinedp(got), 1);
}

void test_ranges_of_other_things() {
    mixed zero = 0, table = ([ 0: 1 ]), got;

    expect_message(catch(got = zero[0..1]), "");
    expect_message(catch(got = table[0..1]), "");
    expect(undefinedp(got), 1);
}

void test_assigned_to_arrays() {
    int *numbers = ({ 1, 2, 3, 4 });

    numbers[1..2] = ({ 9 });
    expect(numbers, ({ 1, 9, 4 }));
    numbers[1..1] = ({ 5, 6, 7 });
    expect(numbers, ({ 1, 5, 6, 7, 4 }));
    numbers[<2..<1] = ({ });
    expect(numbers, ({ 1, 5, 6 }));
    numbers[1..] = ({ 8 });
    expect(numbers, ({ 1, 8 }));
}

void test_insertion_into_arrays() {
    int *numbers = ({ 1, 2 });

    numbers[1..0] = ({ 5 });
    expect(numbers, ({ 1, 5, 2 }));
    numbers[0..-1] = ({ 0 });
    expect(numbers, ({ 0, 1, 5, 2 }));
    numbers[sizeof(numbers)..sizeof(numbers) - 1] = ({ 9 });
    expect(numbers, ({ 0, 1, 5, 2, 9 }));
    numbers[<0..<1] = ({ 10 });
    expect(numbers, ({ 0, 1, 5, 2, 9, 10 }));
}

void test_same_length_works_in_place() {
    int *numbers = ({ 1, 2, 3 }), *alias = numbers;

    numbers[0..1] = ({ 8, 9 });
    expect(alias, ({ 8, 9, 3 }));
    numbers[0..1] = ({ 7 });
    expect(numbers, ({ 7, 3 }));
    expect(alias, ({ 8, 9, 3 }));
}

void test_assigned_to_strings() {
    string text = "abcdef", other = text;

    text[1..2] = "XYZ";
    expect(text, "aXYZdef");
    expect(other, "abcdef");
    text[0..0] = "";
    expect(text, "XYZdef");
    text[<1..<1] = "!";
    expect(text, "XYZde!");
    text[3..] = "";
    expect(text, "XYZ");
    expect(catch(text[3..2] = "end"), "*Illegal range in assignment.\n");
    expect(catch(text[3..3] = "end"), "*Illegal range in assignment.\n");
    text[0..-1] = "> ";
    expect(text, "> XYZ");
}

void test_assigned_inside_containers() {
    mixed *rows = ({ ({ 1, 2, 3 }), "abc" });
    mapping table = ([ "k": "hello" ]);

    rows[0][0..1] = ({ 9 });
    rows[1][0..0] = "XX";
    table["k"][1..3] = "ipp";
    expect(rows, ({ ({ 9, 3 }), "XXbc" }));
    expect(table, ([ "k": "hippo" ]));
}

void test_wrong_kind_of_value() {
    mixed numbers = ({ 1, 2 }), text = "ab";

    expect_message(catch(numbers[0..0] = text), "");
    expect_message(catch(text[0..0] = numbers), "");
    expect(numbers, ({ 1, 2 }));
    expect(text, "ab");
}
