/* `private inherit`: language.md 3. */
#include "/expect.h"

inherit "/cases/language/fixtures/hider";

void test_reached_only_through_the_parent() {
    expect(through(), 1);
    expect(undefinedp(call_other(this_object(), "query_log")), 1);
}

int query_value() { return 100; }

void test_own_function_of_a_hidden_name() {
    expect(query_value(), 100);
}
