/* A destructed object is 0 wherever it is read: language.md 8.13. */
#include "/expect.h"

int variable = 5;

object gone() {
    object ob = new(__FILE__);

    destruct(ob);
    return ob;
}

void test_arithmetic() {
    object ob = new(__FILE__);
    mixed m = ob, r;
    int i;

    i = m;
    destruct(ob);
    expect(m + 1, 1);
    expect(1 + m, 1);
    expect(m - 1, -1);
    expect(5 * m, 0);
    expect(m / 2, 0);
    expect(m % 3, 0);
    expect(1.5 + m, 1.5);
    expect(m * 1.5, 0.0);
    expect(-m, 0);
    expect(~m, -1);
    expect(m | 3, 3);
    expect(1 << m, 1);
    expect(i + 1, 1);
    expect(2 - i, 2);
    expect(i < 1, 1);
    expect(1 > i, 1);
    expect(i >= 0 && i <= 0, 1);
    expect(i ^ 3, 3);
    expect("a" + m, "a0");
    expect(m + "a", "0a");
    expect(`<${m}>`, "<0>");
    expect_message(catch(r = 5 / m), "Division by zero");
    expect_message(catch(r = 5 % i), "Modulus by zero");
    expect_message(catch(r = 5.0 / i), "Division by 0.0");
    m++;
    expect(m, 1);
    expect(r, 0);
}

void test_comparison() {
    object ob = gone();
    mixed m = ob;

    expect(ob == 0, 1);
    expect(m == 0.0, 1);
    expect(m != gone(), 0);
    expect(!m, 1);
    expect(m ? 1 : 2, 2);
    expect(m || 5, 5);
    expect(m ?? 5, 0);
    expect(undefinedp(m), 0);
    expect(typeof(m), "int");
}

void test_as_index_and_key() {
    object ob = new(__FILE__);
    mapping seen = ([ ob: 1 ]);
    mixed *a = ({ ob, 1 });
    string text = "abc";

    destruct(ob);
    expect(seen[ob], 0);
    seen[ob] = 5;
    expect(seen[0], 5);
    expect(a[a[0]], 0);
    expect(text[a[0]], 'a');
    expect(a[a[0]..a[0]], ({ 0 }));
    expect(a - ({ 0 }), ({ 1 }));
    a[a[0]] = 7;
    expect(a, ({ 7, 1 }));
}

void test_in_a_switch() {
    mixed m = gone();
    int r;

    switch (m) {
    case 0: r = 1; break;
    case 1: r = 2;
    }
    expect(r, 1);
    switch (m) {
    case "x": r = 3; break;
    case 0: r = 4;
    }
    expect(r, 4);
}

mixed *end() {
    object me = this_object();
    function f;

    destruct(me);
    f = (: own :);
    variable++;
    return ({ this_object(), me, variable, own(), lower_case("SUB"), functionp(f) != 0, catch(evaluate(f)) });
}
int own() { return variable * 2; }

void test_own_code_runs_on() {
    object ob = new(__FILE__);
    mixed *r = ob->end();

    expect(r[0..5], ({ 0, 0, 6, 12, "sub", 1 }));
    expect_message(r[6], "of function pointer is destructed.");
    expect(ob, 0);
}
