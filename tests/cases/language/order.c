/* Precedence and evaluation order: language.md 5. */
#include "/expect.h"

int *marks;

int mark(int n) { marks += ({ n }); return n; }
mixed *array(int n) { mark(n); return ({ 10, 11, 12, 13, 14, 15 }); }
object me(int n) { mark(n); return this_object(); }
int sum(int a, int b) { return a + b; }
mixed *grid() { return ({ 0, 0, 0, ({ 0, 0, 0, 0 }), 0 }); }

void test_left_to_right() {
    marks = ({ });
    expect(mark(1) + mark(2) * mark(3), 7);
    expect(sum(mark(4), mark(5)), 9);
    expect(({ mark(6), mark(7) }), ({ 6, 7 }));
    expect(marks, ({ 1, 2, 3, 4, 5, 6, 7 }));
}

void test_comparison_left_to_right() {
    marks = ({ });
    expect(mark(2) > mark(1), 1);
    expect(mark(3) == mark(4), 0);
    expect(marks, ({ 2, 1, 3, 4 }));
}

void test_key_before_value() {
    mapping table;

    marks = ({ });
    table = ([ mark(1): mark(2), mark(3): mark(4) ]);
    expect(table, ([ 1: 2, 3: 4 ]));
    expect(marks, ({ 1, 2, 3, 4 }));
}

void test_object_before_arguments() {
    marks = ({ });
    expect(me(1)->sum(mark(2), mark(3)), 5);
    expect(marks, ({ 1, 2, 3 }));
}

void test_right_side_then_index_then_base() {
    mixed *target = grid();

    marks = ({ });
    target[mark(3)][mark(2)] = mark(1);
    expect(marks, ({ 1, 2, 3 }));
    expect(target[3], ({ 0, 0, 1, 0 }));
}

void test_compound_assignment_too() {
    mixed *target = ({ 1, 2, 3 });

    marks = ({ });
    target[mark(2)] += mark(1);
    expect(marks, ({ 1, 2 }));
    expect(target, ({ 1, 2, 4 }));
}

void test_logical_assignment_evaluates_the_target_first() {
    mixed *target = ({ 0, 0, 5 });

    marks = ({ });
    target[mark(1)] ||= mark(2);
    target[mark(2)] ||= mark(9);
    target[mark(0)] &&= mark(9);
    expect(marks, ({ 1, 2, 2, 0 }));
    expect(target, ({ 0, 2, 5 }));
}

void test_index_before_container() {
    marks = ({ });
    expect(array(2)[mark(1)], 11);
    expect(marks, ({ 1, 2 }));
}

void test_range_before_container() {
    marks = ({ });
    expect(array(3)[mark(1)..mark(2)], ({ 11, 12 }));
    expect(marks, ({ 1, 2, 3 }));
}

void test_short_circuit() {
    marks = ({ });
    expect(mark(0) && mark(1), 0);
    expect(mark(2) || mark(3), 2);
    expect(mark(4) ? mark(5) : mark(6), 5);
    expect(mark(7) ?? mark(8), 7);
    expect(marks, ({ 0, 2, 4, 5, 7 }));
}

void test_comma() {
    int a, b;

    a = (b = 2, b + 1);
    expect(({ a, b }), ({ 3, 2 }));
    for (a = 0, b = 10; a < b; a++, b--);
    expect(({ a, b }), ({ 5, 5 }));
}

void test_assignment_is_the_loosest() {
    int yes = 1, no = 0, target = 7, got;

    got = yes ? 3 : target = 9;
    expect(({ got, target }), ({ 3, 7 }));
    got = no ? 3 : target = 9;
    expect(({ got, target }), ({ 9, 9 }));
    got = no || target = 4;
    expect(({ got, target }), ({ 4, 4 }));
    got = yes || target = 5;
    expect(({ got, target }), ({ 1, 4 }));
    got = !target = 0;
    expect(({ got, target }), ({ 1, 0 }));
}

void test_assignment_is_right_associative() {
    int a, b, c;

    a = b = c = 4;
    expect(({ a, b, c }), ({ 4, 4, 4 }));
    a += b -= 1;
    expect(({ a, b }), ({ 7, 3 }));
}

void test_conditional_is_right_associative() {
    int one = 1, two = 2;

    expect(one == 2 ? "a" : two == 2 ? "b" : "c", "b");
    expect(one == 1 ? two == 1 ? "a" : "b" : "c", "b");
}

void test_precedence() {
    int two = 2;
    mixed undefined = ([ ])["x"];

    expect(1 + two * 3, 7);
    expect((1 + two) * 3, 9);
    expect(10 - 3 - two, 5);
    expect(100 / 10 / two, 5);
    expect(1 << two + 1, 8);
    expect((two & 3) == 2, 1);
    expect(1 | two ^ 6 & 4, 7);
    expect(two == 2 && two < 3 || 0, 1);
    expect(-two + 5, 3);
    expect(!two + 5, 5);
    expect(~two & 7, 5);
    expect(undefined ?? 0 || 7, 7);
    expect(undefined ?? two ? "yes" : "no", "yes");
}

void test_and_binds_tighter_than_or() {
    expect(mark_none(1) || mark_none(0) && mark_none(0), 1);
    expect(0 || 5 && 6, 6);
}

int mark_none(int n) { return n; }
