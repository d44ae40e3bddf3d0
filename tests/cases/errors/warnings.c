// What compiles but is probably not meant: diagnostics.md 2.2.
#include "/expect.h"

int number;;                    // warning LPC5201: Extra ';'. Ignored.

void unused_local() {
    int never;                  // warning LPC5001: Unused local variable 'never'
}

void no_effect(int a) {
    a + 1;                      // warning LPC5002: Expression has no side effects, and the value is unused
    a == 1;                     // warning LPC5003: Value of conditional expression is unused
}

int without_value(int a) {
    if (a) return 1;
    return;                     // warning LPC5005: Non-void functions must return a value.
}

mixed branches(int a) {
    return a ? "text" : 5;      // warning LPC5004: Types in \?: do not match.*
}

function pair() {
    return (: "name" :);               // warning LPC5009: Function pointer returning string constant is NOT a function call
}

void test_it_is_a_comma_expression() {
    expect(evaluate(pair()), "name");
    expect(evaluate((: this_object(), "name" :)), "name");
}

void negative(int *numbers) {
    number = numbers[-1];       // warning LPC5010: A negative constant in arr\[x\] no longer means indexing from the end.*
}

mixed bits(int a, int b) {
    return a == 1 | b == 2;     // warning LPC5011: bitwise operation on boolean values.
}
