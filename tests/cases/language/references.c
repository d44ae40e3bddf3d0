/* ref parameters: language.md 8.16. */
#include "/expect.h"

class point { int x, y; }

int global = 1;

void increment(int ref x) { x++; }
void set(mixed ref x, mixed value) { x = value; }
void swap(mixed ref a, mixed ref b) {
    mixed kept = a;

    a = b;
    b = kept;
}
void twice(int ref x) { increment(ref x); increment(ref x); }
int *both(int ref x, int y) { x += y; return ({ x, y }); }
void append(string ref text, string more) { text += more; }

void test_variables() {
    int local = 5;

    increment(ref local);
    expect(local, 6);
    increment(& local);
    expect(local, 7);
    increment(ref global);
    expect(global, 2);
    global = 1;
}

void test_elements() {
    int *numbers = ({ 1, 2, 3 });
    mapping table = ([ "a": 1 ]);

    increment(ref numbers[1]);
    increment(ref numbers[<1]);
    increment(ref table["a"]);
    set(ref table["new"], "x");
    expect(numbers, ({ 1, 3, 4 }));
    expect(table, ([ "a": 2, "new": "x" ]));
}

void test_members() {
    class point p = new(class point, x: 1, y: 2);

    increment(ref p->x);
    set(ref p.y, 9);
    expect(({ p->x, p->y }), ({ 2, 9 }));
}

void test_characters() {
    string text = "abc";

    increment(ref text[0]);
    expect(text, "bbc");
}

void test_two_references() {
    mixed a = 1, b = "x";
    int *numbers = ({ 1, 2 });

    swap(ref a, ref b);
    expect(({ a, b }), ({ "x", 1 }));
    swap(ref numbers[0], ref numbers[1]);
    expect(numbers, ({ 2, 1 }));
}

void test_passed_on() {
    int local = 0;

    twice(ref local);
    expect(local, 2);
}

void test_value_and_reference() {
    int x = 1;

    expect(both(ref x, 5), ({ 6, 5 }));
    expect(x, 6);
}

void test_strings() {
    string text = "a";

    append(ref text, "b");
    expect(text, "ab");
}
