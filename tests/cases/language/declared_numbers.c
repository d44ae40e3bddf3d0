/* Declared numbers that are none: docs/adr/0004. */
#include "/expect.h"

int sum(int a, int b) { return a + b; }
int difference(int a, int b) { return a - b; }
int is_less(int a, int b) { return a < b; }

mixed outcome(string name, mixed value) {
    mixed result, message = catch(result = call_other(this_object(), name, value, value));

    return message || result;
}

void test_floats_work() {
    expect(outcome("sum", 1.5), 3.0);
    expect(outcome("difference", 1.5), 0.0);
    expect(outcome("is_less", 1.5), 0);
}

void test_what_is_no_number_is_an_error() {
    expect_message(outcome("sum", "a"), "");            // differs fluffos: concatenates
    expect_message(outcome("sum", ({ 1 })), "");        // differs fluffos: adds the arrays
    expect_message(outcome("sum", this_object()), "");
    expect_message(outcome("difference", "a"), "");
    expect_message(outcome("difference", ([ ])), "");
    expect_message(outcome("is_less", ([ ])), "");
    expect_message(outcome("is_less", this_object()), "");
}
