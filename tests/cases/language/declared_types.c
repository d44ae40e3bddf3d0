/* What a declaration says may be wrong: language.md 7. */
#include "/expect.h"

int same(int a, int b) { return a == b; }
int differ(string a, string b) { return a != b; }
int lower(int a, int b) { return a < b; }
int plus(int a, int b) { return a + b; }
append(int a) { a += "s"; return a; }
grow() { int *a; a += ({ 1 }); return a; }

void test_arrays_in_other_variables() {
    mixed m = ({ 1 }), n = ({ 1 });

    expect(this_object()->same(m, n), 0);
    expect(this_object()->same(m, m), 1);
    expect(this_object()->same(({ }), ({ })), 1);
    expect(this_object()->same(1, n), 0);
    expect(this_object()->differ(m, n), 1);
    expect(this_object()->differ(m, m), 0);
    expect(this_object()->differ("a", n), 1);
    expect_message(catch(this_object()->lower(m, n)), "Bad argument 1 to <");
    expect_message(catch(this_object()->lower(1, n)), "Bad argument 2 to <");
    expect_message(catch(this_object()->plus(m, n)), "Bad type argument to +");
}

void test_arrays_that_share_their_elements() {
    mixed a = ({ 1 }), b = ({ 1 });

    for (int i = 0; i < 200; i++) {
        a = ({ a, a });
        b = ({ b, b });
    }
    expect(this_object()->same(a, b), 0);
    expect_message(catch(this_object()->lower(a, b)), "Bad argument 1 to <");
}

void test_adding_to_a_number() {
    expect_error((: append(5) :), "Left hand side of += is a number (or zero); right side is not a number.");
    expect_error((: grow() :), "Left hand side of += is a number (or zero); right side is not a number.");
}

void test_product_of_mappings() {
    mixed m = ([ "a": "b" ]), n = ([ ]);
    int r = 0;

    if (m * n) {
        r = 1;
    }
    expect(r, 1);
}

void test_quotients_as_keys() {
    float f = 6.0;
    mapping m = ([ ]);

    for (int i = 3; i > 2; i--) {
        m[f / i]++;
    }
    expect(m[2.0], 1);
    expect(undefinedp(m[2]), 1);
}

void test_bounds_that_are_no_numbers() {
    int *a = ({ 1, 2 });
    mixed m = "x";

    expect_message(catch(a[m..1] = ({ })), "must be a number");
    expect_message(catch(a[0..m] = ({ })), "must be a number");
}
