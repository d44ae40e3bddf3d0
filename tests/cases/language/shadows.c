/* Shadows take the calls of what they cover. */
#include "/expect.h"

string who() { return "victim"; }
string below() { return "below"; }
nomask int fixed() { return 1; }

void test_the_shadow_answers_and_reaches_what_it_covers() {
    object shade = new("/cases/language/fixtures/shade");

    expect_same(shade->cover(this_object()), this_object());
    expect(this_object()->who(), "shade of victim");
    expect(this_object()->below(), "below");
    expect(shade->below(), "below");
    expect(shadow(this_object(), 0) == shade, 1);
    expect(query_shadowing(shade) == this_object(), 1);
    destruct(shade);
    expect(this_object()->who(), "victim");
    expect(shadow(this_object(), 0), 0);
}

void test_the_newest_shadow_comes_first() {
    object first = new("/cases/language/fixtures/shade"), second = new("/cases/language/fixtures/shade");

    first->cover(this_object());
    second->cover(this_object());
    expect(this_object()->who(), "shade of shade of victim");
    expect(remove_shadow(first), 1);
    expect(this_object()->who(), "shade of victim");
    destruct(second);
    destruct(first);
}

void test_what_cannot_be_shadowed() {
    object shade = new("/cases/language/fixtures/shade");

    expect(catch(shadow(this_object())), "*shadow: Can't shadow self\n");
    shade->cover(this_object());
    expect(catch(shade->cover(this_object())), "*shadow: Already shadowing\n");
    destruct(shade);
}
