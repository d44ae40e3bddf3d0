/* LPC code cannot reach what is Python's: names, attributes, formats. */
#include "/expect.h"

#pragma no_warnings

int __class__ = 5;
int self = 6;
mapping None = ([ "a": 1 ]);

int __init__() { return 1; }
int print(int n) { return n + 1; }
mixed import(mixed lambda) { return lambda; }

void test_pythons_names_are_ordinary() {
    int def = 1, True = 2, previous = 3, STOP = 4;

    expect(__class__ + self, 11);
    expect(None["a"], 1);
    expect(__init__(), 1);
    expect(print(1), 2);
    expect(import(3), 3);
    expect(def + True + previous + STOP, 10);
}

void test_no_attributes() {
    mixed text = "abc", number = 5, ob = this_object(), f = (: 1 :), got;

    foreach (mixed value in ({ text, number, f })) {
        expect_message(catch(got = value->upper()), "");
    }
    expect(undefinedp(ob->__class__()), 1);
    expect(undefinedp(call_other(ob, "__dict__")), 1);
    expect(undefinedp(call_other(ob, "->sum/2")), 1);
    expect(undefinedp(call_other(ob, "")), 1);
    expect(undefinedp(got), 1);
}

void test_members_are_not_attributes() {
    mixed text = "abc", table = ([ ]), got;

    expect_message(catch(got = text.upper), "");
    expect(table.keys, 0);
    expect(table.__class__, 0);
    expect(undefinedp(got), 1);
}

void test_braces_in_strings_stay() {
    expect("{0.__class__}" + 1, "{0.__class__}1");
    expect(sprintf("%s", "{0}"), "{0}");
    expect(`{${1}}`, "{1}");
    expect("%(x)s" + "", "%(x)s");
}
