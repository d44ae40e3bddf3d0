/* Default arguments: evaluated for each call that leaves them out. */
#include "/expect.h"

int calls, base = 7;

int next() { return ++calls; }

int of_expression(int value : (: next() + base :)) { return value; }
mixed of_variable(mixed value : (: base :)) { return value; }
mixed of_function(mixed value : (: next :)) { return value; }
mixed of_list(mixed *value : (: ({ 1, base }) :)) { return value; }

void test_an_expression_is_evaluated_for_each_call() {
    calls = 0;
    expect(of_expression(), 8);
    expect(of_expression(), 9);
    expect(of_expression(1), 1);
    expect(calls, 2);
}

void test_the_name_of_a_variable_is_its_value() {
    base = 9;
    expect(of_variable(), 9);
    base = 7;
    expect(of_variable(), 7);
    expect(of_variable("given"), "given");
}

void test_the_name_of_a_function_is_a_pointer_to_it() {
    calls = 0;
    expect(functionp(of_function()) != 0, 1);
    expect(calls, 0);
    expect(evaluate(of_function()), 1);
}

void test_each_call_gets_an_array_of_its_own() {
    mixed *one = of_list(), *two = of_list();

    one[0] = 5;
    expect(two, ({ 1, 7 }));
}
