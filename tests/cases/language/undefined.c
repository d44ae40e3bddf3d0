/* 0 and undefined: language.md 8.2. */
#include "/expect.h"

mapping table = ([ "zero": 0 ]);

mixed falls_off(int x) { if (x) return 1; }
mixed give(mixed x) { return x; }
int is_missing(mixed a, mixed b) { return undefinedp(b); }

void test_where_it_comes_from() {
    mixed unset;

    expect(undefinedp(unset), 1);
    expect(undefinedp(table["missing"]), 1);
    expect(undefinedp(this_object()->no_such_function()), 1);
    expect(this_object()->is_missing(1), 1);
    expect(this_object()->is_missing(1, 0), 0);
}

void test_it_is_zero() {
    mixed unset;

    expect(unset, 0);
    expect(unset == 0, 1);
    expect(!unset, 1);
    expect(typeof(unset), "int");
    expect(intp(unset), 1);
    expect("" + unset, "0");
    expect(unset + 5, 5);
}

void test_plain_zero_is_not() {
    expect(undefinedp(0), 0);
    expect(undefinedp(table["zero"]), 0);
    expect(undefinedp(give(0)), 0);
    expect(undefinedp(""), 0);
    expect(undefinedp(({ })), 0);
}

void test_copies_keep_it() {
    mixed unset, copy = unset;
    mixed *array = ({ unset, 0 });
    mapping kept = ([ "a": unset ]);

    expect(undefinedp(copy), 1);
    expect(undefinedp(give(unset)), 1);
    expect(undefinedp(array[0]), 1);
    expect(undefinedp(array[1]), 0);
    expect(undefinedp(kept["a"]), 1);
}

void test_assignment_and_arithmetic_clear_it() {
    mixed x;
    int n, m;

    x = 0;
    expect(undefinedp(x), 0);
    expect(undefinedp(n + 0), 0);
    m = n * 2;
    expect(undefinedp(m), 0);
    n += 0;
    expect(undefinedp(n), 0);
}

void test_function_without_value_gives_plain_zero() {
    expect(falls_off(0), 0);
    expect(undefinedp(falls_off(0)), 0);
}

void test_coalescing() {
    mixed unset;

    expect(unset ?? 5, 5);
    expect(0 ?? 5, 0);
    expect("" ?? 5, "");
    expect(table["zero"] ?? 5, 0);
    expect(table["missing"] ?? 5, 5);
    expect(unset ?? table["missing"] ?? 6, 6);
}

void test_coalescing_assignment() {
    mixed unset, zero = 0;
    mapping options = ([ "given": 0 ]);

    unset ??= 4;
    zero ??= 4;
    options["given"] ??= 1;
    options["other"] ??= 2;
    expect(unset, 4);
    expect(zero, 0);
    expect(options, ([ "given": 0, "other": 2 ]));
}

void test_other_logical_assignments() {
    mixed unset, text = "a", zero = 0;

    unset ||= "b";
    text ||= "c";
    expect(({ unset, text }), ({ "b", "a" }));
    text &&= "d";
    zero &&= "e";
    expect(({ text, zero }), ({ "d", 0 }));
}

void test_reading_does_not_insert() {
    mapping empty = ([ ]);

    expect(empty["a"], 0);
    expect(sizeof(empty), 0);
}
