/* foreach: language.md 4. */
#include "/expect.h"

int global;

void test_arrays() {
    int *got = ({ });

    foreach (int x in ({ 3, 1, 2 })) got += ({ x });
    expect(got, ({ 3, 1, 2 }));
    foreach (mixed y in ({ })) got += ({ y });
    expect(sizeof(got), 3);
}

void test_existing_variables() {
    int x;

    foreach (x in ({ 1, 2, 3 })) {
        if (x == 2) break;
    }
    expect(x, 2);
    foreach (global in ({ 4, 5 }));
    expect(global, 5);
}

void test_star_variable() {
    int sum = 0;

    foreach (int *row in ({ ({ 1, 2 }), ({ 3 }) })) {
        foreach (int x in row) sum += x;
    }
    expect(sum, 6);
}

void test_mappings() {
    string text = "";
    string key;
    int value;

    foreach (string k, int v in ([ "b": 2, "a": 1 ])) text += k + v;
    expect(text, "a1b2");
    foreach (key, value in ([ "c": 3 ])) text += key + value;
    expect(text, "a1b2c3");
}

void test_strings_give_code_points() {
    int *got = ({ });

    foreach (int c in "aé日😀") got += ({ c });
    expect(got, ({ 'a', 233, 0x65e5, 0x1f600 }));
}

void test_buffers_give_bytes() {
    int *got = ({ });

    foreach (int byte in to_buffer("aé")) got += ({ byte });
    expect(got, ({ 97, 0xc3, 0xa9 }));
}

void test_nested_over_strings() {
    string text = "";

    foreach (int a in "ab") {
        foreach (int b in "xy") text += sprintf("%c%c ", a, b);
    }
    expect(text, "ax ay bx by ");
}

void test_list_is_fixed_at_entry() {
    int *numbers = ({ 1, 2, 3 });
    int rounds = 0;

    foreach (int x in numbers) {
        numbers += ({ x });
        rounds++;
    }
    expect(rounds, 3);
    expect(numbers, ({ 1, 2, 3, 1, 2, 3 }));
}

void test_element_writes_are_seen() {
    int *numbers = ({ 1, 2, 3 }), *got = ({ });

    foreach (int x in numbers) {
        numbers[2] = 9;
        got += ({ x });
    }
    expect(got, ({ 1, 2, 9 }));
}

void test_keys_are_fixed_at_entry() {
    mapping table = ([ 1: "a", 2: "b" ]);
    int rounds = 0;

    foreach (int key, string value in table) {
        table[key + 10] = value;
        rounds++;
    }
    expect(rounds, 2);
    expect(sizeof(table), 4);
}

void test_value_of_a_deleted_key() {
    mapping table = ([ 1: "a", 2: "b" ]);
    mixed *got = ({ });

    foreach (int key, mixed value in table) {
        map_delete(table, 3 - key);
        got += ({ undefinedp(value) });
    }
    expect(got, ({ 0, 1 }));
}

void test_changing_the_variable_changes_nothing_else() {
    int *numbers = ({ 1, 2 });

    foreach (int x in numbers) x = 9;
    expect(numbers, ({ 1, 2 }));
}

void test_references_to_elements() {
    int *numbers = ({ 1, 2, 3 });
    mapping table = ([ "a": 1, "b": 2 ]);
    buffer bytes = to_buffer("ab");

    foreach (int ref x in numbers) x *= 2;
    expect(numbers, ({ 2, 4, 6 }));
    foreach (string k, int ref v in table) {
        if (k == "b") v += 10;
    }
    expect(table, ([ "a": 1, "b": 12 ]));
    foreach (int ref byte in bytes) byte++;
    expect(bytes[0], 'b');
    foreach (int & y in numbers) y++;
    expect(numbers, ({ 3, 5, 7 }));
}

void test_reference_into_a_string_changes_a_copy() {
    string text = "ab";

    foreach (int ref c in text) c = 'x';
    expect(text, "ab");
}

void test_wrong_number_of_variables() {
    mixed table = ([ 1: 2 ]), array = ({ 1 });
    mixed one, two;

    expect_message(catch { foreach (one in table); }, "");
    expect_message(catch { foreach (one, two in array); }, "");
}

void test_wrong_kind_of_value() {
    mixed number = 5, one;

    expect_message(catch { foreach (one in number); }, "");
}

void test_continue() {
    int sum = 0;

    foreach (int x in ({ 1, 2, 3, 4 })) {
        if (x % 2) continue;
        sum += x;
    }
    expect(sum, 6);
}
