/* `$(…)` in functionals, as a value and as a target. */
#include "/expect.h"

void test_is_read_when_the_functional_is_made() {
    int step = 2;
    function add = (: $1 + $(step) :);

    step = 5;
    expect(evaluate(add, 1), 3);
}

void test_elements_of_what_was_captured_can_be_set() {
    int *seen = ({ 0, 0, 0 });
    mapping names = ([ ]);

    map(({ 0, 2 }), (: $(seen)[$1] = 1 :));
    map(({ "a", "b" }), (: $(names)[$1] = $(seen)[0]++ :));
    expect(seen, ({ 3, 0, 1 }));
    expect(names, ([ "a": 1, "b": 2 ]));
}

void test_a_range_of_what_was_captured_can_be_set() {
    int *numbers = ({ 1, 2, 3 });

    evaluate((: $(numbers)[0..1] = ({ 8, 9 }) :));
    expect(numbers, ({ 8, 9, 3 }));
}

void test_assigning_the_capture_itself_changes_nothing_outside() {
    int count = 1;
    function assign = (: $(count) = $1 :);

    expect(evaluate(assign, 7), 7);
    expect(count, 1);
    expect(evaluate((: $(count) += 1 :)), 2);
    expect(evaluate((: ++$(count) :)), 2);
    expect(count, 1);
}
