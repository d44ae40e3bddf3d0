/* Values nobody uses are not computed, errors included: language.md 8.12. */
#pragma no_warnings
#include "/expect.h"

int calls;

int called() { calls++; return 0; }

void test_dropped_expressions() {
    int *numbers = ({ 1 });
    int past = 99, zero = 0;

    numbers[past];
    1 / zero;
    -zero;
    numbers[past..];
    expect(numbers, ({ 1 }));
}

void test_nothing_to_catch() {
    int *numbers = ({ 1 });
    int past = 99, zero = 0, y;

    expect(catch(numbers[past]), 0);
    expect(catch(1 / zero), 0);
    expect_message(catch(y = numbers[past]), "Array index out of bounds.");
    expect_message(catch(y = 1 / zero), "Division by zero");
    expect(y, 0);
}

void test_calls_and_assignments_inside_stay() {
    int x = 0;

    calls = 0;
    called() + 1;
    ({ called(), x = 5 });
    !called();
    expect(calls, 3);
    expect(x, 5);
}
