/* What is known of an int's size must hold wherever it is used: language.md 8.1. */
#include "/expect.h"

#define LEAST (-9223372036854775807 - 1)
#define MOST 9223372036854775807

int one = 1, zero;

void test_assigned_in_what_may_not_run() {
    int x = 1, y;

    y = zero || (x = MOST);
    expect(x + 1, LEAST);
    expect(y, MOST);
    x = 1;
    y = one ? (x = MOST) : 0;
    expect(x + 1, LEAST);
    x = MOST;
    if (zero && (x = 5)) {
        y = 0;
    }
    expect(x + 1, LEAST);
    x = MOST;
    zero ? x = 5 : 0;
    expect(x + 1, LEAST);
}

void test_assigned_in_a_condition() {
    int x = zero;

    if (x < 100 && (x = MOST)) {
        expect(x + 1, LEAST);
    }
    x = zero;
    while (x < 5 && (x = MOST)) {
        expect(x + 1, LEAST);
    }
    x = zero;
    expect(x < 5 && (x = MOST) ? x + 1 : 0, LEAST);
}

void test_a_catch_that_ends_early() {
    int x = MOST;

    catch {
        if (one) {
            error("enough");
        }
        x = 5;
    };
    expect(x + 1, LEAST);
}

void test_scanned_in_a_switch() {
    int x = 1;

    switch (zero) {
    case 0..10:
        sscanf("9223372036854775807", "%d", x);
        break;
    }
    expect(x + 1, LEAST);
}

void test_least_int_negated() {
    int x = LEAST;

    expect(-x, LEAST);
    expect(-LEAST, LEAST);
    expect(-(MOST + 1), LEAST);
    expect((MOST + 1) | 1, LEAST + 1);
    expect((MOST + 1) >> 1, -4611686018427387904);
    expect((MOST + 1) / 2, -4611686018427387904);
    expect((MOST + 1) % 10, -8);
    expect((one ? MOST + 1 : 5) - 6, MOST - 5);
    expect_error((: ({ 1 })[-LEAST + zero] :), "Array index must be positive or zero.");
}

void test_truth_of_a_wrapped_product() {
    int x = 4294967296, y = 0;

    expect(x * x, 0);
    expect(!(x * x), 1);
    expect(x * x ? 1 : 2, 2);
    if (x * x || MOST + MOST + 2) {
        y = 1;
    }
    expect(y, 0);
    expect((LEAST << 1) && 1, 0);
}

void test_a_loop_over_all_ints() {
    int i, rounds = 0;

    for (i = LEAST; i < MOST; i++) {
        if (++rounds == 5) {
            break;
        }
    }
    expect(i, LEAST + 4);
    for (i = MOST - 2; i < MOST; i++) {
        rounds++;
    }
    expect(i, MOST);
    expect(rounds, 7);
}

int *counted(int limit) {
    int i, rounds = 0;

    for (i = 0; i < limit; i++) {
        rounds++;
    }
    return ({ i, rounds });
}

int *counted_to(int limit) {
    int i, rounds = 0;

    for (i = 0; i <= limit; i++) {
        rounds++;
    }
    return ({ i, rounds });
}

int counted_reference(int ref limit) {
    int rounds = 0;

    for (int i = 0; i < limit; i++) {
        rounds++;
    }
    return rounds;
}

void test_limits_that_are_no_ints() {
    mixed gone = new(__FILE__), limit = 3;

    destruct(gone);
    expect(call_other(this_object(), "counted", 2.5), ({ 3, 3 }));
    expect(call_other(this_object(), "counted", 2.0), ({ 2, 2 }));
    expect(call_other(this_object(), "counted_to", 2.5), ({ 3, 3 }));
    expect(call_other(this_object(), "counted_to", 2.0), ({ 3, 3 }));
    expect(call_other(this_object(), "counted_to", -1e300), ({ 0, 0 }));
    expect(call_other(this_object(), "counted"), ({ 0, 0 }));
    expect(call_other(this_object(), "counted", gone), ({ 0, 0 }));
    expect_message(catch(call_other(this_object(), "counted", "x")), "Bad argument 2 to <");
    expect(counted_reference(ref limit), 3);
}

void test_undefined_counter() {
    int i, seen = 0;

    for (; i < 1; i++) {
        seen = undefinedp(i);
    }
    expect(seen, 1);
}

void test_counter_as_its_own_limit() {
    int i, rounds = 0;

    for (i = 0; i <= i; i++) {
        if (++rounds == 3) {
            break;
        }
    }
    expect(rounds, 3);
}

void test_floats_that_fit_no_int() {
    float huge = 1e301;
    int x = huge;

    expect(typeof(x), "int");
    expect(x, LEAST);
    huge = 1e19;
    x = huge;
    expect(x, LEAST);
    huge = -1.9;
    x = huge;
    expect(x, -1);
}
