/* Arrays: language.md 8.10. */
#include "/expect.h"

void test_literals() {
    int *more = ({ 2, 3 });

    expect(sizeof(({ })), 0);
    expect(({ 1, 2, }), ({ 1, 2 }));
    expect(({ 1, more..., 4 }), ({ 1, 2, 3, 4 }));
    expect(({ more..., more... }), ({ 2, 3, 2, 3 }));
    expect(({ 1, "a", ({ 2.5 }) })[2][0], 2.5);
}

void test_each_evaluation_makes_a_new_one() {
    mixed *made = ({ });

    for (int i = 0; i < 2; i++) {
        made += ({ ({ 0 }) });
    }
    made[0][0] = 5;
    expect(made, ({ ({ 5 }), ({ 0 }) }));
}

void test_references() {
    int *one = ({ 1, 2 }), *two = one;

    two[0] = 9;
    expect(one, ({ 9, 2 }));
    expect_same(one, two);
}

void test_index() {
    int *numbers = ({ 1, 2, 3 });
    int at = 1;

    expect(numbers[at], 2);
    expect(numbers[<at], 3);
    expect(numbers[<3], 1);
    numbers[<1] = 9;
    numbers[at] += 5;
    expect(numbers, ({ 1, 7, 9 }));
}

void test_index_out_of_bounds() {
    int *numbers = ({ 1, 2, 3 });
    int past = 3, before = -1, none = 0, four = 4, got;

    expect_message(catch(got = numbers[past]), "Array index out of bounds.");
    expect_message(catch(got = numbers[<four]), "Array index");
    expect_message(catch(got = numbers[<none]), "Array index");
    expect_message(catch(got = numbers[before]), "Array index must be positive or zero.");
    expect_message(catch(numbers[past] = 1), "Array index out of bounds");
    expect_message(catch(numbers[before] = 1), "Array index out of bounds");
    expect_message(catch(numbers[past]++), "Array index out of bounds");
    expect(numbers, ({ 1, 2, 3 }));
    expect(got, 0);
}

void test_what_cannot_be_indexed() {
    mixed zero = 0, number = 5, got;

    expect_message(catch(got = zero[0]), "Value being indexed is zero.");
    expect_message(catch(got = number[0]), "");
    expect_message(catch(zero[0] = 1), "");
    expect(undefinedp(got), 1);
}

void test_index_is_a_number() {
    mixed numbers = ({ 1, 2 }), key = "a", real = 1.0, got;

    expect_message(catch(got = numbers[key]), "");
    expect_message(catch(got = numbers[real]), "");
    expect(undefinedp(got), 1);
}

void test_nested() {
    mixed *rows = ({ ({ 1, 2 }), ([ "k": ({ 3 }) ]) });

    rows[0][1] = 5;
    rows[1]["k"][0]++;
    rows[1]["new"] = "x";
    expect(rows, ({ ({ 1, 5 }), ([ "k": ({ 4 }), "new": "x" ]) }));
}

void test_index_of_an_assignment() {
    int *numbers;

    (numbers = ({ 1, 2 }))[0] = 7;
    expect(numbers, ({ 7, 2 }));
    expect((numbers = ({ 4, 5 }))[1], 5);
}

void test_itself_inside() {
    mixed *loop = ({ 0 });

    loop[0] = loop;
    expect_same(loop[0][0][0], loop);
    loop[0] = 0;
}
