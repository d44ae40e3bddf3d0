/* A parent's initialisers may run code of the heir: its variables are undefined by then. */
#include "/expect.h"
inherit "/cases/language/fixtures/early";

mixed mine = 5;

int answer() { return undefinedp(mine) ? -1 : mine; }

void test_order() {
    expect(asked, -1);
    expect(mine, 5);
}
