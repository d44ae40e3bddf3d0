/* 64-bit arithmetic: language.md 8.1. */
#include "/expect.h"

int max = 9223372036854775807;
int min = -9223372036854775807 - 1;

void test_sums_wrap() {
    int x = max;

    expect(x + 1, min);
    expect(min - 1, max);
    expect(x + x, -2);
    expect(min + min, 0);
    x++;
    expect(x, min);
    x--;
    expect(x, max);
    x += 2;
    expect(x, min + 1);
    x -= 2;
    expect(x, max);
}

void test_products_wrap() {
    int x = max;

    expect(x * 2, -2);
    expect(x * x, 1);
    expect(min * -1, min);
    x *= 4;
    expect(x, -4);
    expect(4294967296 * 4294967296, 0);
}

void test_products_of_many_wrap() {
    int x = 1;

    for (int i = 0; i < 40; i++) {
        x = x * 31 + i;
    }
    expect(x, 7781370080644768533);
}

void test_negation_wraps() {
    expect(-min, min);
    expect(-max, min + 1);
}

void test_division_truncates() {
    int seven = 7, two = 2;

    expect(-7 / 2, -3);
    expect(7 / -2, -3);
    expect(-7 / -2, 3);
    expect(-seven / two, -3);
    expect(seven / -two, -3);
    expect(1 / 2, 0);
    expect(-1 / 2, 0);
    expect(max / 10, 922337203685477580);
    expect(min / 10, -922337203685477580);
}

void test_remainder_has_the_sign_of_the_dividend() {
    int seven = 7, three = 3;

    expect(-7 % 3, -1);
    expect(7 % -3, 1);
    expect(-seven % three, -1);
    expect(seven % -three, 1);
    expect(-seven % -three, -1);
    expect(max % 10, 7);
    expect(min % 10, -8);
}

void test_division_by_minus_one() {
    int minus = -1;

    expect(min / minus, min);
    expect(min % minus, 0);
    expect(7 % minus, 0);
    expect(7 / minus, -7);
}

void test_division_by_zero() {
    int zero = 0, got = 5;

    expect_message(catch(got = 1 / zero), "Division by zero");
    expect_message(catch(got = 1 % zero), "Modulus by zero.");
    expect_message(catch(got /= zero), "Division by zero");
    expect_message(catch(got %= zero), "Modulus by zero.");
    expect(got, 5);
}

void test_shifts() {
    int bits = 64;

    expect(1 << 3, 8);
    expect(1 << 63, min);
    expect(1 << 64, 1);
    expect(1 << 65, 2);
    expect(1 << bits, 1);
    expect(256 >> 4, 16);
    expect(-1 >> 1, -1);
    expect(-8 >> 1, -4);
    expect(min >> 63, -1);
    expect(8 >> bits, 8);
    expect(1 << -1, min);
    expect(3 << 63, min);
}

void test_bits() {
    int x = 12;

    expect(5 & 3, 1);
    expect(5 | 3, 7);
    expect(5 ^ 3, 6);
    expect(~5, -6);
    expect(~0, -1);
    expect(-1 & 255, 255);
    x &= 10;
    expect(x, 8);
    x |= 3;
    expect(x, 11);
    x ^= 2;
    expect(x, 9);
    x <<= 2;
    expect(x, 36);
    x >>= 3;
    expect(x, 4);
    x %= 3;
    expect(x, 1);
}

void test_steps() {
    int x = 5;

    expect(x++, 5);
    expect(x, 6);
    expect(++x, 7);
    expect(x--, 7);
    expect(--x, 5);
    expect(x++ + x++, 11);
    expect(x, 7);
}

void test_steps_of_elements() {
    int *numbers = ({ 1, 2 });
    mapping table = ([ ]);

    expect(numbers[0]++, 1);
    expect(++numbers[1], 3);
    expect(table["a"]++, 0);
    expect(++table["a"], 2);
    expect(--table["b"], -1);
    expect(numbers, ({ 2, 3 }));
    expect(table, ([ "a": 2, "b": -1 ]));
}

void test_steps_wrap_in_elements() {
    int *numbers = ({ max, min });

    numbers[0]++;
    numbers[1]--;
    expect(numbers, ({ min, max }));
}
