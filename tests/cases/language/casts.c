/* Casts say, they do not convert: language.md 5. */
#include "/expect.h"

void test_value_stays() {
    mixed text = "5", real = 1.5;

    expect((int)text, "5");
    expect(typeof((int)text), "string");
    expect((string)real, 1.5);
    expect(sizeof((mixed *)text), 1);
}

void test_for_the_checker() {
    mixed array = ({ 1, 2 });
    int *numbers = (int *)array;

    expect_same(numbers, array);
}
