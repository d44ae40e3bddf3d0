/* Variables, functions and modifiers: language.md 3 and 4. */
#include "/expect.h"

string *order = ({ });

int first = noted("first", 1);
int second = first + 1, third = noted("third", second + 1);
int *stars, plain;
int never_set;
nosave int unsaved = 5;
private int hidden = 6;
protected int guarded = 7;
private nosave mapping both = ([ "a": 1 ]);

int noted(string what, int value) {
    order += ({ what });
    return value;
}

void create() {
    order += ({ "create" });
}

/* Prototypes: with names, without, and for what is only defined below. */
int later(int a, string b);
varargs int unnamed(int, string);

int declared(int n) { return later(n, "x"); }
int later(int a, string b) { return a + strlen(b); }
varargs int unnamed(int a, string b) { return a; }

private int secret() { return 1; }
protected int family() { return 2; }
public int open() { return 3; }
nomask int fixed() { return 4; }
private varargs int several(int a, int b) { return undefinedp(b); }

untyped(a, b) { return ({ a, b }); }

void test_initialisers_run_in_order_before_create() {
    expect(order, ({ "first", "third", "create" }));
    expect(({ first, second, third }), ({ 1, 2, 3 }));
}

void test_unset_globals_are_undefined() {
    expect(never_set, 0);
    expect(undefinedp(never_set), 1);
    expect(undefinedp(stars), 1);
}

void test_star_belongs_to_the_name() {
    int *a = ({ 1 }), b = 2, *c = ({ b });

    stars = ({ 3 });
    plain = 4;
    expect(({ a, b, c }), ({ ({ 1 }), 2, ({ 2 }) }));
    expect(sizeof(stars) + plain, 5);
}

void test_modifiers() {
    expect(unsaved + hidden + guarded, 18);
    expect(both, ([ "a": 1 ]));
    expect(secret() + family() + open() + fixed(), 10);
    expect(several(1), 1);
}

void test_access_from_outside() {
    expect(undefinedp(call_other(this_object(), "secret")), 1);
    expect(call_other(this_object(), "family"), 2);
    expect(call_other(this_object(), "open"), 3);
}

void test_prototypes() {
    expect(declared(2), 3);
    expect(unnamed(1), 1);
}

void test_untyped() {
    expect(this_object()->untyped(1, "x"), ({ 1, "x" }));
    expect(this_object()->untyped(1), ({ 1, 0 }));
    expect(this_object()->untyped(1, 2, 3), ({ 1, 2 }));
}

void test_scopes() {
    int total = 0;
    int first = 100;    // hides the global of this name

    {
        int inner = 1;
        total += inner;
    }
    {
        int inner = 2;  // the other one is gone
        total += inner;
    }
    expect(total, 3);
    expect(first, 100);
}

void test_declarations_anywhere_in_a_block() {
    int a = 1;
    a++;
    int b = a * 10;

    expect(b, 20);
}

void test_locals_start_undefined() {
    mixed a;
    int b;
    string c;

    expect(undefinedp(a) + undefinedp(b) + undefinedp(c), 3);
}

void test_a_local_without_value_is_not_reset_by_a_loop() {
    string seen = "";

    for (int i = 0; i < 3; i++) {
        int q;

        q++;
        seen += q;
    }
    expect(seen, "123");
}

void test_a_local_with_value_is_reset_by_a_loop() {
    string seen = "";

    for (int i = 0; i < 3; i++) {
        int q = 0;

        q++;
        seen += q;
    }
    expect(seen, "111");
}

int twice(int n) { return 2 * n; }

void test_a_local_does_not_hide_a_function_in_call_position() {
    int twice = 3;

    expect(twice(twice), 6);
}

void test_initialiser_sees_earlier_names() {
    int a = 2, b = a + 1, c = a * b;

    expect(c, 6);
}
