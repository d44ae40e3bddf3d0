/* sscanf: language.md 5. */
#include "/expect.h"

class point { int x; string y; }

void test_basics() {
    int n;
    string word, rest;
    float real;

    expect(sscanf("take 5 coins", "take %d %s", n, rest), 2);
    expect(({ n, rest }), ({ 5, "coins" }));
    expect(sscanf("one two three", "%s %s", word, rest), 2);
    expect(({ word, rest }), ({ "one", "two three" }));
    expect(sscanf("1.5x", "%f%s", real, rest), 2);
    expect(({ real, rest }), ({ 1.5, "x" }));
    expect(sscanf("ff", "%x", n), 1);
    expect(n, 255);
    expect(sscanf("-12", "%d", n), 1);
    expect(n, -12);
}

void test_what_does_not_match() {
    int n = 3;
    string rest = "kept";

    expect(sscanf("drop it", "take %s", rest), 0);
    expect(rest, "kept");
    expect(sscanf("abc", "%d", n), 0);
    expect(n, 3);
    expect(sscanf("5 apples", "%d pears%s", n, rest), 1);
    expect(n, 5);
    expect(rest, "kept");
}

void test_skipped_fields_count() {
    string rest;

    expect(sscanf("crash_123", "crash_%*s"), 1);
    expect(sscanf("crash_", "crash_%*s"), 1);
    expect(sscanf("crash", "crash_%*s"), 0);
    expect(sscanf("xcrash_1", "crash_%*s"), 0);
    expect(sscanf("a b", "%*s %s", rest), 2);
    expect(rest, "b");
}

void test_all_kinds_of_targets() {
    int *numbers = ({ 0, 0 });
    mapping table = ([ ]);
    class point p = new(class point);
    string text = "abcd";

    expect(sscanf("7 eight", "%d %s", numbers[1], table["k"]), 2);
    expect(numbers, ({ 0, 7 }));
    expect(table, ([ "k": "eight" ]));
    expect(sscanf("3 y", "%d %s", p->x, p->y), 2);
    expect(({ p->x, p->y }), ({ 3, "y" }));
    expect(sscanf("XYZ", "%s", text[1..2]), 1);
    expect(text, "aXYZd");
}

void test_subject_must_be_a_string() {
    mixed number = 5;
    string rest;

    expect_message(catch(sscanf(number, "%s", rest)), "");
    expect(undefinedp(rest), 1);
}
