/* while, do, for, break, continue: language.md 4. */
#include "/expect.h"

void test_while() {
    int i = 0, sum = 0;

    while (i < 5) {
        i++;
        if (i == 2) continue;
        if (i == 4) break;
        sum += i;
    }
    expect(({ i, sum }), ({ 4, 4 }));
}

void test_do() {
    int i = 10, rounds = 0;

    do {
        rounds++;
        if (rounds < 3) continue;   // goes to the condition
        i = 0;
    } while (i);
    expect(rounds, 3);
    do rounds++; while (rounds < 3);
    expect(rounds, 4);
}

void test_for() {
    string seen = "";
    int i, j;

    for (i = 0; i < 5; i++) {
        if (i == 1) continue;       // still runs the step
        if (i == 3) break;
        seen += i;
    }
    expect(seen, "02");
    for (;;) {
        if (++j > 3) break;
    }
    expect(j, 4);
    for (int k = 3; k--; ) seen += k;
    expect(seen, "02210");
}

void test_for_with_several_variables() {
    int i, j;
    string seen = "";

    for (i = 0, j = 3; i < j; i++, j--) {
        seen += i + "" + j + " ";
    }
    expect(seen, "03 12 ");
}

void test_nested_breaks() {
    string seen = "";

    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            if (j > i) break;
            seen += i + "" + j + " ";
        }
    }
    expect(seen, "00 10 11 20 21 22 ");
}

void test_loop_variable_may_change() {
    string seen = "";

    for (int i = 0; i < 10; i++) {
        seen += i;
        i += 3;
    }
    expect(seen, "048");
}

int found(int *numbers, int wanted) {
    foreach (int number in numbers) {
        while (1) {
            if (number == wanted) return 1;
            break;
        }
    }
    return 0;
}

void test_return_from_inside() {
    expect(found(({ 1, 2, 3 }), 2), 1);
    expect(found(({ 1, 2, 3 }), 5), 0);
}

void test_dangling_else() {
    int a = 1, b = 0, got = 0;

    if (a)
        if (b) got = 1;
        else got = 2;
    expect(got, 2);
    if (b) got = 3;
    else if (a) got = 4;
    else got = 5;
    expect(got, 4);
}

void test_condition_may_assign() {
    int i = 3, sum = 0, left;

    while ((left = i--)) sum += left;
    expect(sum, 6);
}
