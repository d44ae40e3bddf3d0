/* class and struct: language.md 3 and 8.14. */
#include "/expect.h"

class point { int x, y; }
class shape {
    string name;
    class point *corners;
    mixed extra;
};                              // warning LPC5201: Extra ';'. Ignored.
struct pair { mixed first; mixed second; }

class point made = new(class point, x: 7);

class point at(int x, int y) { return new(class point, x: x, y: y); }
int sum(class point p) { return p->x + p->y; }
void move(class point p, int by) { p->x += by; }

void test_members() {
    class point p = new(class point, x: 1, y: 2);

    expect(p->x, 1);
    expect(p.y, 2);
    p->x = 5;
    p.y += 10;
    p->x++;
    expect(({ p->x, p->y }), ({ 6, 12 }));
}

void test_members_default_to_zero() {
    class point p = new(class point);

    expect(({ p->x, p->y }), ({ 0, 0 }));
    expect(made->x + made->y, 7);
}

void test_references() {
    class point p = at(1, 2), q = p;

    q->x = 9;
    expect(p->x, 9);
    move(p, 1);
    expect(q->x, 10);
    expect(p == q, 1);
    expect(p == at(10, 2), 0);
}

void test_in_functions() {
    expect(sum(at(3, 4)), 7);
    expect(at(3, 4)->y, 4);
}

void test_nested() {
    class shape s = new(class shape, name: "line", corners: ({ at(0, 0), at(1, 1) }));

    expect(s->corners[1]->x, 1);
    s->corners[0]->y = 5;
    expect(s->corners[0]->y, 5);
    expect(sizeof(s->corners), 2);
    expect(s->extra, 0);
}

void test_arrays_of() {
    class point *points = ({ at(1, 1), at(2, 2) });
    int total = 0;

    foreach (class point p in points) total += p->x;
    expect(total, 3);
    points[0]->x = 8;
    expect(points[0]->x, 8);
}

void test_struct_is_class() {
    struct pair p = new(struct pair, first: 1, second: "b");
    class pair q = p;

    expect(q->second, "b");
}

void test_through_mixed() {
    mixed p = at(1, 2);

    expect(p->x, 1);
    expect(p.y, 2);
    p->x = 4;
    expect(((class point)p)->x, 4);
}

void test_kind() {
    expect(typeof(made), "class");
    expect(classp(made), 1);
    expect(sizeof(made), 2);
}
