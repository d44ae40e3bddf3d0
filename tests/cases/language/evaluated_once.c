/* Every part of an expression is evaluated once, and in LPC's order: language.md 5. */
#include "/expect.h"

int calls, global;
mixed *trail = ({ });

float half() { calls++; return 0.5; }
mixed two() { calls++; return 2; }
int to_ten() { global = 10; return 1; }
mixed note(mixed value) { trail += ({ value }); return value; }
int *array() { note("array"); return ({ 4, 5, 6 }); }
int index() { note("index"); return 1; }
void set(mixed ref target, mixed value) { target = value; }

void test_products_and_quotients() {
    int i = 3;
    mixed m;

    calls = 0;
    m = i * half();
    expect(m, 1.5);
    expect(calls, 1);
    m = half() * i + two() * half() - half() / two() + two() * two() % two();
    expect(calls, 9);
}

void test_compound_assignment_to_a_global() {
    global = 1;
    global += to_ten();
    expect(global, 11);
    global = 1;
    global -= to_ten() + 0;
    expect(global, 9);
}

void test_index_of_a_nested_assignment() {
    int i = 0;
    mixed *a = ({ 0, 0 });

    (a[i++] = ({ 1, 2 }))[0] = 5;
    expect(a, ({ ({ 5, 2 }), 0 }));
    expect(i, 1);
}

void test_element_passed_by_reference() {
    int i = 0;
    int *a = ({ 1, 2, 3 });

    set(ref a[i++], 7);
    expect(a, ({ 7, 2, 3 }));
    expect(i, 1);
}

void test_unused_index() {
    trail = ({ });
    array()[index()];
    expect(trail, ({ "index", "array" }));
    trail = ({ });
    ({ array()..., note(1) });
    expect(trail, ({ "array", 1 }));
}

object other() { return this_object(); }
int given(mixed value) { return value; }

void test_target_before_arguments() {
    object ob = this_object();
    function f = (: given($1) + 1 :);
    function g = (: given($1) + 2 :);

    expect(ob->given((ob = 0, 5)), 5);
    expect(ob, 0);
    expect((*f)((f = g, 5)), 6);
    expect((*f)(5), 7);
}

void test_captured_values() {
    int x = 3;
    function f = (: $1 + $(x++) :);

    expect(evaluate(f, 1), 4);
    expect(x, 4);
    f = (: global = $1 + $(x++) + $(x++) :);
    expect(evaluate(f, 1), 10);
    expect(global, 10);
    expect(x, 6);
}
