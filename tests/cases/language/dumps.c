/* sprintf("%O"): language.md 11. */
#include "/expect.h"

class point { int x, y; }
class single { mixed only; }

string dump(mixed value) { return sprintf("%O", value); }

void test_simple() {
    expect(dump(5), "5");
    expect(dump(-5), "-5");
    expect(dump(1.5), "1.500000");
    expect(dump("a"), "\"a\"");
    expect(dump("a\"b\n"), "\"a\"b\n\"");
    expect(dump(this_object()), "/cases/language/dumps");
}

void test_empty() {
    expect(dump(({ })), "({ })");
    expect(dump(([ ])), "([ ])");
    expect(dump(allocate_buffer(0)), "BUFFER ( )");
}

void test_arrays() {
    expect(dump(({ 1 })), "({ /* sizeof() == 1 */\n  1\n})");
    expect(dump(({ 1, "a" })), "({ /* sizeof() == 2 */\n  1,\n  \"a\"\n})");
    expect(dump(({ ({ 1 }), ({ }) })), "({ /* sizeof() == 2 */\n  ({ /* sizeof() == 1 */\n    1\n  }),\n  ({ })\n})");
}

void test_mappings() {
    expect(dump(([ "k": 1 ])), "([ /* sizeof() == 1 */\n  \"k\" : 1,\n])");
    expect(dump(([ "k": ({ 1 }) ])),
        "([ /* sizeof() == 1 */\n  \"k\" : ({ /* sizeof() == 1 */\n      1\n    }),\n])");
}

void test_classes() {
    expect(dump(new(class point, x: 1)), "CLASS( 2 elements\n  1,\n  0\n )");
    expect(dump(new(class single, only: "x")), "CLASS( 1 element\n  \"x\"\n )");
}

void test_buffers() {
    expect(dump(to_buffer(({ 255 }))), "BUFFER ( /* sizeof() == 1 */\n  0xff\n)");
}

void test_functions() {
    expect(dump((: $1 + $2 :)), "(: <code>($1, $2) :)");
    expect(dump((: dump, 5 :)), "(: dump, 5 :)");
}
