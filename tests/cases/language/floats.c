/* Floats and the conversions between numbers: language.md 7 and 8.4. */
#include "/expect.h"

int whole(float x) { return x; }
float half(int x) { return x; }
int same_int(int x) { return x; }

void test_arithmetic() {
    float x = 1.5;

    expect(x + 1, 2.5);
    expect(1 + x, 2.5);
    expect(7 / 2.0, 3.5);
    expect(7.0 / 2, 3.5);
    expect(x * 2, 3.0);
    expect(x - 2, -0.5);
    expect(-x, -1.5);
    x++;
    expect(x, 2.5);
    x -= 1;
    expect(x, 1.5);
    x /= 2;
    expect(x, 0.75);
    expect(typeof(1 + 1.0), "float");
}

void test_comparisons_with_integers() {
    expect(1 == 1.0, 1);
    expect(1.5 > 1, 1);
    expect(1 < 1.5, 1);
    expect(2 >= 2.0, 1);
    expect(1 != 1.5, 1);
}

void test_division_by_zero() {
    float zero = 0.0, got = 1.0;
    int nothing = 0;

    expect_message(catch(got = 1.0 / zero), "Division by ");
    expect_message(catch(got = 1.0 / nothing), "Division by ");
    expect_message(catch(got /= zero), "Division by ");
    expect(got, 1.0);
}

void test_only_integers_have_a_remainder_and_bits() {
    mixed x = 1.5, got;

    expect_message(catch(got = x % 2), "");
    expect_message(catch(got = x & 1), "");
    expect_message(catch(got = x << 1), "");
    expect_message(catch(got = ~x), "");
    expect(got, 0);
}

void test_text() {
    expect("" + 1.5, "1.500000");
    expect(1.5 + "", "1.500000");
    expect("" + -0.25, "-0.250000");
    expect("" + 1e20, "100000000000000000000.000000");
    expect("" + 0.0000001, "0.000000");
}

void test_known_types_convert() {
    int i = 3.7;
    int negative = -3.7;
    float f = 3;

    expect(i, 3);
    expect(negative, -3);
    expect(f, 3.0);
    i = 9.9;
    expect(i, 9);
    i += 1.5;
    expect(i, 10);
    i *= 2.5;
    expect(typeof(i), "int");
    f = 7;
    expect(typeof(f), "float");
    f += 1;
    expect(f, 8.0);
}

void test_return_converts() {
    expect(whole(2.9), 2);
    expect(whole(-2.9), -2);
    expect(half(3), 3.0);
}

void test_arguments_of_functions_do_not_convert() {
    expect(same_int(1.5), 1.5);
}

void test_mixed_does_not_convert() {
    int i;
    mixed m = 1.5;

    i = m;
    expect(typeof(i), "float");
}
