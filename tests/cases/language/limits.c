/* Everything LPC can make grow has an end, and reaching it is an ordinary error: language.md 10. */
#include "/expect.h"

#define MANY 1000000000

string doubled(int times) {
    string text = "0123456789";

    while (times--) text += text;
    return text;
}

mixed *arrays(int times) {
    mixed *array = ({ 1, 2, 3, 4 });

    while (times--) array += array;
    return array;
}

int endless(int n) { return endless(n + 1) + 1; }
int ping(int n) { return pong(n); }
int pong(int n) { return ping(n) + 1; }
int by_call_other(int n) { return this_object()->by_call_other(n + 1) + 1; }

void test_sizes() {
    mixed got;

    expect_message(catch(got = doubled(60)), "");
    expect_message(catch(got = arrays(60)), "");
    expect_message(catch(got = allocate(MANY)), "llegal array size");
    expect_message(catch(got = allocate(-1)), "");
    expect_message(catch(got = allocate_buffer(MANY)), "");
    expect(undefinedp(got), 1);
}

void test_depth() {
    int got;
    function f = function (function g) { return evaluate(g, g) + 1; };

    expect(catch(got = endless(0)), "*Too deep recursion.\n");
    expect(catch(got = ping(0)), "*Too deep recursion.\n");
    expect(catch(got = by_call_other(0)), "*Too deep recursion.\n");
    expect(catch(got = evaluate(f, f)), "*Too deep recursion.\n");
    expect(got, 0);
}

void test_after_a_limit_life_goes_on() {
    mixed got;

    for (int i = 0; i < 5; i++) {
        expect(catch(got = endless(0)), "*Too deep recursion.\n");
    }
    expect(strlen(doubled(3)), 80);
}

void test_deep_data() {
    mixed *nested = ({ });

    for (int i = 0; i < 100000; i++) nested = ({ nested });
    expect(sizeof(nested), 1);
    expect(stringp(sprintf("%O", nested)), 1);
}
